"""Any folder of images and masks: names, parts, groups, tables and what is stated about pixels."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.patient_split import split_text
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def picture(path, seed=0, dtype=np.uint8, shape=(12, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)
    Image.fromarray(pixels).save(path)
    return path


def mask(path, shape=(12, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    truth = np.zeros(shape, np.uint8)
    truth[2:6, 3:9] = 255
    Image.fromarray(truth).save(path)
    return path


def write_table(path, header, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def open_folder(root, allow_issues=False, **options):
    given = {key: str(value) for key, value in options.items()}
    cache = root.parent / "cache"
    return open_dataset("folder", DatasetSettings(root=root, cache=cache, options=given, allow_issues=allow_issues))


def names(data):
    return {case.partition("/")[2] for case in data.index["case"]}


@pytest.fixture
def root(tmp_path):
    """Twelve images of six patients, masks with the suffix _mask."""
    for number in range(12):
        picture(tmp_path / "data" / "images" / f"p{number // 2}_{number}.png", number)
        mask(tmp_path / "data" / "masks" / f"p{number // 2}_{number}_mask.png")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("image", "truth", "options"),
    [
        ("images/a{}.png", "masks/a{}.png", {}),
        ("images/a{}.jpg", "masks/a{}-mask.png", {}),
        ("images/a{}.tif", "masks/mask_a{}.png", {}),
        ("images/a{}.png", "masks/a{}_lung.tif", {"mask_affix": "_lung"}),
        ("images/a{}.png", "masks/GTa{}.png", {"mask_affix": "GT"}),
        ("images/x/a{}.png", "masks/x/a{}.png", {}),
        ("scans/a{}.png", "truth/a{}.png", {"images": "scans", "masks": "truth"}),
        ("a{}.png", "a{}_mask.png", {"images": "*.png", "masks": "*_mask.png"}),
        ("a{}/image.png", "a{}/mask.png", {"images": "*/image.png", "masks": "*/mask.png"}),
        ("deep/x/a{}.png", "deep/x/a{}.seg.png", {"images": "**/*.png", "masks": "**/*.seg.png"}),
        ("a{}/scan1.png", "a{}/truth1.png", {"images": "*/scan?.png", "masks": "*/truth?.png"}),
    ],
)
def test_images_and_masks_are_paired_by_name(tmp_path, image, truth, options):
    root = tmp_path / "data"
    for number in range(4):
        picture(root / image.format(number), number)
        mask(root / truth.format(number))
    data = open_folder(root, **options)
    assert len(data.index) == 4
    assert (data.index["lesion_fraction"] == 24 / 192).all()
    (case,) = [name for name in data.index["case"] if "a2" in name]
    if not image.endswith("jpg"):
        expected = np.asarray(Image.open(root / image.format(2))) / np.float32(255)
        np.testing.assert_array_equal(data.load(case).image[0], expected)


@pytest.mark.parametrize(
    ("image", "truth"),
    [
        ("{part}/images/{name}.png", "{part}/masks/{name}.png"),
        ("images/{part}/{name}.png", "masks/{part}/{name}_mask.png"),
        ("images/{part}/p1/{name}.png", "masks/{part}/p1/{name}.png"),
    ],
)
@pytest.mark.parametrize("words", [("train", "val", "test"), ("Training", "validation", "Test")])
def test_folders_named_after_parts_tell_them(tmp_path, image, truth, words):
    root = tmp_path / "data"
    for place, word in enumerate(words):
        for name in ("one", "two"):
            picture(root / image.format(part=word, name=name), place)
            mask(root / truth.format(part=word, name=name))
    data = open_folder(root)
    assert data.index["part"].value_counts().to_dict() == {"train": 2, "val": 2, "test": 2}
    inner = "p1/" if "p1" in image else ""
    assert set(data.index["case"]) == {f"{p}/{inner}{n}" for p in ("train", "val", "test") for n in ("one", "two")}
    assert data.split == ""


def test_a_split_is_made_of_whole_groups(root):
    data = open_folder(root, group_pattern=r"(p\d+)_")
    assert set(data.index["group"]) == {f"p{n}" for n in range(6)}
    assert (data.index.groupby("group")["part"].nunique() == 1).all()
    assert set(data.index["part"]) == {"train", "val", "test"}
    assert "made by biclip-bench: whole groups dealt 70:10:20" in split_text(data, "official")
    assert open_folder(root, group_pattern=r"(p\d+)_").index.equals(data.index)
    tests = open_folder(root, fractions="0:0:100").index
    assert set(tests["part"]) == {"test"}
    assert list(tests["group"]) == list(tests["case"])


def test_too_few_groups_for_a_split_are_told(root):
    with pytest.raises(UserError, match=r"one for each of 3 parts, and there are 1.*fractions=0:0:100"):
        open_folder(root, group_pattern="p")


def table_rows():
    return [
        (f"p{n // 2}_{n}.png", f"Finding {n}.", f"patient {n // 2}", ("train", "Val", "testing")[n // 2 % 3])
        for n in range(12)
    ]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_table_gives_texts_groups_and_parts(root, kind):
    header = ("file", "report", "patient", "split")
    if kind == "csv":
        write_table(root / "table.csv", header, *table_rows())
    else:
        lines = (json.dumps(dict(zip(header, row, strict=True))) for row in table_rows())
        (root / "table.jsonl").write_text("\n".join(lines))
    data = open_folder(
        root, texts=f"table.{kind}", image_column="file", text_column="report", group_column="patient",
        part_column="split",
    )  # fmt: skip
    index = data.index.set_index("case")
    assert index["part"].value_counts().to_dict() == {"train": 4, "val": 4, "test": 4}
    assert index.loc["val/p1_3", "text"] == "Finding 3."
    assert index.loc["val/p1_3", "group"] == "patient 1"
    assert data.fingerprint != open_folder(root).fingerprint


def test_a_table_may_name_masks_paths_or_bare_names(tmp_path):
    root = tmp_path / "data"
    for seed, part in enumerate(("train", "val", "test")):
        picture(root / part / "images" / "one.png", seed)
        mask(root / part / "masks" / "one_mask.png")
    rows = [("train/images/one.png", "A."), ("val/masks/one_mask.png", "B."), ("test/one", "C.")]
    write_table(root / "t.csv", ("Image", "Description"), *rows)
    data = open_folder(root, texts="t.csv")
    assert data.index.set_index("case")["text"].to_dict() == {"train/one": "A.", "val/one": "B.", "test/one": "C."}
    write_table(root / "t.csv", ("Image", "Description"), *rows[:2], ("one.png", "C."))
    with pytest.raises(UserError, match=r"Row 4 of .*t\.csv names 'one\.png', which fits several images"):
        open_folder(root, texts="t.csv")


def test_a_table_of_parts_alone_needs_no_texts(root):
    write_table(root / "t.csv", ("Image", "part"), *((row[0], row[3]) for row in table_rows()))
    data = open_folder(root, texts="t.csv", text_column="none", part_column="part")
    assert set(data.index["text"]) == {""}
    assert set(data.index["part"]) == {"train", "val", "test"}


def add_image(root):
    picture(root / "images" / "p9_99.png")


def add_mask(root):
    mask(root / "masks" / "nobody.png")


def same_stem(root):
    picture(root / "images" / "p0_0.jpg")


def second_mask(root):
    mask(root / "masks" / "p0_0.png")


def other_size(root):
    mask(root / "masks" / "p0_0_mask.png", (12, 12))


def row(*values):
    def add(root):
        with (root / "t.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(values)

    return add


@pytest.mark.parametrize(
    ("plant", "message", "left"),
    [
        (add_image, r"image .*p9_99\.png has no mask: .*masks should hold p9_99\.png or mask_p9_99\.png or", 12),
        (add_mask, r"mask .*nobody\.png has no image", 12),
        (same_stem, r"p0_0\.jpg and .*p0_0\.png differ only in their suffix", 11),
        (second_mask, r"Two masks fit the image .*p0_0\.png: p0_0\.png and p0_0_mask\.png", 11),
        (other_size, r"p0_0_mask\.png is 12 x 12 pixels and its image .*16 x 12", 11),
        (row("p0_0.png", "Again.", "patient 0", "train"), r"Row 14 of .*t\.csv and row 2 both give a text", 11),
        (row("nobody.png", "Text.", "patient 0", "train"), r"Row 14 of .*t\.csv names 'nobody\.png'", 12),
        (row("p0_0.png", "", "patient 0", "train"), r"Row 14 of .*t\.csv \(p0_0\.png\) has no text", 12),
        (row("p0_0.png", "Text.", "", "train"), r"Row 14 of .*\(p0_0\.png\) has no patient: fill its column", 12),
    ],
)
def test_each_defect_is_named_and_only_its_case_left_out(root, plant, message, left):
    write_table(root / "t.csv", ("Image", "Description", "patient", "split"), *table_rows())
    options = {"texts": "t.csv", "group_column": "patient", "part_column": "split"}
    open_folder(root, **options)
    plant(root)
    with pytest.raises(UserError, match=message):
        open_folder(root, **options)
    assert len(open_folder(root, allow_issues=True, **options).index) == left


def test_an_unknown_part_and_a_missing_row_are_named(root):
    rows = table_rows()
    rows[2] = (*rows[2][:3], "held out")
    write_table(root / "t.csv", ("Image", "Description", "patient", "split"), *rows[:-1])
    with pytest.raises(UserError, match=r"Row 4 of .*t\.csv says 'held out' in its column split"):
        open_folder(root, texts="t.csv", part_column="split")
    data = open_folder(root, allow_issues=True, texts="t.csv", part_column="split")
    assert "p5_11.png has no row in t.csv" in " ".join(defect.message for defect in data.defects)
    assert len(data.index) == 10


def test_an_image_outside_the_parts_is_named(tmp_path):
    root = tmp_path / "data"
    for part in ("train", "val", "test"):
        picture(root / "images" / part / f"{part}1.png")
        mask(root / "masks" / part / f"{part}1.png")
    picture(root / "images" / "stray.png")
    mask(root / "masks" / "stray.png")
    with pytest.raises(UserError, match=r"stray\.png lies in no folder train, val or test"):
        open_folder(root)


def test_other_files_are_a_warning(root):
    (root / "images" / "README.md").write_text("x")
    data = open_folder(root)
    assert [(defect.kind, defect.gravity) for defect in data.defects] == [("not-an-image", "warning")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": "pictures"}, r"no folder 'pictures' in .*images="),
        ({"images": "*/*.bmp"}, r"No image fits '\*/\*\.bmp'"),
        ({"images": "../*.png"}, r"leads out of the data set"),
        ({"fractions": "70:30"}, r"'fractions'.* is '70:30': write shares"),
        ({"fractions": "0:0:0"}, r"'fractions'"),
        ({"hu_range": "100"}, r"'hu_range'.* is '100': write LOW:HIGH"),
        ({"hu_range": "100:-100"}, r"write LOW:HIGH"),
        ({"hu_range": "-1000:400", "modality": "mr"}, r"modality=mr: leave one out"),
        ({"group_pattern": "("}, r"'group_pattern'.* no regular expression"),
        ({"group_pattern": "q(.)"}, r"finds no group in .*p0_0\.png"),
        ({"group_column": "patient"}, r"names a column of the table of texts.*texts=FILE"),
        ({"texts": "nowhere.csv"}, r"no table nowhere\.csv"),
        ({"modality": "xray"}, r"'modality'.* must be one of: auto, ct"),
        ({"pixel_size_mm": "-1"}, r"'pixel_size_mm'"),
        ({"modality": "ct", "hu_range": "-1000:0", "window": "40:400"}, r"window 40 to 400 lies outside"),
        ({"imags": "x"}, r"no option 'imags'. Did you mean 'images'"),
    ],
)
def test_options_that_are_wrong_are_told(root, options, message):
    with pytest.raises(UserError, match=message):
        open_folder(root, **options)


def test_what_is_stated_about_pictures_is_their_meaning(root):
    assert open_folder(root).context == ImageContext("other", None, None)
    stated = open_folder(root, hu_range="-1000:1000", window="-500:500", pixel_size_mm=0.8)
    assert stated.context == ImageContext("ct", (-1000.0, 1000.0), 0.8, (0.25, 0.75))
    assert open_folder(root, modality="radiograph").context == ImageContext("radiograph", None, None)
    assert stated.fingerprint != open_folder(root).fingerprint
    picture(root / "images" / "p0_0.png", shape=(12, 16, 3))
    with pytest.raises(UserError, match=r"modality=ct, and images in .* have colour"):
        open_folder(root, modality="ct")


def test_sixteen_bits_hold_hounsfield_units_as_stated(root):
    """A 16-bit picture whose values are Hounsfield units plus 32768."""
    units = np.random.default_rng(0).integers(-1000, 2000, (12, 16))
    Image.fromarray((units + 32768).astype(np.uint16)).save(root / "images" / "p0_0.png")
    data = open_folder(root, hu_range="-32768:32767", window="-1350:150")
    low, high = data.context.hu_range
    case = next(name for name in data.index["case"] if name.endswith("p0_0"))
    np.testing.assert_array_equal(np.rint(data.load(case).image[0].astype(float) * (high - low) + low), units)
    assert data.context.window_hu == (pytest.approx(-1350), pytest.approx(150))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample images are not here")
def test_real_radiographs_with_masks_of_lungs(tmp_path):
    settings = DatasetSettings(root=SHARED / "chest-xray-lungs", cache=tmp_path, options={"modality": "radiograph"})
    data = open_dataset("folder", settings)
    assert len(data.index) == 4
    assert data.index["lesion_fraction"].between(0.1, 0.5).all()
    settings = DatasetSettings(root=SHARED / "chest-ct-lungs", cache=tmp_path, options={"fractions": "0:0:1"})
    (case,) = open_dataset("folder", settings).index["case"]
    assert case == "test/ID_0000_Z_0142"
