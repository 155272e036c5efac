import os
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.image_files import read_image, read_mask
from biclip_bench.benchmark.datasets.lvit_names import group_of
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

FOLDERS = {"train": "Train_Folder", "val": "Val_Folder", "test": "Test_Folder"}
MONUSEG = Path(__file__).parents[2].parent / "shared" / "data" / "monuseg-lvit"


def write_book(path, rows, header=("Image", "Description")):
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(row)
    book.save(path)


def pixels(seed, shape=(20, 24), dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def lesion(seed, shape=(20, 24)):
    return np.where(np.random.default_rng(seed).random(shape) < 0.3, 255, 0).astype(np.uint8)


def build(root, names=("one", "two"), mask_prefix="", suffix=".png"):
    """Write a small set of the published layout; every part holds the same names."""
    for number, (part, folder) in enumerate(FOLDERS.items()):
        (root / folder / "img").mkdir(parents=True)
        (root / folder / "labelcol").mkdir()
        for place, name in enumerate(names):
            Image.fromarray(pixels(10 * number + place)).save(root / folder / "img" / f"{name}{suffix}")
            Image.fromarray(lesion(10 * number + place)).save(root / folder / "labelcol" / f"{mask_prefix}{name}.png")
        rows = [(f"{mask_prefix}{name}.png", f"Report of {part} {name}.") for name in names]
        write_book(root / folder / f"{part.capitalize()}_text.xlsx", rows)
    return root


def open_lvit(root, cache=None):
    return open_dataset("lvit", DatasetSettings(root=root, cache=cache or root.parent / "cache"))


@pytest.fixture
def root(tmp_path):
    return build(tmp_path / "data")


def test_cases_hold_the_files_contents(root):
    data = open_lvit(root)
    assert list(data.index.columns) == ["case", "part", "group", "text", "lesion_fraction"]
    assert list(data.index["case"]) == ["test/one", "test/two", "train/one", "train/two", "val/one", "val/two"]
    case = data.load("val/two")
    assert case.image.dtype == np.float32
    np.testing.assert_array_equal(case.image[0], pixels(11).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(case.mask, lesion(11) == 255)
    assert case.text == "Report of val two."
    row = data.index.set_index("case").loc["val/two"]
    assert row["part"] == "val"
    assert row["lesion_fraction"] == np.mean(lesion(11) == 255)
    assert data.context.window == (0.0, 1.0)


@pytest.mark.parametrize(("prefix", "suffix"), [("mask_", ".png"), ("", ".tif"), ("mask_", ".tif")])
def test_mask_prefix_and_differing_suffix_are_matched(tmp_path, prefix, suffix):
    data = open_lvit(build(tmp_path / "data", mask_prefix=prefix, suffix=suffix))
    assert data.load("test/one").text == "Report of test one."
    np.testing.assert_array_equal(data.load("test/one").mask, lesion(20) == 255)


def test_names_with_dots_and_without_suffix_in_the_workbook(tmp_path):
    root = build(tmp_path / "data", names=("scan.v1", "scan.v2"))
    write_book(root / "Val_Folder" / "Val_text.xlsx", [("scan.v1", "First."), ("scan.v2", "Second.")])
    assert open_lvit(root).load("val/scan.v2").text == "Second."


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("sub-S10644_ses-E19682_run-1_bp-chest_vp-ap_cr", "S10644"),
        ("study_0255_slice045", "study_0255"),
        ("Morozov_study_0255_15", "study_0255"),
        ("Jun_coronacases_case7_75", "Jun_coronacases_case7"),
        ("Jun_radiopaedia_10_85902_3_case12_107", "Jun_radiopaedia_10_85902_3_case12"),
        ("TCGA-21-5784-01Z-00-DX1", "TCGA-21-5784"),
        ("covid_1", None),
        ("bjorke_12", None),
        ("cju0qkwl35piu0993l0dewei2", None),
    ],
)
def test_the_patient_is_read_from_the_name(name, group):
    assert group_of(name) == group


def test_a_name_without_patient_is_its_own_group(root):
    index = open_lvit(root).index
    assert list(index["group"]) == list(index["case"])


@pytest.mark.parametrize(
    ("names", "context"),
    [
        (("study_0255_slice045", "bjorke_3"), ImageContext("ct", (-1350.0, 150.0), None)),
        (("Jun_coronacases_case1_20", "Morozov_study_0017_2"), ImageContext("ct", (-1350.0, 150.0), None)),
        (("sub-S1_ses-E1_cr", "covid_1"), ImageContext("radiograph", None, None)),
        (("study_0255_slice045", "something"), ImageContext("other", None, None)),
        (("one", "two"), ImageContext("other", None, None)),
    ],
)
def test_names_tell_what_the_pixels_mean(tmp_path, names, context):
    assert open_lvit(build(tmp_path / "data", names=names)).context == context


def test_colour_images_are_no_ct_and_grey_ones_join_them(tmp_path):
    root = build(tmp_path / "data", names=("study_0001_1", "study_0001_2"))
    coloured = pixels(5, (20, 24, 3))
    Image.fromarray(coloured).save(root / "Train_Folder" / "img" / "study_0001_1.png")
    data = open_lvit(root)
    assert data.context == ImageContext("other", None, None)
    np.testing.assert_array_equal(
        data.load("train/study_0001_1").image, np.moveaxis(coloured, -1, 0).astype(np.float32) / np.float32(255)
    )
    grey = data.load("train/study_0001_2").image
    assert grey.shape == (3, 20, 24)
    np.testing.assert_array_equal(grey[0], grey[2])


def save(path, array, mode=None):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


def test_bit_depths_and_modes_of_images(tmp_path):
    grey, wide = pixels(1), pixels(2, dtype=np.uint16)
    expected = grey.astype(np.float32)[None] / np.float32(255)
    for mode in (None, "RGB", "RGBA", "LA", "P"):
        np.testing.assert_array_equal(read_image(save(tmp_path / "image.png", grey, mode)), expected)
    for suffix in (".png", ".tif"):
        read = read_image(save(tmp_path / f"wide{suffix}", wide))
        np.testing.assert_array_equal(read, wide.astype(np.float32)[None] / np.float32(65535))


def test_masks_are_thresholded_at_half_of_full_scale(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(read_mask(save(tmp_path / "ramp.png", ramp)), ramp > 127)
    truth = lesion(3) == 255
    variants = {
        "zero_one.png": truth.astype(np.uint8),
        "eight_bit.png": np.where(truth, 255, 0).astype(np.uint8),
        "sixteen_bit.png": np.where(truth, 65535, 0).astype(np.uint16),
        "sixteen_bit_holding_255.png": np.where(truth, 255, 0).astype(np.uint16),
        "red.png": np.stack([np.where(truth, 255, 0), 0 * truth, 0 * truth], -1).astype(np.uint8),
        "one_bit.png": truth,
    }
    for name, array in variants.items():
        np.testing.assert_array_equal(read_mask(save(tmp_path / name, array)), truth, err_msg=name)
    assert not read_mask(save(tmp_path / "empty.png", np.zeros((4, 4), np.uint8))).any()


def remove(path):
    path.unlink()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def resize_mask(path):
    Image.fromarray(lesion(0, (24, 20))).save(path)


def rows(*rows, header=("Image", "Description")):
    return lambda path: write_book(path, rows, header)


ONE, TWO = ("one.png", "Report one."), ("two.png", "Report two.")
DEFECTS = {
    "missing part": ("Val_Folder", lambda p: p.rename(p.with_name("Validation")), r"no folder .*Val_Folder"),
    "missing img": ("Val_Folder/img", lambda p: p.rename(p.with_name("images")), r"no folder .*Val_Folder.img"),
    "missing labelcol": ("Test_Folder/labelcol", lambda p: p.rename(p.with_name("x")), r"no folder .*labelcol"),
    "missing workbook": ("Train_Folder/Train_text.xlsx", remove, r"no workbook .*Train_text.xlsx.*Image and Descr"),
    "broken workbook": ("Train_Folder/Train_text.xlsx", lambda p: p.write_text("csv"), r"workbook .*cannot be read"),
    "missing column": (
        "Train_Folder/Train_text.xlsx",
        rows(ONE, TWO, header=("Image", "Text")),
        r"Train_text.xlsx should have one column Description .*'image', 'text'",
    ),
    "image without mask": ("Train_Folder/labelcol/two.png", remove, r"image .*img.two.png has no mask.*mask_two.png"),
    "mask without image": ("Val_Folder/img/one.png", remove, r"mask .*labelcol.one.png has no image"),
    "mask of another size": ("Test_Folder/labelcol/one.png", resize_mask, r"one.png is 20 x 24 pixels and .* 24 x 20"),
    "truncated image": ("Test_Folder/img/two.png", truncate, r"img.two.png cannot be read"),
    "truncated mask": ("Test_Folder/labelcol/two.png", truncate, r"labelcol.two.png cannot be read"),
    "not an image": ("Val_Folder/img/one.png", lambda p: p.write_text("hello"), r"img.one.png cannot be read"),
    "stray file": ("Val_Folder/img/notes.txt", lambda p: p.write_text("x"), r"notes.txt is not an image"),
    "empty text": (
        "Val_Folder/Val_text.xlsx",
        rows(ONE, ("two.png", "  ")),
        r"Row 3 of .*\(two.png\) has no text",
    ),
    "missing name": ("Val_Folder/Val_text.xlsx", rows((None, "Text."), TWO), r"Row 2 of .*has a text and no name"),
    "row without file": ("Val_Folder/Val_text.xlsx", rows(ONE, TWO, ("six.png", "T.")), r"Row 4 of .*names 'six.png'"),
    "image without row": ("Val_Folder/Val_text.xlsx", rows(TWO), r"img.one.png has no text.*whose Image is one.png"),
    "duplicate row": ("Val_Folder/Val_text.xlsx", rows(ONE, TWO, ONE), r"Row 4 of .* and row 2 both give a text"),
    "row twice by prefix": (
        "Val_Folder/Val_text.xlsx",
        rows(ONE, TWO, ("mask_one.png", "T.")),
        r"Row 4.* row 2 both",
    ),
    "two images of one stem": ("Val_Folder/img/one.tif", lambda p: save(p, pixels(0)), r"differ only in their suffix"),
    "two masks for an image": ("Val_Folder/labelcol/mask_one.png", lambda p: save(p, lesion(0)), r"Two masks fit"),
    "empty part": (
        "Test_Folder",
        lambda p: ([f.unlink() for f in p.glob("*/*.png")], write_book(p / "Test_text.xlsx", [])),
        r"part .*Test_Folder is empty",
    ),
    "two workbooks": (
        "Val_Folder/Val_text.xlsx",
        lambda p: (write_book(p.with_name("a.xlsx"), [ONE]), p.rename(p.with_name("b.xlsx"))),
        r"several workbooks \(a.xlsx, b.xlsx\)",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_is_found_and_named(root, defect):
    place, plant, message = DEFECTS[defect]
    plant(root / place)
    with pytest.raises(UserError, match=message):
        open_lvit(root)


@pytest.mark.parametrize("defect", ["mask of another size", "truncated image", "truncated mask", "duplicate row"])
def test_a_defect_that_comes_after_a_clean_check_is_found(root, defect):
    open_lvit(root)
    place, plant, message = DEFECTS[defect]
    plant(root / place)
    with pytest.raises(UserError, match=message):
        open_lvit(root)


def test_what_desktops_leave_behind_is_ignored(root):
    for name in (".DS_Store", "Thumbs.db"):
        (root / "Train_Folder" / "img" / name).write_bytes(b"x")
    (root / "Train_Folder" / "~$Train_text.xlsx").write_bytes(b"lock")
    assert len(open_lvit(root).index) == 6


def test_another_workbook_name_and_empty_rows_are_accepted(root):
    book = root / "Val_Folder" / "Val_text.xlsx"
    write_book(book, [ONE, (None, None), TWO], header=("image ", "DESCRIPTION"))
    book.rename(book.with_name("Val_text_MosMedData+.xlsx"))
    assert open_lvit(root).load("val/two").text == "Report two."


def test_no_folder_is_asked_for(tmp_path):
    with pytest.raises(UserError, match="--data-root"):
        open_dataset("lvit", DatasetSettings(cache=tmp_path))
    with pytest.raises(UserError, match=r"no folder .*nowhere"):
        open_lvit(tmp_path / "nowhere")


def test_an_unknown_case_is_named(root):
    with pytest.raises(UserError, match=r"no case 'val/six'.*look like 'train/one'"):
        open_lvit(root).load("val/six")


def test_fingerprint_follows_contents_and_not_places(root, tmp_path):
    first = open_lvit(root).fingerprint
    moved = build(tmp_path / "elsewhere" / "copy")
    assert open_lvit(moved).fingerprint == first
    image = root / "Val_Folder" / "img" / "one.png"
    content = image.read_bytes()
    Image.fromarray(pixels(99)).save(image)
    changed = open_lvit(root).fingerprint
    assert changed != first
    image.write_bytes(content)
    assert open_lvit(root).fingerprint == first
    reworded = [("one.png", "Another report."), ("two.png", "Report of val two.")]
    write_book(root / "Val_Folder" / "Val_text.xlsx", reworded)
    assert open_lvit(root).fingerprint not in (first, changed)


def test_a_second_start_decodes_only_what_changed(root, monkeypatch):
    first = open_lvit(root)
    read = []

    def spy(path):
        read.append(path.name)
        return read_image(path)

    monkeypatch.setattr("biclip_bench.benchmark.datasets.file_check.read_image", spy)
    again = open_lvit(root)
    assert read == []
    assert again.fingerprint == first.fingerprint
    assert again.index.equals(first.index)
    touched = root / "Test_Folder" / "img" / "two.png"
    os.utime(touched, ns=(0, 0))
    assert open_lvit(root).fingerprint == first.fingerprint
    assert read == ["two.png"]


@pytest.mark.parametrize("damage", [b"", b"not a table"])
def test_a_damaged_check_cache_is_made_again(root, damage):
    first = open_lvit(root)
    (table,) = (root.parent / "cache").iterdir()
    table.write_bytes(damage)
    assert open_lvit(root).index.equals(first.index)


@pytest.mark.skipif(not MONUSEG.is_dir(), reason="the MoNuSeg demo set is not here")
def test_monuseg_in_lvits_layout(tmp_path):
    data = open_lvit(MONUSEG, tmp_path)
    assert data.index["part"].value_counts().to_dict() == {"train": 24, "val": 6, "test": 14}
    assert data.context == ImageContext("other", None, None)
    assert (data.index["group"].str.count("-") == 2).all()
    case = data.load("test/TCGA-2Z-A9J9-01A-01-TS1")
    assert case.text == "The nuclei are sparsely distributed."
    assert case.image.shape == (3, *case.mask.shape)
    # The shares of nuclei in this set, by its masks: none empty, none covering most of the image.
    assert data.index["lesion_fraction"].between(0.05, 0.5).all()
