"""QaTa-COV19 in LanGuideMedSeg's layout, small."""

import csv

import numpy as np
import pytest
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.patient_split import PatientSplit
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

TRAIN = [f"sub-S{n // 2}_ses-E{n}_run-1_bp-chest_vp-ap_cr.png" for n in range(11)]
TEST = ["sub-S90_ses-E1_run-1_bp-chest_vp-ap_cr.png", "covid_7.png"]


def write_csv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("Image", "Description"), *rows])


def rows_of(names):
    return [(f"mask_{name}", f"Bilateral, {name}.") for name in names]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "data"
    for first, folder, names in ((0, "Train", TRAIN), (100, "Test", TEST)):
        for kind in ("Images", "GTs"):
            (root / folder / kind).mkdir(parents=True)
        for place, name in enumerate(names, start=first):
            pixels = np.random.default_rng(place).integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(root / folder / "Images" / name)
            Image.fromarray(np.where(pixels > 200, 255, 0).astype(np.uint8)).save(
                root / folder / "GTs" / f"mask_{name}"
            )
        write_csv(root / "prompt" / f"{folder.lower()}.csv", rows_of(names))
    return root


def open_langguide(root, allow_issues=False):
    cache = root.parent / "cache"
    return open_dataset("langguide", DatasetSettings(root=root, cache=cache, allow_issues=allow_issues))


def test_the_last_fifth_of_the_table_validates(root):
    data = open_langguide(root)
    part = {case.partition("/")[2]: part for case, part in zip(data.index["case"], data.index["part"], strict=True)}
    # int(0.8 * 11) rows train, as in the published code.
    assert [part[name.removesuffix(".png")] for name in TRAIN] == ["train"] * 8 + ["val"] * 3
    assert data.context == ImageContext("radiograph", None, None)
    assert data.index.set_index("case")["text"]["test/covid_7"] == "Bilateral, covid_7.png."
    assert not data.defects


def test_the_order_of_the_table_counts_and_not_that_of_the_files(root):
    write_csv(root / "prompt" / "train.csv", rows_of(TRAIN[::-1]))
    data = open_langguide(root)
    validation = {case.partition("/")[2] + ".png" for case in data.index.query("part == 'val'")["case"]}
    assert validation == set(TRAIN[:3])


def test_a_patient_on_both_sides_is_a_warning_and_can_be_dealt_anew(root):
    write_csv(root / "prompt" / "train.csv", rows_of(TRAIN[::-1]))
    data = open_langguide(root)
    (warning,) = data.defects
    assert (warning.kind, warning.gravity) == ("patient-in-several-parts", "warning")
    assert "1 patients, S1 first" in warning.message
    assert {case.partition("/")[2].partition("_")[0] for case in warning.cases} == {"sub-S1"}
    dealt = PatientSplit(data).index
    assert (dealt.groupby("group")["part"].nunique() == 1).all()


def test_a_row_without_text_keeps_its_place_in_the_count(root):
    rows = rows_of(TRAIN)
    rows[0] = (rows[0][0], "")
    write_csv(root / "prompt" / "train.csv", rows)
    with pytest.raises(UserError, match=r"Row 2 of .*train\.csv .* has no text"):
        open_langguide(root)
    data = open_langguide(root, allow_issues=True)
    assert data.index["part"].value_counts().to_dict() == {"train": 7, "val": 3, "test": 2}


def test_rows_and_files_that_fit_nothing_are_named(root):
    write_csv(root / "prompt" / "test.csv", [*rows_of(TEST), ("mask_six.png", "Text.")])
    with pytest.raises(UserError, match=r"Row 4 of .*test\.csv names 'mask_six\.png'"):
        open_langguide(root)
    (root / "Test" / "GTs").rename(root / "Test" / "masks")
    with pytest.raises(UserError, match=r"no folder .*Test.GTs"):
        open_langguide(root)
