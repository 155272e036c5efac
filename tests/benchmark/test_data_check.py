import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from rich.console import Console
from scipy import ndimage

from biclip_bench.benchmark.cli.notices import print_defects
from biclip_bench.benchmark.data_check import check_dataset, check_json, kinds_found
from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.audit.counts import count_findings
from biclip_bench.benchmark.datasets.audit.duplicates import NEAR_BITS, _bits, _close_pairs
from biclip_bench.benchmark.datasets.case_files import CaseFiles, Defect
from biclip_bench.benchmark.datasets.file_check import CheckedCase
from biclip_bench.benchmark.datasets.image_files import read_image
from biclip_bench.benchmark.datasets.pixel_measures import describe_areas, read_areas
from biclip_bench.errors import UserError

MONUSEG = Path(__file__).parents[2].parent / "shared" / "data" / "monuseg-lvit"
PARTS = {"Train": 4, "Val": 2, "Test": 3}
SIDE = 64
LEFT = "Unilateral pulmonary infection, one infected area, upper left lung."
BOTH = "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."


def picture(seed):
    """An image with the texture of a photograph that looks like no other."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(SIDE, SIDE)), 2)
    return np.round(255 * (field - field.min()) / np.ptp(field)).astype(np.uint8)


def mask_of(both):
    """The patient's left is on the viewer's right."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:20, 40:52] = 255
    if both:
        mask[40:50, 8:20] = 255
    return mask


def path(root, part, kind, name="b"):
    return root / f"{part}_Folder" / kind / f"{name}.png"


def book(root, part):
    return root / f"{part}_Folder" / f"{part}_text.xlsx"


def edit(root, part, change):
    """Change a workbook's sheet."""
    opened = openpyxl.load_workbook(book(root, part))
    change(opened.active)
    opened.save(book(root, part))


def set_cell(cell, value):
    return lambda sheet: sheet.__setitem__(cell, value)


def append(*row):
    return lambda sheet: sheet.append(list(row))


def save(array, place):
    Image.fromarray(array).save(place)


def build(root, names="abcd"):
    """LViT's layout: odd cases have an area in both lungs, even ones in the left."""
    for number, (part, count) in enumerate(PARTS.items()):
        for kind in ("img", "labelcol"):
            (root / f"{part}_Folder" / kind).mkdir(parents=True)
        sheet = openpyxl.Workbook()
        sheet.active.append(["Image", "Description"])
        for place in range(count):
            save(picture(10 * number + place), path(root, part, "img", names[place]))
            save(mask_of(place % 2), path(root, part, "labelcol", names[place]))
            sheet.active.append([f"{names[place]}.png", BOTH if place % 2 else LEFT])
        sheet.save(book(root, part))
    return root


def rename(root, part, name, new):
    for kind in ("img", "labelcol"):
        path(root, part, kind, name).rename(path(root, part, kind, new))
    row = "abcd".index(name) + 2
    edit(root, part, set_cell(f"A{row}", f"{new}.png"))


def check(root, name="lvit"):
    return check_dataset(name, DatasetSettings(root=root, cache=root.parent / "cache"))


@pytest.fixture
def root(tmp_path):
    return build(tmp_path / "data")


def soften(place):
    mask = Image.open(place).convert("L")
    mask.save(place.with_suffix(".jpg"), quality=60)
    place.unlink()


def truncate(place):
    place.write_bytes(place.read_bytes()[:-60])


def add_copy(root, source, target, name="e"):
    """Give a case's image a second case in another part, with its mask and text."""
    for kind in ("img", "labelcol"):
        path(root, target, kind, name).write_bytes(path(root, source, kind).read_bytes())
    edit(root, target, append(f"{name}.png", BOTH))


def add_recompressed(root):
    add_copy(root, "Train", "Test")
    place = path(root, "Test", "img", "e")
    Image.open(place).save(place.with_suffix(".tif"))
    place.unlink()


def add_altered(root):
    """The same picture at another size, brighter, and through JPEG."""
    add_copy(root, "Train", "Test")
    place = path(root, "Test", "img", "e")
    altered = ImageEnhance.Brightness(Image.open(place).resize((80, 80), Image.Resampling.BICUBIC)).enhance(0.9)
    altered.save(place.with_suffix(".jpg"), quality=70)
    place.unlink()
    mask = path(root, "Test", "labelcol", "e")
    Image.open(mask).resize((80, 80), Image.Resampling.NEAREST).save(mask)


def share_patient(root):
    rename(root, "Train", "b", "sub-S7_ses-1")
    rename(root, "Test", "c", "sub-S7_ses-2")


def name_as_monuseg(root):
    for part, count in PARTS.items():
        for name in "abcd"[:count]:
            rename(root, part, name, f"TCGA-{part[:2]}-{name * 4}-01Z".upper())


def mirror_all(root):
    for number, part in enumerate(("Train", "Val", "Test")):
        for place in range(4):
            name = f"one{place}"
            save(picture(100 + 10 * number + place), path(root, part, "img", name))
            save(mask_of(False)[:, ::-1], path(root, part, "labelcol", name))
            edit(root, part, append(f"{name}.png", LEFT))


def two_values(root):
    mask = mask_of(True)
    mask[12, 42:47] = 1
    save(mask, path(root, "Val", "labelcol"))


# What is planted; the kinds found, of which the first is the planted one; its gravity; what names the culprit.
PLANTED = {
    "image without mask": (
        lambda r: path(r, "Train", "labelcol").unlink(), ["image-without-mask"], "error", r"Train_Folder.img.b\.png",
    ),
    "mask without image": (
        lambda r: path(r, "Val", "img").unlink(),
        ["mask-without-image", "text-without-image"], "error", r"Val_Folder.labelcol.b\.png",
    ),
    "image without row": (
        lambda r: edit(r, "Test", lambda sheet: sheet.delete_rows(3)),
        ["image-without-text"], "error", r"Test_Folder.img.b\.png",
    ),
    "row without image": (
        lambda r: edit(r, "Val", append("nobody.png", LEFT)),
        ["text-without-image"], "error", r"Row 4 of .*Val_text.xlsx names 'nobody.png'",
    ),
    "two masks": (
        lambda r: save(mask_of(True), path(r, "Test", "labelcol", "mask_b")),
        ["two-masks"], "error", r"b\.png and mask_b\.png in .*Test_Folder",
    ),
    "two texts": (
        lambda r: edit(r, "Train", append("b.png", LEFT)), ["two-texts"], "error", r"Row 6 of .*Train_text.* and row 3",
    ),
    "row without name": (
        lambda r: edit(r, "Val", set_cell("A3", None)),
        ["row-without-name", "image-without-text"], "error", r"Row 3 of .*Val_text.xlsx",
    ),
    "row without text": (
        lambda r: edit(r, "Val", set_cell("B3", "  ")),
        ["row-without-text", "image-without-text"], "error", r"Row 3 of .*Val_text.xlsx \(b.png\)",
    ),
    "stray file": (
        lambda r: (r / "Train_Folder" / "img" / "notes.txt").write_text("x"), ["not-an-image"], "error", r"notes\.txt",
    ),
    "two images of one stem": (
        lambda r: save(picture(99), path(r, "Val", "img").with_suffix(".tif")),
        ["ambiguous-image"], "error", r"img.b\.png and .*img.b\.tif",
    ),
    "cut image": (lambda r: truncate(path(r, "Test", "img")), ["unreadable"], "error", r"Test_Folder.img.b\.png"),
    "cut mask": (lambda r: truncate(path(r, "Val", "labelcol")), ["unreadable"], "error", r"labelcol.b\.png"),
    "no PNG at all": (
        lambda r: path(r, "Train", "img").write_text("hello"), ["unreadable"], "error", r"Train_Folder.img.b\.png",
    ),
    "mask of another size": (
        lambda r: save(mask_of(True)[:32], path(r, "Train", "labelcol")),
        ["size-mismatch"], "error", r"labelcol.b\.png is 64 x 32",
    ),
    "JPEG mask": (
        lambda r: soften(path(r, "Train", "labelcol")),
        ["mask-not-binary"], "warning", r"b\.jpg .* 0 and 255 .*\d% of its pixels .* above 127\.5",
    ),
    "values 0, 1 and 255": (two_values, ["mask-not-binary"], "warning", r"Val_Folder.labelcol.b\.png .* 0\.12% of"),
    "grey mask below the threshold": (
        lambda r: save(mask_of(True) // 255 * 100, path(r, "Val", "labelcol")),
        ["mask-not-binary", "empty-mask", "text-against-mask-number"], "warning", r"b\.png .*none is above 127",
    ),
    "empty mask": (
        lambda r: save(0 * mask_of(True), path(r, "Test", "labelcol")),
        ["empty-mask", "text-against-mask-number"], "warning", r"labelcol.b\.png is empty, one of 1 among 9",
    ),
    "full mask": (
        lambda r: save(0 * mask_of(True) + 255, path(r, "Test", "labelcol")),
        ["full-mask", "text-against-mask-number"], "warning", r"Test_Folder.labelcol.b\.png is lesion everywhere",
    ),
    "image of one value": (
        lambda r: save(np.full((SIDE, SIDE), 7, np.uint8), path(r, "Val", "img")),
        ["constant-image"], "warning", r"Val_Folder.img.b\.png",
    ),
    "copy across parts": (
        lambda r: add_copy(r, "Train", "Test"), ["copies-across-parts"], "error",
        r"Train_Folder.img.b\.png and .*Test_Folder.img.e\.png are the same file",
    ),
    "copy in another format": (
        add_recompressed, ["copies-across-parts"], "error", r"b\.png and .*e\.tif hold the same pixels",
    ),
    "copy within a part": (
        lambda r: add_copy(r, "Train", "Train"), ["copies-within-part"], "warning", r"b\.png and .*e\.png are the same",
    ),
    "altered copy": (
        add_altered, ["near-copies-across-parts"], "warning",
        r"Test_Folder.img.e\.jpg \(test\) looks like .*Train_Folder.img.b\.png",
    ),
    "patient in two parts": (
        share_patient, ["patients-in-train-and-test"], "warning",
        r"1 of the 1 patients .* 1 of 3 test cases \(33\.3%\).* S7, with .*sub-S7_ses-2\.png",
    ),
    "other lung": (
        lambda r: edit(r, "Train", set_cell("B2", LEFT.replace("left", "right"))),
        ["text-against-mask-side"], "warning", r"Row 2 of .*Train_text.xlsx .*patient's right lung .* in the left lung",
    ),
    "lung left out": (
        lambda r: edit(r, "Val", set_cell("B3", LEFT.replace("one infected area", "two infected areas"))),
        ["text-against-mask-side"], "warning", r"Row 3 of .*Val_text.xlsx .* shows areas in the left lung and right",
    ),
    "other number": (
        lambda r: edit(r, "Val", set_cell("B3", BOTH.replace("two", "three"))),
        ["text-against-mask-number"], "warning", r"Row 3 of .*Val_text.xlsx says 3 infected areas .* shows 2 separate",
    ),
    "infection in a normal text": (
        lambda r: edit(r, "Val", set_cell("B2", "No pulmonary infection, no infected area.")),
        ["text-against-mask-number"], "warning", r"Row 2 of .*Val_text.xlsx says 0 infected areas",
    ),
    "text of another kind": (
        lambda r: edit(r, "Test", set_cell("B4", "The nuclei are densely distributed.")),
        ["text-outside-grammar"], "warning", r"Row 4 of .*Test_text.xlsx: .*nuclei.* does not follow the grammar",
    ),
    "text against itself": (
        lambda r: edit(r, "Train", set_cell("B2", LEFT.replace("Uni", "Bi"))),
        ["text-outside-grammar"], "warning", r"Row 2 of .*Train_text.xlsx: .*says bilateral and names 1 infected lung",
    ),
    "mirrored set": (
        mirror_all, ["sides-mirrored"], "warning", r"12 of 17 texts .* first Row 6 of .*Train_text.*one0\.png",
    ),
    "cases of a published set missing": (
        name_as_monuseg, ["other-counts"], "warning", r"MoNuSeg.* 4 / 2 / 3 sound .* 24 / 6 / 14",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", PLANTED)
def test_a_planted_defect_is_found_and_named_and_nothing_else(root, defect):
    plant, kinds, gravity, message = PLANTED[defect]
    plant(root)
    found = check(root)
    assert {item.kind for item in found.defects} == set(kinds)
    (planted,) = (item for item in found.defects if item.kind == kinds[0])
    assert planted.gravity == gravity
    assert found.errors >= (gravity == "error")
    with pytest.raises(UserError, match=f"(?s){message}"):
        raise UserError(planted.message)
    assert all(kind.about for kind in kinds_found(found))


@pytest.mark.parametrize(
    ("data", "folder", "names", "words"),
    [
        ("lvit", "x", ["sub-S1_ses-E1", "covid_1"], r"QaTa-COV19 v2.* 2 / 0 / 0 .* 5716 / 1429 / 2113"),
        ("lvit", "x", ["Morozov_study_0255_15", "Jun_coronacases_case7_75"], r"MosMedData\+.* 2183 / 273 / 273"),
        ("qata", "x", ["sub-S1_ses-E1", "covid_1"], r"QaTa-COV19 v2.* 2 sound cases, .* has 9258"),
        ("medvlsm", "kvasir", ["cju2rpa30t07b0835im0erql0"], r"Kvasir-SEG.* has 1000"),
        ("medvlsm", "CVC-ClinicDB", ["1", "27"], r"CVC-ClinicDB.* has 612"),
        ("medvlsm", "numbered", ["1", "27"], None),
        ("lvit", "x", ["sub-S1_ses-E1", "of_my_own"], None),
    ],
)
def test_published_sets_are_known_by_their_names(data, folder, names, words):
    files = [CaseFiles("train", name, Path("a"), Path("b"), "") for name in names]
    found = count_findings(data, Path(folder), [CheckedCase(case, None) for case in files])
    assert [bool(re.search(words or "", defect.message)) for defect in found] == [True] * (words is not None)


def test_a_clean_set_has_no_finding(root):
    found = check(root)
    assert found.defects == ()
    assert found.counts == {"train": 4, "val": 2, "test": 3}


def test_what_is_no_defect(root):
    # One text for masks that differ, an area of the right lung a little beyond the middle, masks of 0 and 1.
    for name, row in (("a", 10), ("c", 30)):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[row : row + 12, 45:60] = 1
        save(mask, path(root, "Train", "labelcol", name))
    mask = mask_of(True)
    mask[40:50, 8:20] = 0
    mask[40:50, 29:38] = 255
    save(mask, path(root, "Val", "labelcol"))
    assert check(root).defects == ()


def test_specks_may_be_counted_or_not(tmp_path):
    root = build(tmp_path / "data")
    large = np.zeros((256, 256), np.uint8)
    large[30:60, 170:200] = 255
    large[100, 170:173] = 255
    save(np.kron(picture(77), np.ones((4, 4), np.uint8)), path(root, "Train", "img", "a"))
    save(large, path(root, "Train", "labelcol", "a"))
    for count, defects in (("one infected area", 0), ("two infected areas", 0), ("three infected areas", 1)):
        edit(root, "Train", set_cell("B2", LEFT.replace("one infected area", count)))
        found = check(root).defects
        assert len(found) == defects
    assert "1 separate area of at least 14 pixels, and 1 smaller" in found[0].message


def test_a_second_check_and_a_run_decode_nothing(root, monkeypatch):
    add_altered(root)
    first = check(root)

    def refuse(file):
        raise AssertionError(f"{file} was decoded again")

    for name in ("read_image", "read_mask_values"):
        monkeypatch.setattr(f"biclip_bench.benchmark.datasets.file_check.{name}", refuse)
    assert check(root).defects == first.defects != ()
    assert len(open_dataset("lvit", DatasetSettings(root=root, cache=root.parent / "cache")).index) == 10


@pytest.mark.parametrize(
    ("source", "target", "kept", "dropped"),
    [("Train", "Test", "test/e", "train/b"), ("Test", "Val", "test/b", "val/e")],
)
def test_a_copy_across_parts_stops_a_run_and_is_never_left_out_of_the_test_part(root, source, target, kept, dropped):
    add_copy(root, source, target)
    settings = DatasetSettings(root=root, cache=root.parent / "cache")
    with pytest.raises(UserError, match=r"b\.png.* same file.*datasets check lvit.*--allow-issues"):
        open_dataset("lvit", settings)
    data = open_dataset("lvit", DatasetSettings(root=root, cache=root.parent / "cache", allow_issues=True))
    assert kept in set(data.index["case"])
    assert dropped not in set(data.index["case"])
    assert data.left_out == {dropped: "copies-across-parts"}


def test_a_message_names_three_of_many_copies_from_both_parts(root):
    for name in "efghi":
        add_copy(root, "Train", "Train", name)
    add_copy(root, "Train", "Test", "z")
    with pytest.raises(UserError) as raised:
        open_dataset("lvit", DatasetSettings(root=root, cache=root.parent / "cache"))
    told = str(raised.value).partition(" are the same file")[0]
    assert told.count(".png") == 3
    assert "Test_Folder" in told
    assert told.endswith("and 4 more")


def test_a_command_tells_of_warnings_and_how_to_see_them(root):
    add_copy(root, "Train", "Train")
    console = Console(record=True, width=200)
    print_defects(open_dataset("lvit", DatasetSettings(root=root, cache=root.parent / "cache")), console)
    told = " ".join(console.export_text().split())
    assert told == ("Note: Warnings about the data: 1 copies-within-part. 'biclip-bench datasets check lvit' explains.")


def test_what_allow_issues_leaves_out(root):
    save(mask_of(True), path(root, "Test", "labelcol", "mask_b"))
    truncate(path(root, "Train", "img", "a"))
    path(root, "Train", "labelcol", "c").unlink()
    data = open_dataset("lvit", DatasetSettings(root=root, cache=root.parent / "cache", allow_issues=True))
    kinds = {"test/b": "two-masks", "train/a": "unreadable", "train/c": "image-without-mask"}
    assert data.left_out == kinds
    assert not set(kinds) & set(data.index["case"])
    assert len(data.index) == 6


def test_a_set_without_a_whole_case_is_told_in_full(root):
    for file in root.glob("*/labelcol/*.png"):
        truncate(file)
    found = check(root)
    assert found.errors == 9
    assert {item.kind for item in found.defects} == {"unreadable"}


def test_kinds_json_and_pictures(root):
    add_copy(root, "Train", "Test")
    soften(path(root, "Val", "labelcol"))
    found = check(root)
    first, second = kinds_found(found, pictures=True)
    assert (first.kind, first.gravity, first.cases, len(first.messages)) == ("copies-across-parts", "error", 2, 1)
    assert [picture.case for picture in first.pictures] == ["train/b", "test/e"]
    np.testing.assert_array_equal(first.pictures[0].mask, mask_of(True) > 0)
    assert second.kind == "mask-not-binary"
    content = json.loads(check_json(found, root))
    assert content["errors"] == content["warnings"] == 1
    assert content["findings"][0]["cases"] == ["train/b", "test/e"]


@pytest.mark.parametrize(("kinds", "shown"), [(1, 9), (20, 5)])
def test_many_kinds_share_the_pages_pictures(root, kinds, shown):
    found = check(root)
    defects = tuple(Defect(str(kind), "m", "warning", tuple(found.dataset.files)) for kind in range(kinds))
    many = kinds_found(dataclasses.replace(found, defects=defects), pictures=True)
    assert [len(kind.pictures) for kind in many] == [shown] * kinds
    assert {kind.cases for kind in many} == {9}


def test_the_phantom_is_no_set_of_files(tmp_path):
    settings = DatasetSettings(image_size=32, cases=(1, 1, 1), cache=tmp_path)
    assert not hasattr(open_dataset("phantom", settings), "left_out")


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.6))
def test_areas_are_the_components_of_the_mask(seed, share):
    mask = np.random.default_rng(seed).random((9, 13)) < share
    areas = read_areas(describe_areas(mask))
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    assert len(areas) == count
    assert (np.diff(areas[:, 0]) <= 0).all()
    assert sorted(areas[:, 0]) == sorted(np.bincount(labels.ravel())[1:])
    centres = np.array(ndimage.center_of_mass(mask, labels, range(1, count + 1))).reshape(-1, 2)
    np.testing.assert_allclose(sorted(map(tuple, areas[:, 1:])), sorted(map(tuple, centres)), atol=0.011)


@given(st.integers(0, 2**32 - 1))
def test_distances_of_hashes_are_counted_exactly(seed):
    draw = np.random.default_rng(seed)
    bits = draw.integers(0, 2, (2, 40, 256), dtype=np.uint8)
    bits[1, :20] = bits[0, :20] ^ (draw.random((20, 256)) < draw.random((20, 1)) / 8)
    hashes = [[np.packbits(row).tobytes().hex() for row in side] for side in bits]
    expected = {
        (i, j, distance)
        for i, one in enumerate(bits[0])
        for j, other in enumerate(bits[1])
        if (distance := int((one != other).sum())) <= NEAR_BITS
    }
    with pytest.MonkeyPatch.context() as patch:
        # Several blocks, the last of them not full.
        patch.setattr("biclip_bench.benchmark.datasets.audit.duplicates._BLOCK", 7)
        assert set(_close_pairs(_bits(hashes[0]), _bits(hashes[1]))) == expected


@pytest.mark.skipif(not MONUSEG.is_dir(), reason="the MoNuSeg demo set is not here")
def test_the_demo_set_of_monuseg_is_sound(tmp_path):
    found = check_dataset("lvit", DatasetSettings(root=MONUSEG, cache=tmp_path))
    assert found.defects == ()
    assert found.counts == {"train": 24, "val": 6, "test": 14}


@pytest.mark.skipif(not MONUSEG.is_dir(), reason="the MoNuSeg demo set is not here")
def test_a_real_image_saved_again_in_another_part_is_found(tmp_path):
    root = tmp_path / "data"
    for file in MONUSEG.rglob("*"):
        if file.is_file():
            target = root / file.relative_to(MONUSEG)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    source = min((root / "Train_Folder" / "img").iterdir())
    copied = min((root / "Test_Folder" / "img").iterdir())
    image = Image.open(source).convert("RGB").resize(Image.open(copied).size)
    image.save(copied.with_suffix(".jpg"), quality=40)
    copied.unlink()
    (found,) = check_dataset("lvit", DatasetSettings(root=root, cache=tmp_path / "cache")).defects
    assert found.kind == "near-copies-across-parts"
    assert found.cases == (f"test/{copied.stem}", f"train/{source.stem}")
    assert read_image(copied.with_suffix(".jpg")).shape[0] == 3
