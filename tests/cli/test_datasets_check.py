"""The command ``datasets check``, and what a run says about what it finds."""

import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

PARTS = {"Train": 6, "Val": 2, "Test": 3}
PLANTED = "<img src=x onerror=document.title='gone'>[red]"
TEXT = "Unilateral pulmonary infection, one infected area, upper right lung."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for part, count in PARTS.items():
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (tmp_path / "data" / f"{part}_Folder" / kind).mkdir(parents=True)
        for number in range(count):
            name = f"{part.lower()}{number}.png"
            mask = np.zeros((40, 48), np.uint8)
            mask[10:25, 2:15] = 255
            image = np.clip(generator.normal(90, 20, mask.shape) + mask / 3, 0, 255).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / "data" / f"{part}_Folder" / "img" / name)
            Image.fromarray(mask).save(tmp_path / "data" / f"{part}_Folder" / "labelcol" / name)
            book.active.append([name, TEXT])
        book.save(tmp_path / "data" / f"{part}_Folder" / f"{part}_text.xlsx")
    return tmp_path / "data"


def add_case(folder: Path, part: str, name: str, like: str, text: str) -> None:
    """Add a case with the image and mask of another, ``PART/NAME``."""
    source, stem = like.split("/")
    for kind in ("img", "labelcol"):
        copied = (folder / f"{source}_Folder" / kind / f"{stem}.png").read_bytes()
        (folder / f"{part}_Folder" / kind / f"{name}.png").write_bytes(copied)
    place = folder / f"{part}_Folder" / f"{part}_text.xlsx"
    book = openpyxl.load_workbook(place)
    book.active.append([f"{name}.png", text])
    book.save(place)


def test_a_clean_set_ends_with_0_and_an_error_with_1(within, folder, tmp_path):
    command = ("datasets", "check", "lvit", "--data-root", folder)
    clean = within(*command, cwd=tmp_path)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "0 errors, 0 warnings. Sound cases: 6 train, 2 val, 3 test." in clean.stdout
    add_case(folder, "Test", PLANTED, "Train/train0", PLANTED)
    found = within(*command, "--json", "found.json", "--html", "found.html", cwd=tmp_path)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "copies-across-parts" in found.stdout
    assert "[red].png" in found.stdout.replace("\n", "").replace(" ", "")
    content = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (content["errors"], content["warnings"]) == (1, 1)
    assert content["findings"][0]["cases"] == ["train/train0", f"test/{PLANTED}"]
    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=" in page
    assert page.count("data:image/jpeg") == 3


def test_wrong_use_ends_with_2(within, folder, tmp_path):
    for arguments, words in (
        (("nothing",), "nothing"),
        (("lvit",), "--data-root"),
        (("lvit", "--data-root", tmp_path / "absent"), "no folder"),
        (("lvit", "--data-root", folder, "--data-option", "colour=red"), "no option 'colour'"),
        (("lvit", "--data-root", folder, "--json", tmp_path / "absent" / "x.json"), "no folder"),
    ):
        done = within("datasets", "check", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_the_phantom_has_nothing_to_check(within, tmp_path):
    done = within("datasets", "check", "phantom", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing to check" in done.stdout
    assert not list(tmp_path.iterdir())


def test_help_tells_the_exit_codes(within, tmp_path):
    told = " ".join(within("datasets", "check", "--help", cwd=tmp_path).stdout.split())
    assert "Exit code 0: no errors; 1: errors were found; 2:" in told


def test_a_copy_across_parts_stops_a_run_and_is_told_where_it_is_left_out(within, folder, tmp_path):
    add_case(folder, "Test", "again", "Train/train0", TEXT)
    command = (
        "run", "--dataset", "lvit", "--data-root", folder, "--model", "unet", "--corruption", "motion",
        "--severity", "2", "--image-size", "32", "--width", "4", "--epochs", "1", "--accelerator", "cpu",
    )  # fmt: skip
    stopped = within(*command, cwd=tmp_path)
    assert stopped.returncode == 2
    told = stopped.stderr.replace("\n", "")
    for words in ("train0.png", "again.png", "datasets check lvit", "--allow-issues"):
        assert words in told
    done = within(*command, "--allow-issues", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5 training, 2 validation and 4 test cases" in done.stdout
    note = "1 case left out because of errors (1 copies-across-parts)"
    assert note in " ".join(done.stdout.split())
    (report,) = tmp_path.glob("results/lvit-quick-*/report.html")
    assert note in report.read_text(encoding="utf-8")
