"""A release of a data set whose names and texts are made to break tables and file systems."""

import csv
import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

TEXTS = {
    "a b": 'Two "areas", left; upper\nand lower',
    "a-b": "Läsion, rechts, größer als 2 cm",
    "A-B": "右肺下叶, один участок",
    "Röntgen+1": "@SUM(A1:A9), 'quoted'",
    "con": "plain",
    "x" * 90: "long",
    "x" * 91: "longer",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Grey 8-bit images of different sizes in LViT's layout; the test part has the names and texts above."""
    generator = np.random.default_rng(0)
    for part, texts in {"Train": {"one": "text"}, "Val": {"two": "text"}, "Test": TEXTS}.items():
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (tmp_path / "data" / f"{part}_Folder" / kind).mkdir(parents=True)
        for number, (name, text) in enumerate(texts.items()):
            mask = np.zeros((16 + number % 2, 24), np.uint8)
            mask[2:9, number : number + 8] = 255
            image = generator.integers(0, 256, mask.shape, np.uint8)
            Image.fromarray(image).save(tmp_path / "data" / f"{part}_Folder" / "img" / f"{name}.png")
            Image.fromarray(mask).save(tmp_path / "data" / f"{part}_Folder" / "labelcol" / f"{name}.png")
            book.active.append([f"{name}.png", text])
        book.save(tmp_path / "data" / f"{part}_Folder" / f"{part}_text.xlsx")
    return tmp_path / "data"


def test_every_case_keeps_its_own_files_and_its_text(within, data, tmp_path):
    arguments = ("--dataset", "lvit", "--data-root", data, "--corruption", "motion", "--severity", "1")
    done = within("corrupt", *arguments, "--output", "release", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "release" / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert {case: row["text"] for case, row in rows.items()} == {f"test/{name}": text for name, text in TEXTS.items()}
    stems = [row["file"] for row in rows.values()]
    assert len({stem.lower() for stem in stems}) == len(TEXTS)
    assert all(stem.isascii() and len(stem) <= 80 for stem in stems)
    for name in TEXTS:
        row = rows[f"test/{name}"]
        for kind, place in (("img", "clean/images"), ("labelcol", "masks")):
            own = np.asarray(Image.open(data / "Test_Folder" / kind / f"{name}.png")).astype(int)
            released = np.asarray(Image.open(tmp_path / "release" / place / f"{row['file']}.png"))
            np.testing.assert_array_equal(released, own * 257 if kind == "img" else own)
            assert released.shape == (int(row["height"]), int(row["width"]))

    manifest = json.loads((tmp_path / "release" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["values"]["clean_is_exact"]
    assert str(data) not in json.dumps(manifest)
    assert "licence" in (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    data.rename(tmp_path / "elsewhere")
    done = within("corrupt", "--verify", "release", "--recompute", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "21 of 21 images and masks are the same bits" in done.stdout
    done = within("corrupt", "--verify", "release", "--recompute", "--data-root", tmp_path / "elsewhere", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
