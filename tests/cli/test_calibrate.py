import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from biclip_bench.corruptions import corruption_registry

SMALL = ("--patients", "1,1,9", "--image-size", "32")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def calibrated(cli, tmp_path_factory):
    """Both default corruptions on a small phantom: the folder and what was printed."""
    output = tmp_path_factory.mktemp("calibrate")
    done = cli("corruptions", "calibrate", *SMALL, "--output", output)
    assert done.returncode == 0, done.stdout + done.stderr
    return output / "phantom-calibration", done


def test_calibrate_writes_what_it_names_last(calibrated):
    folder, done = calibrated
    names = ["md", "pdf", "svg", "png", "csv"]
    expected = [str(folder / f"calibration.{name}") for name in names] + [str(folder / "calibration-cases.csv")]
    assert done.stdout.splitlines()[-6:] == expected
    assert all(Path(path).stat().st_size > 0 for path in expected)
    assert "27 test cases, 9 patients, 32 x 32 pixels" in squeezed(done.stdout)


def test_the_numbers_have_a_row_a_level_and_a_row_a_case(calibrated):
    folder, done = calibrated
    levels, cases = pd.read_csv(folder / "calibration.csv"), pd.read_csv(folder / "calibration-cases.csv")
    assert levels["corruption"].value_counts().to_dict() == {"motion": 6, "low-dose-ct": 6}
    assert len(cases) == 27 * 11
    doses = levels.loc[levels["corruption"] == "low-dose-ct"].set_index("severity")
    assert doses["level"].tolist()[1:] == ["dose 50%", "dose 25%", "dose 10%", "dose 5%", "dose 2.5%"]
    assert doses["ssim_mean"].is_monotonic_decreasing
    own = cases[(cases["corruption"] == "low-dose-ct") & (cases["severity"] == 3)]
    assert doses.loc[3, "ssim_mean"] == pytest.approx(own["ssim"].mean(), rel=1e-12)
    # A quarter of the photons: twice the noise, as long as none is lost to an empty ray.
    assert 1.3 < doses.loc[2, "change_sd_hu_mean"] / doses.loc[1, "change_sd_hu_mean"] < 1.5
    assert doses.loc[3, "change_sd_hu_mean"] > 0
    for verdict in levels["verdict"].dropna().unique():
        assert verdict in squeezed(done.stdout)


def test_the_same_command_gives_the_same_bytes_and_strict_fails_where_a_step_is_not_real(cli, calibrated, tmp_path):
    folder, first = calibrated
    done = cli("corruptions", "calibrate", *SMALL, "--strict", "--output", tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / "phantom-calibration" / path.name).read_bytes() == path.read_bytes(), path.name
    # At 32 pixels half of the dose is hardly seen.
    for run in (first, done):
        assert "No step from clean to 1 (SSIM falls by" in squeezed(run.stdout)
        assert "Not every severity is a real, graded step: low-dose-ct." in squeezed(run.stdout)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_strict_passes_where_every_step_is_real_and_severities_can_be_chosen(cli, tmp_path):
    done = cli(
        "corruptions", "calibrate", "--corruption", "motion:length=20/30/45/65/90", "--severity", "1,3,5",
        "--cases", "14", "--strict", *SMALL, "--output", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every severity of every corruption is a real step." in squeezed(done.stdout)
    assert "14 of 27 test cases, evenly spaced over the set, 9 patients" in squeezed(done.stdout)
    levels = pd.read_csv(tmp_path / "phantom-calibration" / "calibration.csv")
    assert levels["severity"].tolist() == [0, 1, 3, 5]
    assert levels["before"].tolist()[1:] == [0, 1, 3]


def test_preview_draws_every_corruption_in_a_figure_a_case_and_says_what_does_not_fit(cli, tmp_path):
    done = cli(
        "corruptions", "preview", "--patients", "1,1,3", "--image-size", "32", "--cases", "2", "--contour",
        "--output", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    paths = [Path(line) for line in done.stdout.splitlines() if line.startswith(str(tmp_path))]
    assert {path.suffix for path in paths} == {".pdf", ".png"}
    assert {path.parent for path in paths} == {tmp_path / "phantom-preview"}
    assert len({re.match("preview-phantom-test-[0-9]{4}-[0-9]", path.stem)[0] for path in paths}) == 2
    assert all(Image.open(path).width == 2130 for path in paths if path.suffix == ".png")
    unfit = [
        entry for entry in map(corruption_registry.get, corruption_registry) if "ct" not in (entry.modalities or "ct")
    ]
    assert all(f"Note: {entry.name} models the physics of" in squeezed(done.stdout) for entry in unfit)


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("preview", ["--corruption", "moton"], "no corruption named 'moton'. Did you mean 'motion'?"),
        ("preview", ["--cases", "0"], "--cases 0: give the number of test cases, 1 or more."),
        ("calibrate", ["--cases", "0"], "--cases 0: give the number of test cases, 1 or more."),
    ],
)
def test_a_mistake_is_told_in_one_paragraph(cli, tmp_path, command, arguments, message):
    done = cli("corruptions", command, *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in squeezed(done.stderr)
    assert "Traceback" not in done.stderr
