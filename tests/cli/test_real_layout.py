"""The main job on files in LViT's layout, and what a defect in them brings."""

from functools import partial
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

PARTS = {"Train": 6, "Val": 2, "Test": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small set: grey 8-bit images of 40 x 48 pixels, masks with QaTa's prefix, a workbook a part."""
    generator = np.random.default_rng(0)
    for part, count in PARTS.items():
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (tmp_path / f"{part}_Folder" / kind).mkdir(parents=True)
        for number in range(count):
            name = f"sub-S{PARTS[part]}{number}_ses-E1_run-1.png"
            mask = np.zeros((40, 48), np.uint8)
            mask[10:25, 5 + number : 20 + number] = 255
            image = np.clip(generator.normal(90, 20, mask.shape) + mask / 3, 0, 255).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / f"{part}_Folder" / "img" / name)
            Image.fromarray(mask).save(tmp_path / f"{part}_Folder" / "labelcol" / f"mask_{name}")
            text = "Unilateral pulmonary infection, one infected area, upper right lung."
            book.active.append([f"mask_{name}", text])
        book.save(tmp_path / f"{part}_Folder" / f"{part}_text.xlsx")
    return tmp_path


def run(cli, folder: Path):
    return cli(
        "run", "--dataset", "lvit", "--data-root", folder, "--corruption", "motion,low-dose-ct", "--severity", "2",
        "--image-size", "32", "--width", "4", "--epochs", "1", "--accelerator", "cpu", "--output", folder / "results",
    )  # fmt: skip


def test_the_main_job_runs_on_real_files(cli, folder):
    done = run(cli, folder)
    assert done.returncode == 0, done.stderr
    assert "6 training, 2 validation and 3 test cases" in done.stdout
    (report,) = folder.glob("results/lvit-quick-*/report.html")
    # The names say that these are radiographs: they get the noise of a CT as asked for, and the user is told.
    for text in (done.stdout, report.read_text(encoding="utf-8")):
        told = " ".join(text.split())
        assert "low-dose-ct models the physics of CT slices, and this data set holds radiographs" in told
        assert "Made for radiographs: low-dose-xray." in told


def first(folder: Path, kind: str) -> Path:
    return min((folder / "Train_Folder" / kind).iterdir())


def shrink_mask(folder: Path) -> Path:
    path = first(folder, "labelcol")
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(path)
    return path


def remove_mask(folder: Path) -> Path:
    path = first(folder, "labelcol")
    path.unlink()
    return first(folder, "img")


def tear_image(folder: Path) -> Path:
    path = first(folder, "img")
    path.write_bytes(path.read_bytes()[:100])
    return path


def empty_text(folder: Path) -> Path:
    path = folder / "Train_Folder" / "Train_text.xlsx"
    book = openpyxl.load_workbook(path)
    book.active["B3"] = "  "
    book.save(path)
    return path


def text_for_no_file(folder: Path) -> Path:
    path = folder / "Val_Folder" / "Val_text.xlsx"
    book = openpyxl.load_workbook(path)
    book.active.append(["mask_nobody.png", "Unilateral pulmonary infection, one infected area, upper right lung."])
    book.save(path)
    return path


@pytest.mark.parametrize("plant", [shrink_mask, remove_mask, tear_image, empty_text, text_for_no_file])
def test_a_defect_ends_the_run_before_training_and_is_named(within, folder, plant):
    culprit = plant(folder)
    done = run(partial(within, cwd=folder), folder)
    assert done.returncode == 2, done.stdout + done.stderr
    assert culprit.name in done.stderr.replace("\n", "")
    assert "Training" not in done.stdout
    assert "Traceback" not in done.stderr
