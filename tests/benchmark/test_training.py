import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from biclip_bench.benchmark.schedule import warm_cosine
from biclip_bench.benchmark.training import LAST, TrainingModule, model_settings, train_cell
from biclip_bench.errors import UserError
from biclip_bench.models import Batch, build_model


def train(cell, dataset, folder: Path, stop_after: int | None = None):
    """Train on the CPU; ``stop_after`` ends the process's work after that epoch, as a kill would."""

    class Killed(BaseException):
        pass

    def progress(epoch: int, epochs: int, dice: float) -> None:
        if epoch == stop_after:
            raise Killed

    folder.mkdir(exist_ok=True)
    try:
        train_cell(cell, dataset, folder, accelerator="cpu", progress=progress)
    except Killed:
        return None
    return load_file(folder / "weights.safetensors")


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("model", ["unet", "biclip"])
def test_a_resumed_training_ends_with_the_bits_of_an_uninterrupted_one(model, make_cell, phantom, tmp_path):
    cell = make_cell(model)
    whole = train(cell, phantom, tmp_path / "whole")
    assert train(cell, phantom, tmp_path / "killed", stop_after=3) is None
    assert (tmp_path / "killed" / LAST).exists()
    resumed = train(cell, phantom, tmp_path / "killed")
    assert same(whole, resumed)
    files = [tmp_path / name / "weights.safetensors" for name in ("whole", "killed")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert (tmp_path / "killed" / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()


def test_a_torn_checkpoint_is_not_trusted_and_training_starts_again(make_cell, phantom, tmp_path):
    cell = make_cell()
    whole = train(cell, phantom, tmp_path / "whole")
    train(cell, phantom, tmp_path / "torn", stop_after=3)
    last = tmp_path / "torn" / LAST
    last.write_bytes(last.read_bytes()[:1000])
    assert same(whole, train(cell, phantom, tmp_path / "torn"))


def test_another_seed_gives_another_model(make_cell, phantom, tmp_path):
    one = train(make_cell(), phantom, tmp_path / "one")
    other = train(make_cell(seed=1), phantom, tmp_path / "other")
    assert not same(one, other)


def test_what_a_training_leaves(make_cell, phantom, tmp_path):
    cell = make_cell("biclip")
    train(cell, phantom, tmp_path / "cell")
    assert sorted(path.name for path in (tmp_path / "cell").iterdir()) == [
        "cell.json",
        "log.csv",
        "weights.safetensors",
    ]
    log = pd.read_csv(tmp_path / "cell" / "log.csv")
    assert log["epoch"].tolist() == [1, 2, 3]
    assert log["learning_rate"].iloc[-1] == pytest.approx(0, abs=1e-9)
    description = json.loads((tmp_path / "cell" / "cell.json").read_text())
    assert description["key"] == cell.key
    assert description["best_validation_dice"] == pytest.approx(log["validation_dice"].max(), abs=1e-6)
    assert description["cell"]["cases"] == list(cell.cases)
    assert "motion-blur" in description["augmented_with"]
    assert description["uses_text"] is True


def test_few_labels_are_passed_over_several_times(make_cell, phantom, tmp_path):
    cell = make_cell()
    scarce = replace(cell, cases=cell.cases[:2], training=replace(cell.training, minimum_steps=4, epochs=1))
    train(scarce, phantom, tmp_path / "scarce")
    rate = pd.read_csv(tmp_path / "scarce" / "log.csv")["learning_rate"].iloc[-1]
    # One epoch of four steps: the schedule has run to its end.
    assert rate == pytest.approx(0, abs=1e-9)


def test_the_text_branch_learns_at_its_own_rate(make_cell):
    cell = make_cell("biclip")
    model = build_model("biclip", model_settings(cell))
    module = TrainingModule(model, replace(cell.training, text_rate=0.25), 10, 32, cell.model)
    image, text = module.configure_optimizers()["optimizer"].param_groups
    assert text["initial_lr"] == image["initial_lr"] / 4
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    branch = {names[id(parameter)].split(".")[0] for parameter in text["params"]}
    assert branch == {"text_encoder", "text_head", "text_refinement", "generator"}
    assert len(image["params"]) + len(text["params"]) == len(names)


def test_a_loss_that_is_not_finite_names_the_model(make_cell):
    cell = make_cell()
    model = build_model("unet", model_settings(cell))
    torch.nn.init.constant_(next(model.parameters()), torch.nan)
    module = TrainingModule(model, cell.training, 10, 32, cell.model)
    batch = Batch(torch.rand(2, 3, 32, 32), ["", ""], torch.ones(2, 1, 32, 32))
    with pytest.raises(UserError, match=r"Training of model 'unet' gave a loss .* not finite in epoch 1 \(.* = nan\)"):
        module.training_step(batch, 0)


def test_without_warm_up_the_schedule_is_half_a_cosine():
    assert warm_cosine(0, 10, 0.0) == 1
    assert warm_cosine(5, 10, 0.0) == pytest.approx(0.5)
    assert warm_cosine(10, 10, 0.0) == pytest.approx(0)
    assert warm_cosine(11, 10, 0.0) == pytest.approx(0)


def test_a_warm_up_rises_in_a_line_to_the_peak():
    assert [warm_cosine(step, 100, 0.04) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert warm_cosine(52, 100, 0.04) == pytest.approx(0.5)
    assert warm_cosine(100, 100, 0.04) == pytest.approx(0)
