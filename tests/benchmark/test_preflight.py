import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from biclip_bench.benchmark.config import ExperimentConfig
from biclip_bench.benchmark.preflight import check_before_training, check_machine
from biclip_bench.errors import UserError

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
