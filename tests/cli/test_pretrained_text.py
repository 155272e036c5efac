"""Runs with a pretrained text encoder that lies in a folder, or cannot be had."""

import json
import re
from collections.abc import Iterator

import pytest
import torch
from safetensors import safe_open

GRID = ("--model", "biclip", "--corruption", "motion", "--severity", "1")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from threads, and lose much to them on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_run_trains_with_a_frozen_encoder_and_refuses_to_evaluate_with_other_weights(
    within, tiny, write_cxr_bert, tmp_path
):
    folder = write_cxr_bert(tmp_path / "cxr-bert")
    options = (*tiny, "--epochs", "1", "--text-encoder", f"hf:{folder}", "--output", tmp_path / "out")
    done = within("run", *GRID, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (checkpoint,) = (path.parent for path in (tmp_path / "out" / "cells" / "training").rglob("weights.safetensors"))
    with safe_open(checkpoint / "weights.safetensors", framework="pt") as file:
        assert not [name for name in file.keys() if "text_encoder" in name]  # noqa: SIM118
    description = json.loads((checkpoint / "cell.json").read_text())
    assert len(description["frozen_text"]) == 1
    assert description["frozen_parameters"] > 0
    features = [path.parent.name for path in (tmp_path / "out" / "cache" / "text-features").rglob("*.safetensors")]
    assert set(features) == {description["frozen_text"][0][:32]}
    (report,) = (tmp_path / "out").glob("*/report.html")
    assert f"hf:{folder}" in report.read_text()

    evaluation = ("evaluate", checkpoint, "--corruption", "motion", "--severity", "2", "--output", tmp_path / "other")
    again = within(*evaluation, cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr

    write_cxr_bert(folder, seed=1)
    refused = within(*evaluation[:-1], tmp_path / "third", cwd=tmp_path)
    assert refused.returncode == 2
    assert "was trained with other weights of the frozen text encoder" in re.sub(r"\s+", " ", refused.stderr)

    anew = within("run", *GRID, *options, cwd=tmp_path)
    assert anew.returncode == 0, anew.stdout + anew.stderr
    assert len(list((tmp_path / "out" / "cells" / "training").rglob("weights.safetensors"))) == 2


def test_an_encoder_that_cannot_be_had_is_told_before_the_data_set_is_made(cli, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    done = cli("run", *tiny, "--text-encoder", "hf:some-group/some-bert", "--output", tmp_path / "out")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    message = re.sub(r"\s+", " ", done.stderr)
    assert "hf download some-group/some-bert --local-dir FOLDER" in message
    assert "--text-encoder hf:FOLDER" in message
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_gone_is_told_before_an_evaluation_reads_data(within, tiny, write_cxr_bert, tmp_path):
    folder = write_cxr_bert(tmp_path / "cxr-bert")
    options = ("--model", "biclip", "--text-encoder", f"hf:{folder}", "--train-text", "--epochs", "1")
    done = within("train", *tiny, *options, "--output", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (weights,) = (tmp_path / "out" / "cells" / "training").rglob("weights.safetensors")
    with safe_open(weights, framework="pt") as file:
        assert [name for name in file.keys() if name.startswith("text_encoder.")]  # noqa: SIM118
    (folder / "config.json").unlink()
    refused = within("evaluate", weights.parent, "--output", tmp_path / "other", cwd=tmp_path)
    assert refused.returncode == 2
    assert "there is no config.json in it" in re.sub(r"\s+", " ", refused.stderr)
    assert not (tmp_path / "other").exists()


def test_models_show_and_encoders_know_it(within, write_cxr_bert, tmp_path):
    folder = write_cxr_bert(tmp_path / "cxr-bert")
    shown = within(
        "models", "show", "biclip", "--text-encoder", f"hf:{folder}", "--width", "8", "--image-size", "64", cwd=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"and [\d,]+ frozen", shown.stdout)
    listed = within("models", "encoders", cwd=tmp_path).stdout
    for name in ("hf:NAME", "hf:FOLDER", "open_clip:MODEL", "open_clip:MODEL:PRETRAINED", "tiny"):
        assert name in listed
