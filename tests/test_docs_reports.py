"""The page on reports names commands, options and files that there are."""

import re
from pathlib import Path

import pytest
import typer

from biclip_bench.benchmark.cli.app import app
from biclip_bench.reports.material import CASES_FILE, DETAILS_FILE, PICTURES_FILE
from biclip_bench.reports.report import NUMBERS
from biclip_bench.reports.report import PAGE as PAGE_FILE
from biclip_bench.reports.written_files import LIST

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
LINES = [line.partition("#")[0] for line in PAGE.splitlines() if line.startswith("biclip-bench ")]


def options_of(command: str) -> set[str]:
    known = typer.main.get_command(app).commands[command]
    return {option for parameter in known.params for option in parameter.opts}


@pytest.mark.parametrize("line", LINES)
def test_every_command_and_option_exists(line):
    command = line.split()[1]
    assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= options_of(command)


def test_every_option_of_the_table_is_one_of_report():
    named = re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE)
    assert len(named) >= 5
    assert set(named) <= options_of("report")


def test_every_file_of_numbers_and_material_is_in_the_table():
    rows = " ".join(re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE))
    named = set(re.findall(r"`([\w./-]+)`", rows))
    for name in (
        PAGE_FILE,
        CASES_FILE,
        DETAILS_FILE,
        PICTURES_FILE,
        LIST,
        "methods.md",
        "references.bib",
        "config.yaml",
    ):
        assert name in named, name
    assert {f"{name}.csv" for name in NUMBERS} <= named
