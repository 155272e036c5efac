import re
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--corruption", "moton"], "no corruption named 'moton'. Did you mean 'motion'?"),
        (
            ["run", "--corruption", "motion:length=long"],
            "length=long: length (px at a longer side of 224 px) is a number",
        ),
        (["run", "--corruption", "low-dose-ct:source_dose=0.1"], "source_dose"),
        (["run", "--corruption", "low-dose-ct:paper", "--severity", "4-5"], "severities 1 to 3, not 4, 5"),
        (["run", "--model", "biclipp"], "no model named 'biclipp'. Did you mean 'biclip'?"),
        (["run", "--dataset", "fantom"], "no data set named 'fantom'. Did you mean 'phantom'?"),
        (["run", "--severity", "0-5"], "--severity '0-5'"),
        (["run", "--labels", "0"], "--labels '0'"),
        (["run", "--preset", "papr"], "preset = 'papr' is wrong"),
        (["run", "--image-size", "100"], "image_size = 100 is wrong"),
        (["run", "--text-encoder", "tinny"], "no text encoder named 'tinny'"),
        (["run", "--accelerator", "abacus"], "--accelerator abacus cannot be used here"),
        (["run", "--dataset", "lvit"], "--data-root"),
        (["run", "--dataset", "lvit", "--data-root", "nowhere"], "nowhere"),
        (["run", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "--patients", "3,x,1"], "patients"),
        (["train", "--epochs", "0"], "epochs = 0 is wrong"),
        (["evaluate", "nowhere"], "nowhere is no checkpoint folder"),
        (["report", "nowhere"], "nowhere is not the folder of a run"),
        (["corrupt", "--corruption", "blurr", "--output", "new"], "no corruption named 'blurr'"),
        (["corruptions", "show", "moton"], "Did you mean 'motion'?"),
    ],
)
def test_a_mistake_is_told_in_one_paragraph_with_exit_code_2(within, tmp_path: Path, arguments, message):
    done = within(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in re.sub(r"\s+", " ", done.stderr)
    assert "Traceback" not in done.stderr
    assert "Training" not in done.stdout


def test_a_process_of_its_own_tells_a_mistake_as_well(cli, tmp_path: Path):
    done = cli("run", "--corruption", "moton", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'motion'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_option_suggests_the_right_one(cli):
    done = cli("run", "--corrupton", "motion")
    assert done.returncode == 2
    assert "--corruption" in done.stderr


def test_debug_shows_the_traceback(cli, tmp_path: Path):
    done = cli("run", "--corruption", "moton", "--debug", cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "UserError" in done.stderr


def test_an_output_folder_that_is_a_file_is_named(cli, tiny, tmp_path: Path):
    (tmp_path / "taken").write_text("")
    done = cli("run", *tiny, "--output", tmp_path / "taken")
    assert done.returncode == 2
    assert "taken" in done.stderr
    assert "Traceback" not in done.stderr
