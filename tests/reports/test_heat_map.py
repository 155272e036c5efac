import numpy as np
import pytest

from biclip_bench.reports.figures.heat_map import heat_map_plans
from biclip_bench.reports.figures.style import paper_style


def draw(analysis, details, style="plain"):
    with paper_style(style) as layout:
        return [plan(layout) for plan in heat_map_plans(analysis.scores, analysis.summary, details)]


def cells(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def names_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_with_few_corruptions_each_severity_is_a_column(make_frame, make_analysis, details):
    analysis = make_analysis(make_frame(severities=(1, 3, 5)))
    (item,) = draw(analysis, details)
    axes = item.figure.axes[0]
    assert names_of(axes.xaxis) == ["clean", "motion 1", "motion 3", "motion 5"]
    assert names_of(axes.yaxis) == ["model A", "model B"]
    expected = [
        analysis.scores[analysis.scores["model"] == model].sort_values("severity")["dice_mean"]
        for model in ("model A", "model B")
    ]
    np.testing.assert_allclose(axes.images[0].get_array(), 100 * np.array(expected))
    # Model B was trained for motion.
    marks = [""] * 4 + ["", "\u2020", "\u2020", "\u2020"]
    assert cells(item.figure) == [f"{100 * v:.1f}{m}" for v, m in zip(np.ravel(expected), marks, strict=True)]
    assert "\u2020 The model's training saw the corruption's family." in item.caption


def test_with_many_corruptions_severities_are_averaged_and_then_corruptions(make_frame, make_analysis, details):
    corruptions = ("motion", "low-dose-ct", "jpeg")
    analysis = make_analysis(make_frame(corruptions=corruptions))
    (item,) = draw(analysis, details)
    axes = item.figure.axes[0]
    assert names_of(axes.xaxis) == ["clean", *corruptions, "mean"]
    summary = analysis.summary.set_index(["model", "corruption"])["dice_corrupted"]
    for row, model in zip(axes.images[0].get_array(), ("model A", "model B"), strict=True):
        expected = [summary[model, corruption] for corruption in corruptions]
        np.testing.assert_allclose(row[1:], 100 * np.array([*expected, np.mean(expected)]))
    means = [100 * summary[model].mean() for model in ("model A", "model B")]
    assert f"highest is model A with {means[0]:.1f}%" in item.alternative
    assert f"lowest model B with {means[1]:.1f}%" in item.alternative


def test_a_condition_that_was_not_measured_is_a_dash(make_frame, make_analysis, details):
    frame = make_frame(severities=(1, 2))
    analysis = make_analysis(frame[(frame["model"] == "model A") | (frame["severity"] < 2)])
    (item,) = draw(analysis, details)
    assert cells(item.figure)[-1] == "\u2013\u2020"


def test_each_label_fraction_has_a_map_and_clean_scores_alone_have_none(make_frame, make_analysis, details):
    items = draw(make_analysis(make_frame(labels=(1.0, 12.5))), details)
    assert [item.stem for item in items] == ["heat-map-labels-1", "heat-map-labels-12.5"]
    assert "With 12.5% of the training labels." in items[1].caption
    assert draw(make_analysis(make_frame(corruptions=())), details) == []


@pytest.mark.parametrize(("style", "severities", "width"), [("ieee", (1,), 3.5), ("ieee", (1, 2, 3, 4, 5), 3.5)])
def test_a_small_map_fits_a_column(make_frame, make_analysis, details, style, severities, width):
    (item,) = draw(make_analysis(make_frame(severities=severities)), details, style)
    assert item.figure.get_figwidth() == width
