"""The data sets of LViT's layout by their own names: what their pixels mean, and what differs from the published."""

from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, dataset_registry, open_dataset
from biclip_bench.benchmark.datasets.base import notes_of, options_kind
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError
from biclip_bench.models.option_notes import option_notes

LUNGS = ImageContext("ct", (-1350.0, 150.0), None)


def build(root, names, colour=False):
    generator = np.random.default_rng(0)
    for part in ("Train", "Val", "Test"):
        folder = root / f"{part}_Folder"
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (folder / kind).mkdir(parents=True)
        for name in names:
            pixels = generator.integers(0, 256, (8, 8, 3) if colour else (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / "img" / f"{name}.png")
            Image.fromarray(np.full((8, 8), 255, np.uint8)).save(folder / "labelcol" / f"{name}.png")
            book.active.append([f"{name}.png", "A report."])
        book.save(folder / f"{part}_text.xlsx")
    return root


def open_set(name, root):
    return open_dataset(name, DatasetSettings(root=root, cache=root.parent / "cache"))


@pytest.mark.parametrize(
    ("name", "cases", "context"),
    [
        ("mosmed", ["Morozov_study_0255_15", "Jun_coronacases_case7_75", "bjorke_12"], LUNGS),
        ("qata-lvit", ["sub-S10644_ses-E19682_run-1", "covid_1"], ImageContext("radiograph", None, None)),
        ("monuseg", ["TCGA-21-5784-01Z-00-DX1"], ImageContext("other", None, None)),
    ],
)
def test_a_set_by_its_name_is_the_layout_with_its_meaning(tmp_path, name, cases, context):
    root = build(tmp_path / "data", cases)
    data = open_set(name, root)
    assert data.context == context
    (warning,) = data.defects
    assert warning.gravity == "warning"
    assert f"here {len(cases)}, {len(cases)} and {len(cases)} are whole" in warning.message
    assert data.index.equals(open_set("lvit", root).index)


def test_a_few_foreign_names_are_a_warning_and_many_another_set(tmp_path):
    root = build(tmp_path / "data", ["Morozov_study_0255_15", "Jun_coronacases_case7_75", "new_slice"])
    data = open_set("mosmed", root)
    assert data.context == LUNGS
    assert "new_slice.png, are not named" in data.defects[0].message
    with pytest.raises(UserError, match=r"not QaTa-COV19.*9 of 9 images.*--dataset lvit"):
        open_set("qata-lvit", root)


def test_colour_is_no_ct_whatever_its_name(tmp_path):
    root = build(tmp_path / "data", ["Morozov_study_0255_15"], colour=True)
    assert open_set("mosmed", root).context == ImageContext("other", None, None)


@pytest.mark.parametrize("name", [name for name in dataset_registry if name != "phantom"])
def test_a_folder_is_asked_for_and_options_are_described(tmp_path, name):
    with pytest.raises(UserError, match=f"data set {name} is read from a folder: name it with --data-root"):
        open_dataset(name, DatasetSettings(cache=tmp_path))
    with pytest.raises(UserError, match="There is no folder"):
        open_set(name, tmp_path / "nowhere")
    notes = notes_of(name)
    assert notes is not None
    assert notes.layout.startswith("DATA_ROOT/")
    for option in option_notes(options_kind(name)):
        assert option.meaning, option.name


def test_the_page_on_data_names_every_data_set():
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert {name for name in dataset_registry if f"`{name}`" not in page} == set()
