"""Downloads as they come, laid out so that the data set's own loader reads the same cases."""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image
from rich.console import Console

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.listed_files import verify_listed
from biclip_bench.benchmark.preparing import write as writing
from biclip_bench.benchmark.preparing.prepare import Request, prepare, run_words
from biclip_bench.benchmark.preparing.prepared_manifest import read_prepared
from biclip_bench.benchmark.preparing.recognise import LOOKED_FOR, recognise, seen_words
from biclip_bench.benchmark.preparing.workbooks import workbook
from biclip_bench.errors import UserError

REPORT = "Unilateral pulmonary infection, one infected area, upper right lung."
TRAIN = [f"sub-S{number}_ses-E{number}_run-1_bp-chest_vp-ap_cr" for number in range(6)] + ["covid_1"]
TEST = [f"sub-T{number}_ses-E{number}_run-1_bp-chest_vp-ap_cr" for number in range(3)] + ["covid_9"]
KAGGLE = Path("QaTa-COV19") / "QaTa-COV19-v2"


def mask_name(name):
    return name if name.startswith("covid") else f"mask_{name}"


def draw(image, mask, seed, colour=False):
    generator = np.random.default_rng(seed)
    for path in (image, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    shape = (24, 20, 3) if colour else (24, 20)
    Image.fromarray(generator.integers(0, 255, shape, np.uint8)).save(image)
    lesion = np.zeros((24, 20), np.uint8)
    lesion[2 + seed % 9 : 12 + seed % 9, 3:9] = 255
    Image.fromarray(lesion).save(mask)


def book(path, rows, header=("Image", "Description")):
    made = openpyxl.Workbook()
    for row in (header, *rows):
        made.active.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)
    return path


@pytest.fixture
def kaggle(tmp_path):
    """QaTa-COV19 as Kaggle's archive has it, with another version of the set beside it, and LViT's tables."""
    root = tmp_path / "download" / "archive"
    for part, names, begin in (("Train Set", TRAIN, 0), ("Test Set", TEST, 50)):
        for number, name in enumerate(names, begin):
            folder = root / KAGGLE / part
            draw(folder / "Images" / f"{name}.png", folder / "Ground-truths" / f"{mask_name(name)}.png", number)
    draw(root / "QaTa-COV19" / "QaTa-COV19-v1" / "Images" / "a.png", root / "QaTa-COV19" / "x" / "a.png", 99)
    texts = tmp_path / "download" / "texts"
    # LViT's names have no suffix, and one table of texts serves training and validation.
    book(texts / "Train_text_for_Covid19.xlsx", [(mask_name(name), f"{REPORT} {name}") for name in TRAIN])
    book(texts / "Test_text_for_Covid19.xlsx", [(f"{mask_name(name)}.png", f"{REPORT} {name}") for name in TEST])
    book(texts / "Train_ID.xlsx", [(mask_name(name),) for name in TRAIN[2:]], ("Image",))
    book(texts / "Val_ID.xlsx", [(mask_name(name),) for name in TRAIN[:2]], ("Image",))
    return tmp_path / "download"


def zipped(folder):
    return Path(shutil.make_archive(str(folder), "zip", folder))


def tree(folder):
    """Every file's bytes and time of change."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(name, download, target, *texts, **options):
    cache = target.parent / "cache"
    return prepare(Request(name, download, target, tuple(texts), cache=cache, **options), Console(quiet=True))


def cases(name, folder, **options):
    return open_dataset(name, DatasetSettings(root=folder, cache=folder.parent / "cache", options=options))


def same_cases(first, second):
    assert first.index.drop(columns="part").equals(second.index.drop(columns="part"))
    for case in first.index["case"]:
        one, other = first.load(case), second.load(case)
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.mask, other.mask)
        assert (one.text, one.group) == (other.text, other.group)


@pytest.mark.parametrize("packed", [True, False])
def test_kaggles_qata_with_lvits_tables_gets_the_official_split(tmp_path, kaggle, packed):
    before = tree(kaggle)
    download = zipped(kaggle / "archive") if packed else kaggle / "archive"
    done = run("qata-lvit", download, tmp_path / "out", kaggle / "texts")
    assert {path: stamp for path, stamp in tree(kaggle).items() if path in before} == before
    assert done.errors == ()
    assert done.manifest.dataset.cases == {"train": 5, "val": 2, "test": 4}
    data = cases("qata-lvit", tmp_path / "out")
    assert data.fingerprint == done.manifest.dataset.fingerprint
    index = data.index.set_index("case")
    assert set(index.index[index["part"] == "val"]) == {f"val/{name}" for name in TRAIN[:2]}
    for number, name in enumerate(TRAIN):
        case = data.load(f"{'val' if number < 2 else 'train'}/{name}")
        source = kaggle / "archive" / KAGGLE / "Train Set"
        pixels = np.asarray(Image.open(source / "Images" / f"{name}.png"))
        np.testing.assert_array_equal(case.image[0], pixels.astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(
            case.mask, np.asarray(Image.open(source / "Ground-truths" / f"{mask_name(name)}.png")) > 0
        )
        assert case.text == f"{REPORT} {name}"
    # LViT's own code finds a text by the mask's file name.
    rows = list(openpyxl.load_workbook(tmp_path / "out" / "Val_Folder" / "Val_text.xlsx").active.values)
    assert rows[0] == ("Image", "Description")
    assert {row[0] for row in rows[1:]} == {path.name for path in (tmp_path / "out/Val_Folder/labelcol").iterdir()}
    assert " ".join(run_words(done.manifest, Path("out"))) == "biclip-bench run --dataset qata-lvit --data-root out"


def test_kaggles_qata_keeps_its_layout_and_has_the_fingerprint_of_one_laid_out_by_hand(tmp_path, kaggle):
    tables = [kaggle / "texts" / f"{part}_text_for_Covid19.xlsx" for part in ("Train", "Test")]
    done = run("qata", zipped(kaggle / "archive"), tmp_path / "out", *tables)
    assert done.manifest.dataset.options == {
        "texts": "texts/Train_text_for_Covid19.xlsx,texts/Test_text_for_Covid19.xlsx"
    }
    by_hand = cases("qata", kaggle / "archive", texts=",".join(map(str, tables)))
    prepared = cases("qata", tmp_path / "out", **done.manifest.dataset.options)
    assert prepared.index.equals(by_hand.index)
    assert done.manifest.dataset.fingerprint == prepared.fingerprint
    same_cases(prepared, by_hand)
    assert not list((tmp_path / "out").rglob("a.png"))


def test_qata_without_texts_and_with_lists_of_parts(tmp_path, kaggle):
    done = run("qata", kaggle / "archive", tmp_path / "out")
    assert set(cases("qata", tmp_path / "out").index["text"]) == {""}
    assert done.manifest.dataset.options == {}
    with pytest.raises(UserError, match=r"Train_ID.xlsx lists the images of a part.*prepare qata-lvit"):
        run("qata", kaggle / "archive", tmp_path / "other", kaggle / "texts" / "Train_ID.xlsx")


def test_without_the_lists_the_parts_are_not_guessed(tmp_path, kaggle):
    for name in ("Train_ID.xlsx", "Val_ID.xlsx"):
        (kaggle / "texts" / name).unlink()
    with pytest.raises(UserError, match=r"No image is told to be for val.*Val_ID.xlsx"):
        run("qata-lvit", kaggle / "archive", tmp_path / "out", kaggle / "texts")
    assert not (tmp_path / "out").exists()


def test_an_image_in_two_lists_is_an_error_and_one_in_none_is_left_out(tmp_path, kaggle):
    book(kaggle / "texts" / "Val_ID.xlsx", [(mask_name(name),) for name in TRAIN[:1]], ("Image",))
    done = run("qata-lvit", kaggle / "archive", tmp_path / "out", kaggle / "texts")
    assert sum(done.manifest.dataset.cases.values()) == len(TRAIN) + len(TEST) - 1
    assert [note for note in done.notes if "no table names, left out: 1 (" in note and TRAIN[1] in note]
    assert [note for note in done.notes if "name no image here, left out: 1 (" in note]
    book(kaggle / "texts" / "Val_ID.xlsx", [(mask_name(name),) for name in TRAIN[:3]], ("Image",))
    with pytest.raises(UserError, match=r"Train_ID.xlsx and by Val_ID.xlsx, so its part is not clear"):
        run("qata-lvit", kaggle / "archive", tmp_path / "other", kaggle / "texts")


@pytest.fixture
def lvit(tmp_path):
    root = tmp_path / "download" / "some folder" / "datasets" / "MoNuSeg"
    for number, (part, name) in enumerate(
        [("Train", "TCGA-21-5784-01Z"), ("Val", "TCGA-B0-5711-01Z"), ("Test", "r\u00e9sum\u00e9")]
    ):
        folder = root / f"{part}_Folder"
        draw(folder / "img" / f"{name}.png", folder / "labelcol" / f"{name}.png", number, colour=True)
        book(folder / f"{part}_text.xlsx", [(f"{name}.png", "The nuclei are evenly distributed.")])
    return root


def test_lvits_layout_a_few_folders_down_is_lifted_as_it_is(tmp_path, lvit):
    done = run("lvit", zipped(tmp_path / "download"), tmp_path / "out")
    same_cases(cases("lvit", tmp_path / "out"), cases("lvit", lvit))
    assert done.manifest.dataset.fingerprint == cases("lvit", lvit).fingerprint
    assert done.manifest.source.inside == "some folder/datasets/MoNuSeg"
    assert done.manifest.source.name == "download.zip"
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")


def test_lvits_layout_with_one_table_for_training_and_validation(tmp_path, lvit):
    names = [next((lvit / f"{part}_Folder" / "img").iterdir()).name for part in ("Train", "Val")]
    for part in ("Train", "Val"):
        (lvit / f"{part}_Folder" / f"{part}_text.xlsx").unlink()
    book(lvit / "Train_Val_text.xlsx", [(name, f"Text of {name}.") for name in names])
    done = run("lvit", zipped(tmp_path / "download"), tmp_path / "out")
    assert done.errors == ()
    assert cases("lvit", tmp_path / "out").load(f"val/{names[1].removesuffix('.png')}").text == f"Text of {names[1]}."


def test_files_say_what_they_show(tmp_path, lvit):
    files = {file.path: file for file in run("lvit", lvit, tmp_path / "out").manifest.files}
    image = files["Train_Folder/img/TCGA-21-5784-01Z.png"]
    assert (image.kind, image.width, image.height, image.bits, image.intensity) == ("image", 20, 24, 8, "colour")
    assert (image.case, image.part, image.group) == ("train/TCGA-21-5784-01Z", "train", "TCGA-21-5784")
    content = (lvit / "Train_Folder" / "img" / "TCGA-21-5784-01Z.png").read_bytes()
    assert (image.bytes, image.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert files["Test_Folder/labelcol/r\u00e9sum\u00e9.png"].intensity == "mask"
    assert files["Test_Folder/labelcol/r\u00e9sum\u00e9.png"].group is None
    assert files["Val_Folder/Val_text.xlsx"].kind == "other"
    assert len(files) == 9


def mosmed(root, names):
    for number, name in enumerate(names):
        draw(root / "frames" / f"{name}.png", root / "masks" / f"{name}.png", number)
    return root


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_mosmeds_frames_and_masks_with_lvits_workbooks(tmp_path, form):
    import unicodedata

    names = ["Morozov_study_0255_15", "Jun_coronacases_case7_75", "bjorke_3", "study_0001_\u00fc"]
    root = mosmed(tmp_path / "download" / "COVID", [unicodedata.normalize(form, name) for name in names])
    tables = []
    for part, own in (("Train", names[:2]), ("Val", names[2:3]), ("Test", names[3:])):
        file = tmp_path / f"{part}_text_MosMedData+ 1.xlsx"
        tables.append(book(file, [(f"{name}.png", REPORT) for name in own]))
    done = run("mosmed", root.parent, tmp_path / "out", *tables)
    assert done.manifest.dataset.cases == {"train": 2, "val": 1, "test": 1}
    assert done.errors == ()
    assert {file.intensity for file in done.manifest.files if file.kind == "image"} == {"8-bit window"}
    assert cases("mosmed", tmp_path / "out").load("test/study_0001_\u00fc").group == "study_0001"


def test_polyps_from_images_and_prompts_that_come_apart(tmp_path):
    download = tmp_path / "download"
    for kind, suffix in (("PNG", "png"), ("TIF", "tif")):
        for number in range(6):
            folder = download / "CVC-ClinicDB" / kind
            draw(
                folder / "Original" / f"{number}.{suffix}", folder / "Ground Truth" / f"{number}.{suffix}", number, True
            )
    anns = tmp_path / "anns"
    anns.mkdir()
    for part, numbers in (("train", (0, 1, 2)), ("val", (3,)), ("test", (4, 5))):
        entries = [
            {"img_name": f"{number}.png", "mask_name": f"{number}.png", "prompts": {"p0": "", "p6": f"polyp {number}"}}
            for number in numbers
        ]
        (anns / f"{part}.json").write_text(json.dumps(entries), encoding="utf-8")
    archive = zipped(download)
    with pytest.raises(UserError, match=r"2 places look like images and masks.*PNG.*TIF.*--inside"):
        run("cvc-clinicdb", archive, tmp_path / "out", anns)
    with pytest.raises(UserError, match=r"train.json, val.json and test.json tell.*--texts"):
        run("cvc-clinicdb", archive, tmp_path / "out", inside="CVC-ClinicDB/PNG")
    done = run("cvc-clinicdb", archive, tmp_path / "out", anns, inside="CVC-ClinicDB/PNG")
    assert done.manifest.dataset.cases == {"train": 3, "val": 1, "test": 2}
    assert cases("cvc-clinicdb", tmp_path / "out").load("test/4").text == "polyp 4"
    assert (tmp_path / "out" / "anns" / "val.json").read_bytes() == (anns / "val.json").read_bytes()


def test_languide_tables_with_kaggles_images(tmp_path, kaggle):
    tables = tmp_path / "prompt"
    tables.mkdir()
    for part, names in (("train", TRAIN), ("test", TEST)):
        lines = ["Image,Description", *(f'{mask_name(name)}.png,"{REPORT}"' for name in names)]
        (tables / f"{part}.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError, match=r"no train.csv of LanGuideMedSeg"):
        run("langguide", kaggle / "archive", tmp_path / "out")
    done = run("langguide", kaggle / "archive", tmp_path / "out", tables)
    assert done.errors == ()
    assert done.manifest.dataset.cases == {"train": 5, "val": 2, "test": 4}
    again = run("langguide", zipped(tmp_path / "out"), tmp_path / "again")
    assert again.manifest.dataset.fingerprint == done.manifest.dataset.fingerprint


def test_folders_named_after_parts_with_a_table_beside_them(tmp_path):
    root = tmp_path / "download" / "mine"
    for number, part in enumerate(("train", "valid", "test")):
        for name in ("a", "b"):
            draw(
                root / part / "images" / f"{part}{name}.png", root / part / "labels" / f"{part}{name}_mask.png", number
            )
    rows = [(f"{part}{name}", f"Text {part} {name}.") for part in ("train", "valid", "test") for name in ("a", "b")]
    book(root / "all.xlsx", rows)
    done = run("folder", zipped(tmp_path / "download"), tmp_path / "out")
    assert done.errors == ()
    assert done.manifest.dataset.cases == {"train": 2, "val": 2, "test": 2}
    assert done.manifest.dataset.options == {"texts": "texts.xlsx"}
    assert cases("folder", tmp_path / "out", texts="texts.xlsx").load("val/valida").text == "Text valid a."


def test_what_is_not_recognised_is_shown(tmp_path):
    draw(tmp_path / "download" / "scans" / "a.png", tmp_path / "download" / "truth" / "a.png", 0)
    console = Console(record=True, width=100, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    with pytest.raises(UserError, match="none of the layouts"):
        prepare(Request("lvit", tmp_path / "download", tmp_path / "out"), console)
    shown = console.export_text()
    for text in ("Train_Folder", "Ground-truths", "scans", "1 .png"):
        assert text in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("folders", "kind", "base"),
    [
        ("a/Train Set/Images a/Train Set/Ground-truths a/Test Set/Images a/Test Set/Ground-truths", "kaggle-qata", "a"),
        ("Train/Images Train/GTs Test/Images Test/GTs", "langguide", ""),
        ("k/anns k/images k/masks", "medvlsm", "k"),
        ("k/images k/masks", "folders", "k"),
        ("imgs/train imgs/test gt/train gt/test", "folders", ""),
        ("images labelled", None, ""),
    ],
)
def test_layouts_are_told_by_their_folders(folders, kind, base):
    # "Train Set" holds a space too.
    names = folders.replace(" Set", "_Set").split()
    paths = [f"{name.replace('_Set', ' Set')}/x.{'json' if name.endswith('anns') else 'png'}" for name in names]
    found = recognise(paths, tuple(LOOKED_FOR))
    assert (found and found.kind, found.base if found else "") == (kind, base)
    assert seen_words(paths)


def test_a_second_time_there_is_nothing_to_do_and_an_interrupted_one_goes_on(tmp_path, kaggle, monkeypatch):
    archive = zipped(kaggle / "archive")
    request = ("qata-lvit", archive, tmp_path / "out", kaggle / "texts")
    written = []
    copy = shutil.copyfileobj

    def interrupted(source, target, *length):
        if str(getattr(target, "name", "")).startswith(str(tmp_path / "out")):
            if len(written) == 7:
                target.write(b"half a file")
                raise KeyboardInterrupt
            written.append(target.name)
        copy(source, target, *length)

    monkeypatch.setattr(writing.shutil, "copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(*request)
    monkeypatch.undo()
    left = tree(tmp_path / "out")
    assert not [path for path in left if path.endswith(".part") or path.endswith("manifest.json")]
    done = run(*request)
    assert done.files.kept == 7 + 3
    after = tree(tmp_path / "out")
    assert {path: after[path] for path in left if path in after and path != ".preparing.json"} == {
        path: stamp for path, stamp in left.items() if path != ".preparing.json"
    }
    assert ".preparing.json" not in after
    assert run(*request).files is None
    assert tree(tmp_path / "out") == after
    fresh = run("qata-lvit", archive, tmp_path / "fresh", kaggle / "texts")
    assert fresh.manifest == done.manifest


def test_nothing_is_overwritten(tmp_path, kaggle):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds 'notes.txt', and nothing is overwritten"):
        run("qata", kaggle / "archive", tmp_path / "out")
    assert tree(tmp_path / "out").keys() == {"notes.txt"}
    run("qata", kaggle / "archive", tmp_path / "other")
    with pytest.raises(UserError, match="prepared data set of another origin"):
        run("qata-lvit", kaggle / "archive", tmp_path / "other", kaggle / "texts")
    for target in (kaggle / "archive", kaggle / "archive" / "inside", kaggle):
        with pytest.raises(UserError, match="lie in each other"):
            run("qata", kaggle / "archive", target)


def test_links_take_no_room_and_need_a_folder(tmp_path, kaggle):
    done = run("qata", kaggle / "archive", tmp_path / "out", link=True)
    name = f"{TRAIN[0]}.png"
    assert (tmp_path / "out" / "Train Set" / "Images" / name).samefile(
        kaggle / "archive" / KAGGLE / "Train Set" / "Images" / name
    )
    copied = run("qata", kaggle / "archive", tmp_path / "copied")
    assert copied.manifest.files == done.manifest.files
    with pytest.raises(UserError, match="is an archive: leave --link out"):
        run("qata", zipped(kaggle / "archive"), tmp_path / "other", link=True)


def test_a_disk_without_room_is_told_before_a_byte_is_copied(tmp_path, kaggle, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda path: usage._replace(free=4096))
    with pytest.raises(UserError, match=r"has 0.00 GB free"):
        run("qata", kaggle / "archive", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_file_that_is_torn_inside_a_whole_archive(tmp_path, kaggle):
    archive = zipped(kaggle / "archive")
    with zipfile.ZipFile(archive) as opened:
        entry = next(entry for entry in opened.infolist() if entry.filename.endswith(f"Images/{TRAIN[0]}.png"))
    content = bytearray(archive.read_bytes())
    content[entry.header_offset + 150 + len(entry.filename)] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(UserError, match="not whole or not one"):
        run("qata", archive, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_missing_changed_and_added_files_are_found(tmp_path, kaggle):
    run("qata", kaggle / "archive", tmp_path / "out")
    folder = tmp_path / "out"
    manifest = read_prepared(folder)
    assert verify_listed(folder, manifest.files, Console(quiet=True)).findings == {}
    gone, altered = folder / manifest.files[0].path, folder / manifest.files[1].path
    gone.unlink()
    altered.write_bytes(altered.read_bytes()[:-1] + b"x")
    (folder / "Train Set" / "new.png").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    assert verify_listed(folder, manifest.files, Console(quiet=True)).findings == {
        "missing": (manifest.files[0].path,),
        "changed": (manifest.files[1].path,),
        "added": ("Train Set/new.png",),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told["files"][0].update(path="../secret"), "no plain path"),
        (lambda told: told["files"].append(dict(told["files"][0])), "twice"),
        (lambda told: told.update(format="x"), "no manifest of a prepared data set"),
        (lambda told: told["dataset"].pop("fingerprint"), r"wrong at dataset.fingerprint"),
    ],
)
def test_a_manifest_that_was_changed_by_hand_is_refused(tmp_path, lvit, change, message):
    run("lvit", lvit, tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_prepared(tmp_path / "out")


def test_errors_in_the_files_are_told_and_counted(tmp_path, lvit):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(next((lvit / "Val_Folder" / "labelcol").iterdir()))
    done = run("lvit", lvit, tmp_path / "out")
    assert [defect.kind for defect in done.errors] == ["size-mismatch"]
    assert (done.manifest.dataset.errors, done.manifest.dataset.left_out) == (1, 1)


def test_a_workbook_has_the_same_bytes_whenever_it_is_written(tmp_path):
    rows = [("b.png", "=SUM(A1)"), ("a.png", "First \u00fc.")]
    content = workbook(rows)
    assert workbook(rows[::-1]) == content
    (tmp_path / "book.xlsx").write_bytes(content)
    read = list(openpyxl.load_workbook(tmp_path / "book.xlsx").active.values)
    assert read == [("Image", "Description"), ("a.png", "First \u00fc."), ("b.png", "=SUM(A1)")]
    with zipfile.ZipFile(tmp_path / "book.xlsx") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert b"2000-01-01" in archive.read("docProps/core.xml")
