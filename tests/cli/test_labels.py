"""Which labels a run may use: drawn, written down and given back."""

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from PIL import Image

TINY = (
    "--corruption", "motion", "--severity", "3", "--model", "unet", "--image-size", "32", "--width", "4",
    "--epochs", "1", "--accelerator", "cpu",
)  # fmt: skip


def test_drawn_labels_are_written_and_a_run_with_them_is_the_same_run(within, tmp_path: Path):
    grid = ("--labels", "25,100", "--label-draws", "2", "--val-policy", "scaled", "--seed", "0,1")
    done = within("run", *TINY, "--patients", "8,4,2", *grid, "--output", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "draw 1, seed 1" in done.stdout
    (folder,) = tmp_path.glob("phantom-quick-*")
    table = pd.read_csv(folder / "labels.csv")
    assert sorted(set(zip(table["labels"], table["draw"], table["seed"], strict=True))) == [
        *((25, draw, seed) for draw in (0, 1) for seed in (0, 1)),
        (100, 0, 0),
        (100, 0, 1),
    ]
    assert set(table.loc[table["labels"] == 25, "part"]) == {"train", "val"}
    report = " ".join((folder / "report.html").read_text(encoding="utf-8").split())
    assert "the same share of the validation part as of the labels" in report
    assert "2 draws, each with every seed" in report

    again = within(
        "run", *TINY, "--patients", "8,4,2", "--labels-file", folder / "labels.csv", "--output", tmp_path, cwd=tmp_path
    )
    assert again.returncode == 0, again.stderr
    assert "Training unet" not in again.stdout  # every cell is in the store
    other = next(path for path in tmp_path.glob("phantom-quick-*") if path != folder)
    for name in ("scores.csv", "labels.csv"):
        assert (other / name).read_text() == (folder / name).read_text()
    repeated = within("run", "--config", other / "config.yaml", "--output", tmp_path, cwd=tmp_path)
    assert repeated.returncode == 0, repeated.stderr
    assert "Training unet" not in repeated.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--labels-file", "LABELS", "--labels", "5"), "labels_file already says which labels are used"),
        (("--labels-file", "LABELS"), "Row 2 of"),
        (("--labels-file", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--label-draws", "0"), "label_draws"),
        (("--val-policy", "some"), "val_policy"),
        (("--split", "patient"), "whole patients already"),
    ],
)  # fmt: skip
def test_wrong_label_options_are_told_in_a_paragraph(within, tmp_path: Path, options, says):
    labels = tmp_path / "mine.csv"
    labels.write_text("case\nnobody\n")
    given = [labels if option == "LABELS" else option for option in options]
    done = within("run", *TINY, "--patients", "2,1,2", *given, "--output", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_split_by_slice_is_told_and_dealt_anew(within, tmp_path: Path):
    """Five studies of four slices, of which every part holds some: as MosMedData+ is published."""
    generator = np.random.default_rng(0)
    for part, slices in {"Train": (0, 1), "Val": (2,), "Test": (3,)}.items():
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (tmp_path / f"{part}_Folder" / kind).mkdir(parents=True)
        for study in range(5):
            for place in slices:
                name = f"study_{study:04d}_slice{place:03d}.png"
                mask = np.zeros((40, 40), np.uint8)
                mask[10 + study : 20 + place, 8:20] = 255
                Image.fromarray(generator.integers(0, 255, mask.shape, np.uint8)).save(
                    tmp_path / f"{part}_Folder" / "img" / name
                )
                Image.fromarray(mask).save(tmp_path / f"{part}_Folder" / "labelcol" / name)
                book.active.append([name, "Unilateral pulmonary infection, one infected area, upper right lung."])
        book.save(tmp_path / f"{part}_Folder" / f"{part}_text.xlsx")
    data = ("--dataset", "lvit", "--data-root", tmp_path, "--output", tmp_path / "results")
    done = within("run", *TINY, *data, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = "5 of 5 test cases come from a patient or study that is also in training"
    assert told in " ".join(done.stdout.split())
    anew = within("run", *TINY, *data, "--split", "patient", cwd=tmp_path)
    assert anew.returncode == 0, anew.stderr
    assert told not in " ".join(anew.stdout.split())
    reports = [path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("results/lvit-quick-*/report.html"))]
    assert sorted((told in " ".join(text.split()), "not the published split" in text) for text in reports) == [
        (False, True),
        (True, False),
    ]
