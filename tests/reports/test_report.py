import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from biclip_bench.errors import UserError
from biclip_bench.files import file_stem, write_atomically
from biclip_bench.reports import AnalysisOptions, ReportOptions, analyse
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.material import Material, write_material
from biclip_bench.reports.picture_source import PictureList
from biclip_bench.reports.report import FEW_FIGURES, draw_figures


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_report_is_a_page_figures_tables_texts_and_numbers(frame, details, pictures, write, tmp_path):
    folder = tmp_path / "new" / "folder"
    report = write(frame, details, folder, pictures)
    names = [str(path.relative_to(folder)) for path in report.files]
    assert names[0] == "report.html"
    assert set(names) >= {
        "figures/robustness.pdf",
        "figures/robustness.svg",
        "figures/robustness.png",
        "figures/gallery-motion.pdf",
        "figures/gallery-motion.png",
        "figures/failures.pdf",
        "figures/heat-map.pdf",
        "figures/paired.pdf",
        "tables/tables.md",
        "tables/tables.tex",
        "tables/tables.xlsx",
        "tables/overview.csv",
        "methods.md",
        "references.bib",
        "scores.csv",
        "robustness.csv",
        "comparisons.csv",
    }
    assert {*names, "report-files.txt"} == set(digests(folder))


def test_files_of_an_earlier_report_go_and_those_of_the_user_stay(frame, details, pictures, write, tmp_path):
    folder = tmp_path / "paper"
    mine = [folder / "figures" / "sketch.pdf", folder / "tables" / "notes.md", folder / "draft.csv", tmp_path / "x.csv"]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    earlier = write(frame, details, folder, pictures)
    assert (folder / "comparisons.csv") in earlier.files.numbers
    with (folder / "report-files.txt").open("a") as file:
        file.write("../x.csv\n")
    report = write(frame[frame["model"] == "model A"], details, folder)
    assert len(list(report.files)) < len(list(earlier.files))
    assert {path for path in folder.rglob("*") if path.is_file()} == {
        *report.files, *mine[:3], folder / "report-files.txt",
    }  # fmt: skip
    assert all(path.read_text() == "mine" for path in mine)


def test_csv_files_hold_the_numbers_in_full(frame, details, write, tmp_path):
    options = AnalysisOptions(resamples=300, seed=4, level=0.9)
    report = write(frame, details, tmp_path, resamples=300, seed=4, level=0.9)
    expected = analyse(frame, options)
    tables = {path.stem: pd.read_csv(path, float_precision="round_trip") for path in report.files.numbers}
    for name, table in (
        ("scores", expected.scores), ("robustness", expected.summary), ("overall", expected.overall),
        ("comparisons", expected.comparisons), ("ranks", expected.ranks),
    ):  # fmt: skip
        pd.testing.assert_frame_equal(
            tables[name], table.reset_index(drop=True), check_exact=True, check_dtype=False, check_categorical=False
        )


SECOND_RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import case_pictures, report_details, scores_frame, write_simulated
write_simulated(scores_frame().sample(frac=1, random_state=3), report_details(), Path(sys.argv[2]), case_pictures())
"""


def test_another_process_writes_the_same_bytes(frame, details, pictures, write, tmp_path):
    write(frame, details, tmp_path / "here", pictures)
    subprocess.run(
        [sys.executable, "-c", SECOND_RUN, str(Path(__file__).parent), str(tmp_path / "there")],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "17", "TZ": "Asia/Tokyo"},
    )
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_several_processes_draw_the_same_figures(make_frame, details, pictures):
    frame = make_frame(models=("a", "b", "c"), labels=(10.0, 100.0), severities=(1, 5))
    material = Material(validate_frame(frame), details, PictureList(pictures))
    analysis = analyse(material.frame, AnalysisOptions(resamples=200))
    alone, together = (draw_figures(analysis, material, ReportOptions(workers=workers)) for workers in (1, 2))
    assert len(alone) >= FEW_FIGURES  # else one process draws them all
    assert [(one.stem, dict(one.files)) for one in alone] == [(one.stem, dict(one.files)) for one in together]


@pytest.mark.parametrize(
    "options",
    [
        {"models": ("model A",)},
        {"severities": (3,)},
        {"clean": False},
        {"severities": ()},
        {"groups": 3},
        {"corruptions": ("motion", "low-dose-ct"), "labels": (10.0, 100.0), "seeds": (0, 1), "severities": (5,)},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_shape_of_frame_is_reported(make_frame, details, write, tmp_path, options):
    report = write(make_frame(**options), details, tmp_path)
    assert all(path.stat().st_size > 0 for path in report.files)
    assert not any(path.stem.startswith(("gallery", "failures")) for path in report.files.figures)
    for path in report.files.tables:
        if path.suffix in (".md", ".tex"):
            assert not re.search(r"\bnan\b", path.read_text().lower()), path
    methods = (tmp_path / "methods.md").read_text(encoding="utf-8")
    assert ("Wilcoxon" in methods) == (len(options.get("models", "ab")) > 1 and options.get("groups") != 3)
    assert ("neither intervals nor tests" in methods) == (options.get("groups") == 3)


def test_two_data_sets_are_two_reports(frame, make_frame, details, tmp_path):
    with pytest.raises(UserError, match="holds another, simulated: write one report for each"):
        write_material(pd.concat([frame, make_frame(dataset="another")]), details, tmp_path)


def test_a_reference_that_is_not_there_is_told(frame, details, write, tmp_path):
    with pytest.raises(UserError, match="unet"):
        write(frame, details, tmp_path, reference="unet")
    assert not (tmp_path / "report.html").exists()


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "table.md", "old")

    def full_disk(self, data):
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_names_are_safe():
    assert file_stem("low-dose-ct") == "low-dose-ct"
    assert file_stem("../../etc/passwd") == "etc-passwd"
    assert file_stem("/") == "unnamed"


def test_importing_the_package_loads_no_drawing_library():
    heavy = ("matplotlib", "jinja2", "rich", "torch", "PIL")
    code = f"import sys, biclip_bench.reports; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
