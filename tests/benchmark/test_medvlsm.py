"""The sets in MedVLSM's layout: the real annotation files, with small images written for them."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

PROMPTS = Path(__file__).parents[2].parent / "shared" / "data" / "medvlsm-prompts"
NAMES = {"train": ["cju0qkwl35piu0993l0dewei2", "cju0qoxqj9q6s0835b43399p4"], "val": ["cju0qx73cjw570799j4n5cjze"],
         "test": ["cju0roawvklrq0799vmjorwfv", "cju0rx1idathl0835detmsp84"]}  # fmt: skip


def entry(name, suffix=".jpg"):
    place = f"one small pink round polyp of {name}"
    return {
        "bbox": [1, 2, 3, 4], "cat": 0, "segment_id": name, "img_name": f"{name}{suffix}",
        "mask_name": f"{name}{suffix}", "sentences": [{"idx": 0, "sent_id": 0, "sent": ""}], "sentences_num": 1,
        "prompts": {"p0": "", "p1": "polyp", "p6": place, "p7": [f"polyp number {n}" for n in range(5)]},
    }  # fmt: skip


def write_images(root, names, mask_suffix=".jpg"):
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    truth = np.zeros((16, 24), np.uint8)
    truth[4:12, 6:18] = 255
    for name in names:
        colour = np.full((16, 24, 3), tuple(hashlib.sha256(name.encode()).digest()[:3]), np.uint8)
        Image.fromarray(colour).save(root / "images" / name)
        Image.fromarray(truth).save(root / "masks" / f"{Path(name).stem}{mask_suffix or Path(name).suffix}")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "kvasir_polyp"
    (root / "anns").mkdir(parents=True)
    for part, names in NAMES.items():
        (root / "anns" / f"{part}.json").write_text(json.dumps([entry(name) for name in names]))
        write_images(root, [f"{name}.jpg" for name in names])
    return root


def change(root, part, edit):
    path = root / "anns" / f"{part}.json"
    entries = json.loads(path.read_text())
    edit(entries)
    path.write_text(json.dumps(entries))


def open_set(root, name="medvlsm", allow_issues=False, **options):
    settings = DatasetSettings(root=root, cache=root.parent / "cache", options=options, allow_issues=allow_issues)
    return open_dataset(name, settings)


def test_images_masks_and_prompts_belong_together(root):
    data = open_set(root)
    assert data.index["part"].value_counts().to_dict() == {"train": 2, "test": 2, "val": 1}
    case = data.load(f"val/{NAMES['val'][0]}")
    assert case.text == f"one small pink round polyp of {NAMES['val'][0]}"
    assert case.image.shape == (3, 16, 24)
    # JPEG leaves grey borders, and half of full scale is where the lesion ends.
    assert case.mask.mean() == pytest.approx(96 / 384, abs=0.02)
    assert data.context == ImageContext("other", None, None)


def test_a_prompt_is_chosen(root):
    assert set(open_set(root, prompt="p1").index["text"]) == {"polyp"}
    assert set(open_set(root, prompt="p0").index["text"]) == {""}
    assert set(open_set(root, prompt="p7:3").index["text"]) == {"polyp number 3"}
    drawn = open_set(root, prompt="p7").index
    assert set(drawn["text"]) <= {f"polyp number {n}" for n in range(5)}
    change(root, "train", list.reverse)
    assert open_set(root, prompt="p7").index.equals(drawn)


@pytest.mark.parametrize("prompt", ["p", "6", "p7:", "p7:x", "best"])
def test_a_prompt_that_is_none_is_told(root, prompt):
    with pytest.raises(UserError, match=f"'prompt' is '{prompt}': write p0 to p9"):
        open_set(root, prompt=prompt)


@pytest.mark.parametrize("prompt", ["p5", "p7:5", "p6:0"])
def test_an_entry_that_lacks_the_prompt_is_named(root, prompt):
    with pytest.raises(UserError, match=rf"Entry 1 of .*train\.json has no text in its prompt {prompt}"):
        open_set(root, prompt=prompt)


def test_masks_of_another_suffix_fit_and_two_are_ambiguous(root):
    name = NAMES["train"][0]
    (root / "masks" / f"{name}.jpg").unlink()
    write_images(root, [f"{name}.jpg"], ".png")
    assert len(open_set(root).index) == 5
    write_images(root, [f"{name}.jpg"], ".tif")
    with pytest.raises(UserError, match=rf"Entry 1 of .*train\.json: masks holds several files for {name}\.jpg"):
        open_set(root)


def twice(entries):
    entries.append(entries[0])


def lost(entries):
    entries[1]["img_name"] = "nowhere.jpg"


def nameless(entries):
    del entries[1]["mask_name"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (twice, r"Entry 3 of .*test\.json and Entry 1 of .*test\.json both name the image"),
        (lost, r"Entry 2 of .*test\.json names 'nowhere\.jpg'"),
        (nameless, r"Entry 2 of .*test\.json has no mask_name"),
    ],
)
def test_each_defect_is_named_with_file_and_entry(root, edit, message):
    change(root, "test", edit)
    with pytest.raises(UserError, match=message):
        open_set(root)
    assert len(open_set(root, allow_issues=True).index) == 4


def test_an_image_in_no_entry_is_a_warning(root):
    write_images(root, ["extra.jpg"])
    data = open_set(root)
    assert len(data.index) == 5
    assert [(defect.kind, defect.gravity) for defect in data.defects] == [("image-without-entry", "warning")]
    assert "extra.jpg" in data.defects[0].message


def test_files_that_are_no_layout_are_told(root):
    path = root / "anns" / "val.json"
    path.write_text("{")
    with pytest.raises(UserError, match=r"val\.json cannot be read"):
        open_set(root)
    path.write_text("{}")
    with pytest.raises(UserError, match=r"val\.json should hold a list"):
        open_set(root)
    path.unlink()
    with pytest.raises(UserError, match=r"no file .*val\.json"):
        open_set(root)


def test_the_named_set_tells_what_differs_from_the_published_one(root):
    (warning,) = open_set(root, "kvasir-seg").defects
    assert "800, 100 and 100 cases" in warning.message
    assert "here 2, 1 and 2" in warning.message
    with pytest.raises(UserError, match=r"not CVC-ClinicDB.*--dataset medvlsm"):
        open_set(root, "cvc-clinicdb")


@pytest.mark.skipif(not PROMPTS.is_dir(), reason="the prompt files of MedVLSM are not here")
@pytest.mark.parametrize(
    ("folder", "name", "counts"),
    [("kvasir_polyp", "kvasir-seg", (800, 100, 100)), ("clinicdb_polyp", "cvc-clinicdb", (490, 61, 61))],
)
def test_the_real_annotation_files_are_the_published_sets(tmp_path, folder, name, counts):
    root = tmp_path / folder
    shutil.copytree(PROMPTS / folder, root)
    for folder_name in ("images", "masks"):
        (root / folder_name).mkdir()
    listed = [
        entry for part in ("train", "val", "test") for entry in json.loads((root / "anns" / f"{part}.json").read_text())
    ]
    for number, entry in enumerate(listed):
        image = np.full((16, 16), 128, np.uint8)
        image[:8], image[8:] = number % 40 * 6, number // 40 * 8  # blocks of eight pixels outlive JPEG
        Image.fromarray(image).save(root / "images" / entry["img_name"])
        Image.fromarray(np.zeros((4, 4), np.uint8)).resize((16, 16)).save(root / "masks" / entry["mask_name"])
    data = open_set(root, name)
    assert data.defects == ()
    found = data.index["part"].value_counts()
    assert (found["train"], found["val"], found["test"]) == counts
    assert data.index["text"].str.contains("polyp, located in").mean() > 0.9
    assert open_set(root, name, prompt="p9").index["text"].nunique() > 100
