"""QaTa-COV19 v2 as Kaggle ships it, small: names, folders and quirks are the real ones."""

import csv

import numpy as np
import openpyxl
import pytest
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.patient_split import split_text
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

TRAIN = [f"sub-S{10644 + n // 2}_ses-E{n}_run-1_bp-chest_vp-ap_cr" for n in range(20)] + ["covid_1", "covid_2"]
TEST = ["sub-S20001_ses-E1_run-1_bp-chest_vp-ap_cr", "sub-S20002_ses-E1_run-1_bp-chest_vp-pa_dx", "covid_900"]


def mask_name(name):
    return f"{name}.png" if name.startswith("covid") else f"mask_{name}.png"


def build(root):
    for folder, names in (("Train Set", TRAIN), ("Test Set", TEST)):
        (root / folder / "Images").mkdir(parents=True)
        (root / folder / "Ground-truths").mkdir()
        for place, name in enumerate(names):
            generator = np.random.default_rng(place + 100 * len(names))
            pixels = generator.integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(root / folder / "Images" / f"{name}.png")
            mask = np.where(generator.random((16, 16)) < 0.2, 255, 0).astype(np.uint8)
            Image.fromarray(mask).save(root / folder / "Ground-truths" / mask_name(name))
    return root


@pytest.fixture
def root(tmp_path):
    return build(tmp_path / "QaTa-COV19" / "QaTa-COV19-v2")


def open_qata(root, tmp_path, allow_issues=False, **options):
    given = {key: str(value) for key, value in options.items()}
    settings = DatasetSettings(root=root, cache=tmp_path / "cache", options=given, allow_issues=allow_issues)
    return open_dataset("qata", settings)


@pytest.mark.parametrize("inside", ["QaTa-COV19/QaTa-COV19-v2", "QaTa-COV19", "."])
def test_the_folder_its_parent_and_the_unpacked_archive_are_the_same(root, tmp_path, inside):
    data = open_qata(tmp_path / inside, tmp_path)
    assert len(data.index) == len(TRAIN) + len(TEST)
    assert data.fingerprint == open_qata(root, tmp_path).fingerprint
    assert data.context == ImageContext("radiograph", None, None)
    assert (data.index["text"] == "").all()
    # Kaggle names masks of images that carry no subject like the image itself.
    assert data.load("test/covid_900").mask.any()


def test_validation_is_made_of_whole_patients_by_a_fixed_rule(root, tmp_path):
    index = open_qata(root, tmp_path).index
    counts = index["part"].value_counts()
    assert counts["test"] == len(TEST)
    assert abs(counts["val"] - 0.2 * len(TRAIN)) <= 2
    assert (index.groupby("group")["part"].nunique() == 1).all()
    again = open_qata(root, tmp_path / "other").index
    assert again.equals(index)
    more = open_qata(root, tmp_path, validation_share=50).index["part"].value_counts()
    assert abs(more["val"] - 0.5 * len(TRAIN)) <= 2
    half = open_qata(root, tmp_path, validation_share=50)
    assert "whole patients by a fixed rule" in split_text(half, "official")
    assert half.fingerprint != open_qata(root, tmp_path).fingerprint


def write_texts(path, names):
    rows = [("Image", "Description"), *((mask_name(name), f"Report of {name}.") for name in names)]
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    return path


def test_texts_come_from_the_tables_named(root, tmp_path):
    book = write_texts(root / "Train_text_for_Covid19.xlsx", TRAIN)
    table = write_texts(tmp_path / "test.csv", TEST)
    data = open_qata(root, tmp_path, texts=f"{book.name}, {table}")
    texts = data.index.set_index("case")["text"]
    assert all(text == f"Report of {case.partition('/')[2]}." for case, text in texts.items())


def test_each_defect_is_named_with_file_and_row(root, tmp_path):
    book = write_texts(root / "t.csv", [*TRAIN, *TEST[:-1], "nobody", TRAIN[0]])
    with pytest.raises(UserError, match=rf"Row {len(TRAIN) + 4} of .*t\.csv names 'mask_nobody\.png'.* 2 more of"):
        open_qata(root, tmp_path, texts=book)
    data = open_qata(root, tmp_path, allow_issues=True, texts=book)
    told = {defect.kind: defect.message for defect in data.defects}
    assert f"Row {len(TRAIN) + 5} of {book} and row 2 both give a text" in told["two-texts"]
    assert "covid_900.png has no text" in told["image-without-text"]
    left = {case.partition("/")[2] for case in data.index["case"]}
    assert {*TRAIN, *TEST} - left == {TRAIN[0], "covid_900"}


def test_missing_and_double_files_are_named(root, tmp_path):
    (root / "Train Set" / "Ground-truths" / mask_name(TRAIN[3])).unlink()
    double = root / "Train Set" / "Ground-truths" / f"{TRAIN[5]}.png"
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(double)
    with pytest.raises(UserError) as stopped:
        open_qata(root, tmp_path)
    assert TRAIN[3] in str(stopped.value) or TRAIN[5] in str(stopped.value)
    data = open_qata(root, tmp_path, allow_issues=True)
    assert {defect.kind for defect in data.defects} == {"two-masks", "image-without-mask"}
    assert {*TRAIN, *TEST} - {case.partition("/")[2] for case in data.index["case"]} == {TRAIN[3], TRAIN[5]}


def test_another_folder_and_a_wrong_share_are_told(root, tmp_path):
    with pytest.raises(UserError, match=r"no folder 'Train Set' in .*nor in QaTa-COV19-v2"):
        open_qata(root / "Train Set", tmp_path)
    with pytest.raises(UserError, match=r"'validation_share'.* is 100"):
        open_qata(root, tmp_path, validation_share=100)
    with pytest.raises(UserError, match=r"no table .*nowhere\.xlsx"):
        open_qata(root, tmp_path, texts="nowhere.xlsx")
