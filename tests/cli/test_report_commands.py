"""The commands on finished runs: report, compare, export; and reproduce, which makes one."""

import json
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from PIL import Image


@pytest.fixture(scope="module")
def run_folder(finished_run) -> Path:
    output, _ = finished_run
    return min(output.glob("phantom-quick-*"), key=lambda path: path.stat().st_mtime)


@pytest.fixture
def alone(run_folder, tmp_path) -> Path:
    """The run's folder on another machine: without store, data and configuration."""
    folder = tmp_path / "elsewhere"
    shutil.copytree(run_folder, folder)
    (folder / "config.yaml").unlink()
    return folder


@pytest.fixture
def two_machines(run_folder, tmp_path) -> tuple[Path, Path]:
    """The run's models in two folders, as if two machines had made one each."""
    folders = []
    for model in ("biclip", "unet"):
        folder = tmp_path / model
        shutil.copytree(run_folder, folder)
        frame = pd.read_parquet(folder / "cases.parquet")
        frame[frame["model"].astype(str) == model].to_parquet(folder / "cases.parquet", index=False)
        details = json.loads((folder / "details.json").read_text(encoding="utf-8"))
        details["models"] = [note for note in details["models"] if note["name"] == model]
        (folder / "details.json").write_text(json.dumps(details), encoding="utf-8")
        folders.append(folder)
    return folders[0], folders[1]


def test_a_reports_folder_is_reported_elsewhere_without_data_and_models(alone, within, tmp_path, run_folder):
    done = within("report", alone, "--output", tmp_path / "again", "--style", "ieee", "--bar", "50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("scores.csv", "comparisons.csv"):
        again = tmp_path / "again" / name
        assert again.exists() == (run_folder / name).exists()
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "again" / "scores.csv"), pd.read_csv(run_folder / "scores.csv")
    )
    again = within("report", tmp_path / "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


def test_two_machines_make_one_report(two_machines, within, tmp_path, run_folder):
    done = within("report", *two_machines, "--output", tmp_path / "joint", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    joint, whole = (pd.read_csv(folder / "scores.csv") for folder in (tmp_path / "joint", run_folder))
    pd.testing.assert_frame_equal(joint, whole)
    page = (tmp_path / "joint" / "report.html").read_text(encoding="utf-8")
    assert "Merged from" in page


def test_a_name_that_two_folders_share_is_told_and_renamed(run_folder, within, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    details = json.loads((other / "details.json").read_text(encoding="utf-8"))
    details["provenance"]["Model unet"] = "0" * 64
    (other / "details.json").write_text(json.dumps(details), encoding="utf-8")
    refused = within("report", run_folder, other, "--output", tmp_path / "joint", cwd=tmp_path)
    assert refused.returncode == 2
    assert "differ in 'Model unet'" in " ".join(refused.stderr.split())
    assert not (tmp_path / "joint").exists()
    renamed = within(
        "report",
        run_folder,
        other,
        "--rename",
        f"{other}:unet=unet, wide",
        "--output",
        tmp_path / "joint",
        cwd=tmp_path,
    )
    assert renamed.returncode == 0, renamed.stderr
    models = set(pd.read_csv(tmp_path / "joint" / "scores.csv")["model"])
    assert models == {"biclip", "unet", "unet, wide"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--style", "nature"), "--style nature: there is no such style. Known: ieee, miccai, neurips, plain."),
        (("--bar", "0.7"), ""),
        (("--bar", "170"), "--bar 170: give a Dice in percent, above 0 and below 100, such as 70."),
        (("--level", "0.95"), "--level 0.95: give percent, from 50 to below 100, such as 95."),
        (("--reference", "nnunet"), "nnunet"),
        (("--published", "none.csv"), "The published numbers none.csv cannot be read"),
        (("--output", "."), "--output .: the folder is not empty and holds no report"),
        (("--output", "taken"), "--output taken: this is a file"),
        (("--rename", "unet=x"), "--rename unet=x: write FOLDER:MODEL=NEW"),
    ],
)
def test_a_wrong_option_is_told(alone, within, tmp_path, options, says):
    (tmp_path / "taken").write_text("mine")
    done = within("report", alone, *options, cwd=tmp_path)
    if not says:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())


def test_a_run_is_compared_with_itself_and_with_another(run_folder, within, tmp_path):
    same = within("compare", run_folder, run_folder, "--output", tmp_path / "c.json", cwd=tmp_path)
    assert same.returncode == 0, same.stderr
    assert "are the same in both" in same.stdout
    rows = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["comparisons"]
    assert {row["corruption"] for row in rows} == {"clean", "motion", "low-dose-ct", "all"}
    assert all(row["difference"] == 0 and not row["significant"] for row in rows)
    crossed = within(
        "compare", run_folder, run_folder, "--model-a", "biclip", "--model-b", "unet", "--output", tmp_path / "c.csv",
        cwd=tmp_path,
    )  # fmt: skip
    assert crossed.returncode == 0, crossed.stderr
    table = pd.read_csv(tmp_path / "c.csv")
    scores = pd.read_csv(run_folder / "scores.csv").set_index(["model", "corruption"])["dice_mean"]
    clean = table[table["corruption"] == "clean"].iloc[0]
    assert clean["difference"] == pytest.approx(scores["biclip", "clean"] - scores["unet", "clean"])


def test_a_leaderboard_row_and_a_model_card_are_written(run_folder, within, tmp_path):
    done = within("export", run_folder, "--output", tmp_path / "row.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "row.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in document["rows"]] == ["biclip", "unet"]
    assert len(document["provenance"]["Data set"]) == 64
    refused = within("export", run_folder, "--format", "hf", cwd=tmp_path)
    assert refused.returncode == 2
    assert "choose one with --model" in " ".join(refused.stderr.split())
    card = within("export", run_folder, "--format", "hf", "--model", "unet", cwd=tmp_path)
    assert yaml.safe_load(card.stdout.strip("-\n"))["model-index"][0]["name"] == "unet"


@pytest.fixture
def qata(tmp_path) -> Path:
    """A small set with QaTa's names in LViT's layout."""
    folder, generator = tmp_path / "QaTa", np.random.default_rng(0)
    for part, count in {"Train": 6, "Val": 2, "Test": 3}.items():
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (folder / f"{part}_Folder" / kind).mkdir(parents=True)
        for number in range(count):
            name = f"sub-S{count}{number}_ses-E1_run-1.png"
            mask = np.zeros((40, 48), np.uint8)
            mask[10:25, 5 + number : 20 + number] = 255
            image = np.clip(generator.normal(90, 20, mask.shape) + mask / 3, 0, 255).astype(np.uint8)
            Image.fromarray(image).save(folder / f"{part}_Folder" / "img" / name)
            Image.fromarray(mask).save(folder / f"{part}_Folder" / "labelcol" / f"mask_{name}")
            book.active.append([f"mask_{name}", "Unilateral pulmonary infection, one infected area, upper right lung."])
        book.save(folder / f"{part}_Folder" / f"{part}_text.xlsx")
    return folder


SMALL = (
    "--preset", "quick", "--text-encoder", "tiny", "--image-size", "32", "--width", "4", "--epochs", "1", "--seed", "0",
    "--accelerator", "cpu", "--model", "biclip,ef-unet",
)  # fmt: skip


def test_a_papers_experiment_needs_the_data_and_stands_beside_its_numbers(within, qata, tmp_path):
    lacking = within("reproduce", "motion", cwd=tmp_path)
    assert lacking.returncode == 2
    assert "biclip-bench reproduce motion --data-root qata-lvit=FOLDER" in " ".join(lacking.stderr.split())
    done = within("reproduce", "motion", "--data-root", f"qata-lvit={qata}", *SMALL, "--severity", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "results").glob("qata-lvit-quick-*")
    tables = (folder / "tables" / "tables.md").read_text(encoding="utf-8")
    assert "88.01" in tables
    assert "Published numbers are as printed by their source" in tables
    for measured in ("scores.csv", "robustness.csv", "overall.csv"):
        assert "88.01" not in (folder / measured).read_text(encoding="utf-8")


def test_a_papers_experiment_is_shown_as_a_configuration(within, tmp_path):
    done = within("reproduce", "labels", "--show", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (yaml.safe_load(f"# {part}") for part in done.stdout.split("# BiCLIP and EF-UNet")[1:])
    assert second["dataset"] == "mosmed"
    assert first["dataset"] == "qata-lvit"
    assert first["labels"] == [1.0, 5.0, 10.0, 25.0, 100.0]
    assert first["corruption"] == []
