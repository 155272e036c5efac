import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from biclip_bench.errors import UserError
from biclip_bench.files import file_stem, write_atomically
from biclip_bench.reports import condition_scores, robustness_summary, write_report


def digests(files):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_files_come_in_the_order_a_person_wants_them(frame, details, pictures, tmp_path):
    files = write_report(frame, details, pictures, tmp_path / "new" / "folder")
    assert [path.name for path in files] == [
        "report.html",
        "robustness.pdf",
        "robustness.svg",
        "robustness.png",
        "gallery-motion.pdf",
        "gallery-motion.png",
        "tables.md",
        "tables.tex",
        "scores.csv",
        "robustness.csv",
    ]
    assert sorted(path.name for path in files.page.parent.iterdir()) == sorted(path.name for path in files)


def test_csv_files_hold_the_numbers_in_full(frame, details, tmp_path):
    files = write_report(frame, details, (), tmp_path, resamples=300, seed=4, level=0.9)
    for path, expected in zip(
        files.numbers,
        (
            condition_scores(frame, resamples=300, seed=4, level=0.9),
            robustness_summary(frame, resamples=300, seed=4, level=0.9),
        ),
        strict=True,
    ):
        pd.testing.assert_frame_equal(
            pd.read_csv(path, float_precision="round_trip"), expected, check_exact=True, check_dtype=False
        )


SECOND_RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import case_pictures, report_details, scores_frame
from biclip_bench.reports import write_report
write_report(scores_frame().sample(frac=1, random_state=3), report_details(), case_pictures(), Path(sys.argv[2]))
"""


def test_another_process_writes_the_same_bytes(frame, details, pictures, tmp_path):
    here = write_report(frame, details, pictures, tmp_path / "here")
    subprocess.run(
        [sys.executable, "-c", SECOND_RUN, str(Path(__file__).parent), str(tmp_path / "there")],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "17", "TZ": "Asia/Tokyo"},
    )
    assert digests(here) == digests((tmp_path / "there").iterdir())


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
def test_every_shape_of_frame_is_reported(make_frame, details, tmp_path, options):
    files = write_report(make_frame(**options), details, (), tmp_path, resamples=100)
    assert all(path.stat().st_size > 0 for path in files)
    assert files.gallery == ()
    assert "nan" not in files.tables[0].read_text().lower().replace("none", "")


def test_two_data_sets_are_two_reports(frame, make_frame, details, tmp_path):
    with pytest.raises(UserError, match="holds another, simulated: write one report for each"):
        write_report(pd.concat([frame, make_frame(dataset="another")]), details, (), tmp_path)


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
