import hashlib
import re
import signal
import time
from pathlib import Path

import pandas as pd
import yaml

GRID = ("run", "--corruption", "motion,low-dose-ct", "--severity", "1,5")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def scores(output: Path) -> dict[str, str]:
    return {name: value for name, value in digests(output / "cells").items() if name.endswith("scores.parquet")}


def run_folder(output: Path) -> Path:
    (folder,) = output.glob("phantom-quick-*")
    return folder


def test_the_run_prints_where_its_files_are(finished_run):
    output, done = finished_run
    printed = [Path(path) for path in re.findall(rf"{re.escape(str(output))}\S+", done.stdout)]
    assert {path.suffix for path in printed} == {".html", ".pdf", ".md", ""}
    for path in printed:
        assert path.stat().st_size > 0, path
    folder = printed[-1]
    counts = [int(number) for number in re.findall(r"\d+", done.stdout.splitlines()[-1].partition(" in ")[0])]
    there = [len(list((folder / name).iterdir())) for name in ("figures", "tables")]
    assert counts == [*there, len([path for path in folder.glob("*.csv") if path.name != "labels.csv"])]


def test_every_output_names_the_quick_profile(finished_run):
    output, done = finished_run
    for text in (
        done.stdout,
        *(path.read_text() for path in run_folder(output).rglob("*") if path.suffix in {".md", ".tex", ".html"}),
    ):
        assert "not the paper's setting" in text.replace("\u2019", "'").replace("&#39;", "'").replace(
            "\\textquotesingle{}", "'"
        )


def test_the_scores_are_one_row_a_case_and_condition(finished_run):
    output, _ = finished_run
    frames = [pd.read_parquet(path) for path in (output / "cells" / "evaluation").rglob("scores.parquet")]
    frame = pd.concat(frames)
    conditions = frame.groupby(["model", "corruption", "severity"])["case"].nunique()
    assert set(conditions) == {9}
    assert set(conditions.index) == {
        (model, corruption, severity)
        for model in ("biclip", "unet")
        for corruption, severity in [("clean", 0), ("motion", 1), ("motion", 5), ("low-dose-ct", 1), ("low-dose-ct", 5)]
    }
    recomputed = 2 * frame["true_positive"] / (frame["true_area"] + frame["predicted_area"])
    both = frame["true_area"] + frame["predicted_area"] > 0
    assert (recomputed[both] - frame["dice"][both]).abs().max() < 1e-12


def test_the_resolved_configuration_lies_beside_the_report(finished_run):
    output, _ = finished_run
    config = yaml.safe_load((run_folder(output) / "config.yaml").read_text())
    assert config["epochs"] == 2
    assert config["severity"] == [1, 5]
    assert config["batch_size"] == 8


def test_the_same_command_again_computes_nothing_and_changes_no_byte(finished_run, within, tiny):
    output, _ = finished_run
    before = digests(output)
    again = within(*GRID, *tiny, "--output", output, cwd=output.parent)
    assert again.returncode == 0, again.stderr
    assert "Nothing to compute" in again.stdout
    assert digests(output) == before


def test_a_wider_grid_computes_only_what_is_missing(finished_run, within, tiny):
    output, _ = finished_run
    before = scores(output)
    wider = within(
        "run",
        "--corruption",
        "motion",
        "--severity",
        "1-2",
        "--model",
        "unet",
        *tiny,
        "--output",
        output,
        cwd=output.parent,
    )
    assert wider.returncode == 0, wider.stderr
    assert "Training" not in wider.stdout
    assert "under 1 conditions" in wider.stdout
    after = scores(output)
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()


def test_report_writes_the_same_bytes_again(finished_run, within):
    output, _ = finished_run
    folder = min(output.glob("phantom-quick-*"), key=lambda path: path.stat().st_mtime)
    before = digests(folder)
    (folder / "report.html").unlink()
    done = within("report", folder, cwd=output.parent)
    assert done.returncode == 0, done.stderr
    assert digests(folder) == before


def test_a_configuration_file_does_what_its_flags_do(finished_run, within, tmp_path):
    output, _ = finished_run
    path = tmp_path / "exp.yaml"
    path.write_text(
        "corruption: motion,low-dose-ct\nseverity: 1,5\npatients: [4, 2, 3]\nimage-size: 32\nwidth: 4\nepochs: 2\n"
        f"accelerator: cpu\noutput: {output}\n"
    )
    done = within("run", "--config", path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing to compute" in done.stdout


def test_killed_at_any_moment_the_same_command_ends_with_the_same_bits(finished_run, start, cli, tiny, tmp_path):
    reference, _ = finished_run
    output = tmp_path / "killed"
    for seconds in (7.0, 11.0):
        process = start(*GRID, *tiny, "--output", output)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = cli(*GRID, *tiny, "--output", output)
    assert done.returncode == 0, done.stderr
    assert len(scores(output)) == 10
    assert scores(output).items() <= scores(reference).items()


def test_interrupted_it_says_that_the_work_is_kept(start, tiny, tmp_path):
    process = start("run", *tiny, "--epochs", "500", "--output", tmp_path / "results")
    while process.poll() is None and not list((tmp_path / "results").rglob("last.ckpt")):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command again resumes" in stderr
    assert "Traceback" not in stderr


def test_dry_run_prints_the_grid_and_trains_nothing(cli, tiny, tmp_path):
    done = cli("run", "--labels", "50,100", "--corruption", "motion", *tiny, "--output", tmp_path / "r", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "biclip, 50% of the labels, seed 0" in done.stdout
    assert "unet, 100% of the labels, seed 0" in done.stdout
    assert re.search(r"About \d+ (s|min) on cpu", done.stdout)
    assert not (tmp_path / "r" / "cells").exists()


def test_train_then_evaluate_elsewhere(cli, tiny, tmp_path):
    trained = cli("train", "--model", "unet", *tiny, "--output", tmp_path / "one")
    assert trained.returncode == 0, trained.stderr
    (checkpoint,) = re.findall(r"unet, 100% of the labels, seed 0: (\S+)", trained.stdout)
    scored = cli("evaluate", checkpoint, "--corruption", "motion", "--severity", "2", "--output", tmp_path / "other")
    assert scored.returncode == 0, scored.stderr
    assert len(scores(tmp_path / "other")) == 2
    assert ".html" in scored.stdout
    refused = cli("evaluate", checkpoint, "--model", "biclip", "--output", tmp_path / "other")
    assert refused.returncode == 2
    assert "trained as model 'unet', not 'biclip'" in refused.stderr
