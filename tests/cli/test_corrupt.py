"""What ``corrupt`` writes: a release that other tools read, the same on every run, resumed where it was interrupted."""

import csv
import getpass
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import openpyxl
import pytest
import torch
import torchvision
from PIL import Image

from biclip_bench.benchmark.datasets import Dataset, DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.base import cases_of
from biclip_bench.corruptions import corrupt_image
from biclip_bench.corruptions.seeding import case_seed

MONUSEG = Path(__file__).parents[2].parent / "shared" / "data" / "monuseg-lvit"
HALF_A_STEP = 0.5 / 65535 * (1 + 1e-9)


@pytest.fixture(scope="module")
def place(release_place) -> Path:
    return release_place


@pytest.fixture(scope="module")
def release(written_release) -> Path:
    return written_release


@pytest.fixture(scope="module")
def phantom(place, release) -> Dataset:
    return open_dataset("phantom", DatasetSettings(image_size=64, cases=(1, 1, 2), cache=place / "results" / "cache"))


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "cases.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def folders_of(folder: Path) -> dict[str, str]:
    return {condition["name"]: condition["folder"] for condition in manifest_of(folder)["conditions"]}


def test_every_case_is_there_under_every_condition(release, phantom):
    rows, folders = rows_of(release), folders_of(release)
    assert [row["case"] for row in rows] == cases_of(phantom, "test")
    assert list(folders) == ["motion", "low-dose-ct:dose=0.1", "motion+low-dose-ct"]
    steps = {
        "clean/images",
        *(f"{folders[name]}/severity-{n}" for name in ("motion", "motion+low-dose-ct") for n in (1, 5)),
    }
    steps.add(f"{folders['low-dose-ct:dose=0.1']}/severity-1")
    images = {f"{step}/{row['file']}.png" for step in steps for row in rows}
    masks = {f"masks/{row['file']}.png" for row in rows}
    overviews = {f"overview/{folder}.png" for folder in folders.values()}
    assert set(tree(release)) == images | masks | overviews | {"README.md", "cases.csv", "manifest.json"}


def test_images_are_those_that_are_evaluated_to_half_a_step_of_16_bits(release, phantom):
    for row in rows_of(release):
        case = phantom.load(row["case"])
        for name, severity in [("clean", 0), ("motion", 5), ("low-dose-ct:dose=0.1", 1), ("motion+low-dose-ct", 5)]:
            place = "clean/images" if name == "clean" else f"{folders_of(release)[name]}/severity-{severity}"
            stored = np.asarray(Image.open(release / place / f"{row['file']}.png"))
            assert stored.dtype == np.uint16
            expected = corrupt_image(
                "motion" if name == "clean" else name, case.image[0], severity, case.id, phantom.context
            )
            assert np.abs(stored / 65535 - expected.astype(np.float64)).max() <= HALF_A_STEP, (row["case"], name)


def test_masks_texts_and_sizes_are_the_data_sets(release, phantom):
    for row in rows_of(release):
        case = phantom.load(row["case"])
        mask = np.asarray(Image.open(release / "masks" / f"{row['file']}.png"))
        np.testing.assert_array_equal(mask, np.where(case.mask, 255, 0))
        assert (row["text"], row["group"]) == (case.text, case.group)
        assert (int(row["height"]), int(row["width"])) == case.mask.shape


def test_the_manifest_says_what_makes_each_image(release, phantom):
    manifest = manifest_of(release)
    assert manifest["dataset"]["fingerprint"] == phantom.fingerprint
    assert manifest["context"] == {
        "modality": "ct",
        "hu_range": list(phantom.context.hu_range),
        "pixel_size_mm": phantom.context.pixel_size_mm,
    }
    assert manifest["window"] == list(phantom.context.window)
    assert (manifest["values"]["hu_at_0"], manifest["values"]["hu_at_65535"]) == phantom.context.hu_range
    assert manifest["values"]["scale"] * 65535 == 1
    by_name = {condition["name"]: condition for condition in manifest["conditions"]}
    (step,) = by_name["low-dose-ct:dose=0.1"]["severities"]
    (part,) = step["parts"]
    assert part["parameters"]["dose"]["value"] == 0.1
    assert "photons" in part["parameters"]["dose"]["unit"]
    images = [file for file in manifest["files"] if file["kind"] == "image"]
    composed = [file for file in images if file.get("condition") == "motion+low-dose-ct" and file["severity"] == 5]
    assert len(composed) == 6
    for file in composed:
        expected = {name: case_seed(name, 5, file["case"]) for name in ("motion", "low-dose-ct")}
        assert {name: int(seed, 16) for name, seed in file["seeds"].items()} == expected


def test_no_text_names_this_machine(release, place):
    for path, content in tree(release).items():
        if path.endswith((".json", ".csv", ".md")):
            for secret in (str(place), str(Path.home()), f"/{getpass.getuser()}/", socket.gethostname()):
                assert secret not in content.decode(), (path, secret)


def test_the_readmes_python_reads_an_image_as_the_models_saw_it(release, phantom):
    text = (release / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    values: dict = {}
    before = Path.cwd()
    os.chdir(release)
    try:
        exec(code, values)
    finally:
        os.chdir(before)
    case = phantom.load(cases_of(phantom, "test")[0])
    image = corrupt_image("motion", case.image[0], 1, case.id, phantom.context).astype(np.float64)
    low, high = phantom.context.window
    np.testing.assert_allclose(values["v"], image, atol=HALF_A_STEP)
    np.testing.assert_allclose(values["seen"], np.clip((image - low) / (high - low), 0, 1), atol=2 / 65535)
    np.testing.assert_allclose(values["hu"], image * 2524 - 1024, atol=0.02)
    np.testing.assert_array_equal(values["mask"], case.mask)
    assert "## Licence" in text
    assert f"\n{manifest_of(release)['command']}\n" in text


def test_the_command_in_the_readme_writes_the_same_bytes_elsewhere(cli, release, tmp_path):
    command = manifest_of(release)["command"].replace("FOLDER", "copy").split()
    assert command[:2] == ["biclip-bench", "corrupt"]
    done = cli(*command[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "copy") == tree(release)


def test_the_same_command_again_has_nothing_to_do(within, of_release, release, place):
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    done = within("corrupt", *of_release, "--output", release, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def test_an_interrupted_release_is_finished_by_the_same_command(cli, start, of_release, release, place, tmp_path):
    folder = tmp_path / "release"
    command = ("corrupt", *of_release, "--output", folder)

    def interrupt(number: int, overviews: int) -> tuple[int, str]:
        process = start(*command, cwd=place)
        while process.poll() is None and len(list(folder.glob("overview/*.png"))) < overviews:
            time.sleep(0.002)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert not (folder / "manifest.json").exists()
        return process.returncode, stderr

    # Drawing the three picture grids takes seconds, so the signals come in time.
    code, stderr = interrupt(signal.SIGINT, 1)
    assert code == 130
    assert "the same command again resumes" in stderr
    code, _ = interrupt(signal.SIGKILL, 2)
    assert code == -signal.SIGKILL
    unfinished = cli("corrupt", "--verify", folder)
    assert unfinished.returncode == 2
    assert "interrupted" in unfinished.stderr

    torn, *whole = sorted(folder.glob("overview/*.png"))
    kept = {path: path.stat().st_ino for path in whole}
    assert kept
    torn.write_bytes(torn.read_bytes()[:-1])
    with (folder / "unfinished.jsonl").open("a") as journal:
        journal.write('{"path": "mas')
    done = cli(*command, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "Resuming" in done.stdout
    assert tree(folder) == tree(release)
    assert {path: path.stat().st_ino for path in kept} == kept


def test_only_the_images_that_are_missing_are_made(within, of_release, release, place, tmp_path):
    folder = shutil.copytree(release, tmp_path / "release")
    manifest = manifest_of(folder)
    files = manifest.pop("files")
    (folder / "manifest.json").unlink()
    images = [file["path"] for file in files if file["kind"] == "image"]
    gone = {*images[::3], files[-1]["path"], "README.md"}
    for path in gone:
        (folder / path).unlink()
    (folder / "masks" / ".a.png.123.part").write_bytes(b"half a fi")
    lines = [manifest, *(file for file in files if file["path"] not in gone - {images[0]})]
    (folder / "unfinished.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    kept = {path: (folder / path).stat().st_ino for path in tree(folder) if path.endswith(".png")}
    done = within("corrupt", *of_release, "--output", folder, cwd=place)
    assert done.returncode == 0, done.stderr
    assert tree(folder) == tree(release)
    assert {path: (folder / path).stat().st_ino for path in kept} == kept


def test_an_unfinished_release_takes_no_other_settings_and_no_other_files(within, of_release, place, release, tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    header = {key: value for key, value in manifest_of(release).items() if key != "files"}
    (folder / "unfinished.jsonl").write_text(json.dumps(header) + '\n{"path": "mas', encoding="utf-8")
    done = within("corrupt", *of_release, "--windowed", "--output", folder, cwd=place)
    assert done.returncode == 2
    assert "an unfinished release that differs from this one in 'command'" in done.stderr
    (folder / "notes.txt").write_text("mine")
    done = within("corrupt", *of_release, "--output", folder, cwd=place)
    assert done.returncode == 2
    assert "'notes.txt'" in done.stderr
    assert sorted(tree(folder)) == ["notes.txt", "unfinished.jsonl"]


def test_a_finished_release_of_other_settings_is_kept(within, of_release, release, place):
    before = tree(release)
    done = within("corrupt", *of_release, "--severity", "1", "--output", release, cwd=place)
    assert done.returncode == 2
    assert "holds a finished release that differs from this one" in done.stderr
    assert "--output" in done.stderr
    assert tree(release) == before


def test_a_folder_with_other_files_is_refused_before_anything_is_made(within, of_release, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    done = within("corrupt", *of_release, "--output", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert "'thesis.tex'" in done.stderr
    assert tree(tmp_path) == {"mine/thesis.tex": b"all of it"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a new one with --output"),
        (["--output", "results"], "--output results/release"),
        (["--output", "taken"], "taken is a file"),
        (["--recompute"], "--verify"),
        (["--verify", "nowhere"], "nowhere holds no manifest.json"),
        (["--verify", "nowhere", "--corruption", "motion"], "leave --corruption out"),
        (["--verify", "nowhere", "--dataset", "lvit"], "add --recompute"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(within, tmp_path, arguments, message):
    (tmp_path / "taken").write_text("")
    done = within("corrupt", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stderr.split())
    assert list(tree(tmp_path)) == ["taken"]


def test_windowed_npz_files_hold_what_a_model_sees(within, place, phantom, tmp_path):
    arguments = (
        "--corruption",
        "motion",
        "--severity",
        "3",
        "--patients",
        "1,1,2",
        "--image-size",
        "64",
        "--format",
        "npz",
        "--windowed",
    )
    done = within("corrupt", *arguments, "--output", tmp_path / "release", cwd=place)
    assert done.returncode == 0, done.stderr
    values = manifest_of(tmp_path / "release")["values"]
    assert (values["kind"], values["hu_at_0"], values["hu_at_65535"]) == ("windowed", -1024, 150)
    low, high = phantom.context.window
    for row in rows_of(tmp_path / "release"):
        with np.load(tmp_path / "release" / "motion" / "severity-3" / f"{row['file']}.npz") as arrays:
            stored = arrays["image"]
        assert stored.dtype == np.uint16
        image = corrupt_image("motion", phantom.load(row["case"]).image[0], 3, row["case"], phantom.context)
        expected = np.clip((image.astype(np.float64) - low) / (high - low), 0, 1)
        np.testing.assert_allclose(stored / 65535, expected, atol=0.51 / 65535)
    assert within("corrupt", "--verify", tmp_path / "release", "--recompute", cwd=place).returncode == 0


@pytest.fixture
def colour_data(tmp_path) -> Path:
    """The first two images of each part of MoNuSeg, with their masks and texts."""
    if not MONUSEG.is_dir():
        pytest.skip("MoNuSeg is not here")
    for part in ("Train", "Val", "Test"):
        source, target = (root / f"{part}_Folder" for root in (MONUSEG, tmp_path / "data"))
        rows = openpyxl.load_workbook(source / f"{part}_text.xlsx").active.iter_rows(values_only=True)
        texts = dict(row[:2] for row in rows)
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (target / kind).mkdir(parents=True)
            for path in sorted((source / kind).iterdir())[:2]:
                shutil.copy(path, target / kind)
                if kind == "labelcol":
                    book.active.append([path.name, texts[path.name]])
        book.save(target / f"{part}_text.xlsx")
    return tmp_path / "data"


def test_colour_images_keep_16_bits(cli, within, colour_data, tmp_path):
    arguments = ("--dataset", "lvit", "--data-root", colour_data, "--corruption", "motion", "--severity", "5")
    done = cli("corrupt", *arguments, "--output", "release", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    dataset = open_dataset("lvit", DatasetSettings(root=colour_data, cache=tmp_path / "results" / "cache"))
    rows = rows_of(tmp_path / "release")
    assert len(rows) == len(cases_of(dataset, "test"))
    for row in rows:
        case = dataset.load(row["case"])
        content = (tmp_path / "release" / "motion" / "severity-5" / f"{row['file']}.png").read_bytes()
        stored = torchvision.io.decode_png(
            torch.frombuffer(bytearray(content), dtype=torch.uint8), torchvision.io.ImageReadMode.UNCHANGED
        ).numpy()
        assert stored.dtype == np.uint16
        expected = corrupt_image("motion", case.image.transpose(1, 2, 0), 5, case.id, dataset.context)
        assert np.abs(stored / 65535 - expected.transpose(2, 0, 1).astype(np.float64)).max() <= HALF_A_STEP
        mask = np.asarray(Image.open(tmp_path / "release" / "masks" / f"{row['file']}.png"))
        np.testing.assert_array_equal(mask > 127, case.mask)
    # The files had 8 bits, so the release alone is enough to make its images again.
    done = within("corrupt", "--verify", "release", "--recompute", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 images and masks are the same bits" in done.stdout


def test_a_disk_without_room_is_told_before_a_file_is_written(within, of_release, place, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    done = within("corrupt", *of_release, "--output", tmp_path / "release", cwd=place)
    assert done.returncode == 2
    assert "are free" in done.stderr
    assert list(tree(tmp_path)) == ["release/unfinished.jsonl"]


def test_a_disk_that_fails_is_told_and_what_is_written_is_kept(of_release, place, tmp_path):
    """No file may grow beyond 20,000 bytes, which the picture grids do."""
    command = [Path(sys.executable).with_name("biclip-bench"), "corrupt", *of_release, "--output", tmp_path / "release"]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "File too large" in done.stderr
    assert "the same command goes on" in done.stderr
    assert set(tree(tmp_path / "release")) == {"README.md", "cases.csv", "unfinished.jsonl"}
