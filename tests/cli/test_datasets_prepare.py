"""From a download to a run: the commands that somebody types who has just got a data set."""

import shlex
import shutil
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

NAMES = {
    "Train": ["sub-S1_ses-E1", "sub-S2_ses-E2", "sub-S3_ses-E3"],
    "Val": ["sub-S4_ses-E4"],
    "Test": ["sub-S5_ses-E5"],
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Four radiographs as Kaggle packs QaTa-COV19, and LViT's tables beside the archive."""
    folder = tmp_path / "archive" / "QaTa-COV19" / "QaTa-COV19-v2"
    generator = np.random.default_rng(0)
    for part, names in NAMES.items():
        inside = folder / ("Test Set" if part == "Test" else "Train Set")
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("Images", "Ground-truths"):
            (inside / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            mask = np.zeros((32, 32), np.uint8)
            mask[4:14, 4:12] = 255
            Image.fromarray(generator.integers(0, 255, mask.shape, np.uint8)).save(inside / "Images" / f"{name}.png")
            Image.fromarray(mask).save(inside / "Ground-truths" / f"mask_{name}.png")
            book.active.append(
                [f"mask_{name}.png", "Unilateral pulmonary infection, one infected area, upper right lung."]
            )
        book.save(tmp_path / f"{part}_text.xlsx")
    return Path(shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "archive"))


def test_a_download_is_prepared_checked_described_and_run(within, cli, archive, tmp_path):
    told = within("datasets", "prepare", "qata-lvit", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    for text in ("kaggle.com/datasets/aysendegerli", "Licence", "Degerli", "--from DOWNLOAD", "Nothing is downloaded"):
        assert text in told.stdout
    tables = [word for part in NAMES for word in ("--texts", f"{part}_text.xlsx")]
    done = within("datasets", "prepare", "qata-lvit", "--from", archive.name, *tables, "--to", "my data", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Cases: 3 train, 1 val, 1 test." in done.stdout
    verified = within("datasets", "prepare", "--verify", "my data", cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr
    page = within("datasets", "describe", "qata-lvit", "--data-root", "my data", "--html", "page.html", cwd=tmp_path)
    assert page.returncode == 0, page.stderr
    assert "upper right lung" in (tmp_path / "page.html").read_text(encoding="utf-8")
    # The command that is printed at the end runs as it is.
    printed = shlex.split(done.stdout.strip().splitlines()[-1])
    small = ("--model", "unet", "--corruption", "motion", "--severity", "1", "--image-size", "32", "--width", "4")
    ran = cli(*printed[1:], *small, "--epochs", "1", "--accelerator", "cpu", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "3 training, 1 validation and 1 test cases" in ran.stdout
    (tmp_path / "my data" / "Val_Folder" / "img" / "sub-S4_ses-E4.png").unlink()
    changed = within("datasets", "prepare", "--verify", "my data", cwd=tmp_path)
    assert changed.returncode == 2
    assert "missing: Val_Folder/img/sub-S4_ses-E4.png" in changed.stdout


def test_an_archive_that_leads_out_writes_nothing(within, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as evil:
        evil.writestr("Train_Folder/img/a.png", b"x")
        evil.writestr("../../evil.png", b"x")
    done = within("datasets", "prepare", "lvit", "--from", "evil.zip", "--to", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "leads out of the folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["evil.zip"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name a data set to prepare: lvit, qata-lvit"),
        (["phantom"], "is no data set that is prepared from a download"),
        (["lvit", "--to", "out"], "Give what was downloaded with --from"),
        (["lvit", "--verify", "."], "give nothing else with it"),
        (["--verify", "."], "holds no manifest.json"),
        (["lvit", "--from", "nowhere.zip"], "There is no file or folder nowhere.zip"),
        (["lvit", "--from", ".", "--raise-limits", "0.5"], "give a factor of 1 or more"),
    ],
)
def test_what_is_wrong_with_the_command_is_told(within, tmp_path, words, message):
    done = within("datasets", "prepare", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_nothing_recognised_shows_what_is_looked_for(within, tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.png").write_bytes(b"x")
    done = within("datasets", "prepare", "mosmed", "--from", "scans", "--to", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "Train_Folder" in done.stdout
    assert "1 .png" in done.stdout
    assert "--inside" in done.stderr
