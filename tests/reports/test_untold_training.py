"""Where nobody has said what a training saw, no table, terminal, finding or page may read as if it saw nothing."""

from dataclasses import replace

import pytest
from rich.console import Console

from biclip_bench.reports import ModelNote, condition_scores, summary_table
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.page.findings import findings

SENTENCE = "Whether the training of model B saw"


@pytest.fixture
def untold(details):
    first, _ = details.models
    notes = (first, ModelNote("model B", None, None, "not stated", None))
    motion, dose = details.corruptions
    levels = [{"length": 3}, {"length": 15}]
    return replace(details, models=notes, corruptions=(replace(motion, levels=levels, severities=(1, 5)), dose))


def test_it_is_told_wherever_the_scores_are(write, frame, untold, tmp_path):
    files = write(frame, untold, tmp_path).files
    for path in (*(path for path in files.tables if path.suffix in (".md", ".tex")), files.page):
        assert SENTENCE in path.read_text(encoding="utf-8").replace("&#39;", "'"), path
    scores = condition_scores(frame, resamples=20)
    console = Console(width=200, record=True)
    console.print(summary_table(scores, "motion", untold))
    assert SENTENCE in " ".join(console.export_text().split())
    paragraphs = findings(analyse(frame, AnalysisOptions(resamples=20)), untold)
    assert any(SENTENCE in paragraph for paragraph in paragraphs)


def test_the_page_says_not_stated_and_not_known(write, frame, untold, tmp_path):
    page = write(frame, untold, tmp_path).files.page.read_text(encoding="utf-8")
    row = page[page.index('<th scope="row">model B</th>\n      <td class="left">') :].partition("</tr>")[0]
    assert row.count("not stated") == 3
    assert row.count("not known") == 2


def test_a_table_of_levels_may_skip_severities(write, frame, untold, tmp_path):
    page = write(frame, untold, tmp_path).files.page.read_text(encoding="utf-8")
    assert '<tr><th scope="row">1</th><td>3</td></tr>\n    <tr><th scope="row">5</th><td>15</td></tr>' in page


def test_where_everything_was_said_nothing_is_added(write, frame, details, tmp_path):
    files = write(frame, details, tmp_path).files
    for path in (*(path for path in files.tables if path.suffix in (".md", ".tex")), files.page):
        assert "is not stated" not in path.read_text(encoding="utf-8")


def test_a_model_that_learned_from_unlabelled_cases_is_named(write, frame, details, tmp_path):
    first, second = details.models
    told = replace(details, models=(replace(first, uses_unlabelled=True), second))
    page = write(frame, told, tmp_path).files.page.read_text(encoding="utf-8")
    assert "model A also learned from the images and texts" in page
    assert "model B also learned" not in page
