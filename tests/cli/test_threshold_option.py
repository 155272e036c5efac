"""``--threshold`` from the command line to the report."""

import json
import re
import shutil

import pandas as pd
import pytest

from biclip_bench.benchmark.threshold import CANDIDATES


def tables(output, threshold):
    """The tables of scores that were made with a threshold, and the values that it came to."""
    folders = [path.parent for path in (output / "cells" / "evaluation").rglob("cell.json")]
    read = {folder: json.loads((folder / "cell.json").read_text(encoding="utf-8")) for folder in folders}
    chosen = {path: told for path, told in read.items() if told["cell"].get("threshold", 0.5) == threshold}
    return pd.concat(pd.read_parquet(path / "scores.parquet") for path in chosen), [
        told["threshold"] for told in chosen.values()
    ]


def settings(output, before):
    (folder,) = set(output.glob("phantom-quick-*")) - before
    page = (folder / "report.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.fixture(scope="module")
def trained(finished_run, tmp_path_factory):
    """The session's run, to be evaluated further."""
    place = tmp_path_factory.mktemp("threshold")
    shutil.copytree(finished_run[0], place / "results")
    return place


@pytest.mark.parametrize("threshold", [0.2, "validation"])
def test_a_threshold_is_used_kept_and_told(threshold, trained, tiny, within):
    output = trained / "results"
    before = set(output.glob("phantom-quick-*"))
    grid = ("--model", "unet", "--corruption", "motion", "--severity", "5")
    done = within("run", *grid, *tiny, "--threshold", threshold, cwd=trained)
    assert done.returncode == 0, done.stderr
    assert "Training" not in done.stdout
    scores, values = tables(output, threshold)
    default, _ = tables(output, 0.5)
    (value,) = set(values)
    assert len(values) == 2
    key = ["model", "corruption", "severity", "case"]
    both = scores.set_index(key)
    other = default.set_index(key).loc[both.index]
    # The lower the threshold the larger the mask, and the probabilities stay what they are.
    change = (both["predicted_area"] - other["predicted_area"]) * (0.5 - value)
    assert (change >= 0).all()
    pd.testing.assert_series_equal(both["ece"], other["ece"])
    told = settings(output, before)
    if threshold == "validation":
        assert value in CANDIDATES
        assert "chosen per trained model on its clean validation cases (0.05 to 0.95 in steps of 0.05" in told
        assert f"unet {value:g}" in told
    else:
        assert value == 0.2
        assert "0.2 for every model" in told
    assert "HD95 in mm" in told
    again = within("run", *grid, *tiny, "--threshold", threshold, cwd=trained)
    assert "Nothing to compute" in again.stdout


@pytest.mark.parametrize("wrong", ["0", "1.5", "best"])
def test_a_wrong_threshold_is_told(wrong, within, tmp_path):
    done = within("run", "--threshold", wrong, cwd=tmp_path)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert f"threshold = '{wrong}' is wrong. Give a number between 0 and 1, such as 0.5, or validation" in told
    assert not (tmp_path / "results").exists()
