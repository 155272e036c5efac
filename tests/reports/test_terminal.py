import io

import pytest
from rich.console import Console

from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.tables.terminal import summary_table


def printed(table, width=80):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table)
    return console.file.getvalue()


def test_the_table_has_every_number_and_fits_80_columns(frame, details):
    scores = condition_scores(frame)
    text = printed(summary_table(scores, "motion", details))
    for row in robustness_summary(scores).itertuples():
        curve = scores[scores["model"] == row.model].sort_values("severity")["dice_mean"]
        numbers = [f"{100 * value:.1f}" for value in (*curve, row.dice_corrupted, row.dice_retention)]
        (line,) = (line for line in text.splitlines() if line.strip().startswith(row.model))
        assert line.split()[-8:] == numbers
    assert "model B†" in text
    assert "36 test cases of 12 patients, 1 seed" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("measure", ["iou", "dice_pooled", "iou_pooled"])
def test_other_measures_are_named(frame, measure):
    scores = condition_scores(frame)
    text = printed(summary_table(scores, "motion", measure=measure))
    column = {"iou": "iou_mean"}.get(measure, measure)
    assert f"{100 * scores[column].iloc[0]:.1f}" in text
    assert ("pooled over all pixels" if "pooled" in measure else "mean over cases") in text


def test_names_in_square_brackets_are_not_markup_and_long_ones_fold(make_frame):
    scores = condition_scores(make_frame(models=("[b]x[/b]", "a" * 60)))
    text = printed(summary_table(scores, "motion"))
    assert "[b]x[/b]" in text.replace("\n", "")
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("a") >= 60


def test_clean_scores_alone_and_few_patients(make_frame):
    scores = condition_scores(make_frame(severities=(), groups=4))
    text = printed(summary_table(scores, "clean"))
    assert f"{100 * scores['dice_mean'].iloc[0]:.1f}" in text
    assert "no interval is given" in " ".join(text.split())
