import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from biclip_bench.benchmark.config import ExperimentConfig
from biclip_bench.benchmark.preflight import check_before_training, check_machine
from biclip_bench.benchmark.trial import try_model
from biclip_bench.errors import UserError
from biclip_bench.models import Batch, SegmentationModel

Usage = namedtuple("Usage", "total used free")


def check(make_cell, phantom, output: Path, **changes) -> dict[str, int]:
    config = ExperimentConfig(output=output, accelerator="cpu", **changes)
    return check_before_training(config, phantom, [make_cell("biclip"), make_cell("unet")], evaluations=10)


def test_a_run_that_can_work_is_let_through(make_cell, phantom, tmp_path):
    parameters = check(make_cell, phantom, tmp_path)
    assert set(parameters) == {"biclip", "unet"}
    assert parameters["biclip"] > parameters["unet"] > 0


def test_a_full_disk_is_told_before_training(make_cell, phantom, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000_000))
    with pytest.raises(UserError, match=r"needs about 0\.\d\d GB in .*and 0\.00 GB are free.*--output"):
        check(make_cell, phantom, tmp_path)


def test_an_output_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written to.*--output"):
        check_machine(ExperimentConfig(output=tmp_path / "file" / "results"))


def test_an_accelerator_that_is_not_here(tmp_path):
    with pytest.raises(UserError, match="--accelerator abacus cannot be used here"):
        check_machine(ExperimentConfig(output=tmp_path, accelerator="abacus"))
    check_machine(ExperimentConfig(output=tmp_path, accelerator="cpu"))


def test_a_wrong_model_option_is_told_before_training(make_cell, phantom, tmp_path):
    config = ExperimentConfig(output=tmp_path, accelerator="cpu")
    cell = make_cell("biclip", model_settings={**make_cell().model_settings, "options": {"cicle": False}})
    with pytest.raises(UserError, match=r"cicle.*cycle"):
        check_before_training(config, phantom, [cell], evaluations=0)


def test_a_text_model_needs_texts(make_cell, phantom, tmp_path):
    class Wordless:
        index = phantom.index.assign(text="")

    config = ExperimentConfig(output=tmp_path, accelerator="cpu")
    with pytest.raises(UserError, match="'biclip' reads a text, but the data set 'phantom' has none"):
        check_before_training(config, Wordless(), [make_cell("biclip")], evaluations=0)
    check_before_training(config, Wordless(), [make_cell("unet")], evaluations=0)


class Faulty(SegmentationModel):
    """A user's model that keeps the contract or breaks it in one way."""

    uses_text = False
    paper = "none"

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        self.fault = fault
        self.convolution = torch.nn.Conv2d(1 if fault == "channels" else 3, 2 if fault == "classes" else 1, 1)

    def forward(self, batch: Batch) -> torch.Tensor:
        logits = self.convolution(batch.image)
        return {"halved": logits[..., ::2, ::2], "bundle": {"out": logits}}.get(self.fault, logits)

    def training_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        loss = (self.convolution(batch.image) - batch.mask) ** 2
        return {"number": loss.mean(), "map": {"mse": loss}}.get(self.fault, {"mse": loss.mean()})


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "classes",
            r"returned an output of shape \(2, 2, 48, 48\), not \(2, 1, 48, 48\): 2 classes where one is asked",
        ),
        ("halved", r"returned an output of shape \(2, 1, 24, 24\), not \(2, 1, 48, 48\): one logit for every pixel"),
        ("bundle", "returned dict, not a tensor"),
        ("channels", r"cannot predict a batch of 2 images of 48 x 48 pixels: RuntimeError: .*\(--debug shows where\)"),
        ("number", "gave Tensor for its losses: training_losses returns a dict"),
        ("map", r"gave the loss 'mse' as shape \(2, 1, 48, 48\): training_losses returns a dict of named scalar"),
    ],
)
def test_a_model_that_breaks_its_contract_is_named_before_training(fault, message):
    with pytest.raises(UserError, match=f"Model 'mine' {message}"):
        try_model(Faulty(fault), "mine", 48, ["", ""])


def test_a_model_that_keeps_its_contract_is_let_through():
    try_model(Faulty(), "mine", 48, ["", ""])


def test_the_preflight_tries_each_model(make_cell, phantom, tmp_path, monkeypatch):
    monkeypatch.setattr("biclip_bench.benchmark.preflight.build_model", lambda *_: Faulty("classes"))
    config = ExperimentConfig(output=tmp_path, accelerator="cpu")
    with pytest.raises(UserError, match=r"Model 'unet' returned.* 2 classes"):
        check_before_training(config, phantom, [make_cell("unet")], evaluations=0)
