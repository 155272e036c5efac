import numpy as np
import pytest

from biclip_bench.reports.figures.paired_scatter import comparable, paired_plans, paired_points
from biclip_bench.reports.figures.style import STYLES, paper_style
from biclip_bench.reports.frame import validate_frame


def draw(analysis, details, **others):
    with paper_style() as layout:
        return [plan(layout) for plan in paired_plans(analysis.frame, analysis.comparisons, details, **others)]


def patient_means(frame, model, severities):
    rows = frame[(frame["model"] == model) & frame["severity"].isin(severities)]
    return 100 * rows.groupby(["group", "case"])["dice"].mean().groupby("group").mean()


def test_a_point_is_a_patient(frame, make_analysis, details):
    analysis = make_analysis(frame)
    (item,) = draw(analysis, details)
    assert item.stem == "paired"
    for axes, title, severities in zip(item.figure.axes, ("clean", "corrupted"), ([0], range(1, 6)), strict=True):
        assert axes.get_title() == title
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("model B", "model A")
        diagonal, points = axes.lines
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
        np.testing.assert_allclose(points.get_xdata(), patient_means(frame, "model B", severities))
        np.testing.assert_allclose(points.get_ydata(), patient_means(frame, "model A", severities))
        assert axes.get_xlim() == axes.get_ylim()


def test_the_corner_is_the_comparison_whichever_model_comes_first(frame, make_analysis, details):
    analysis = make_analysis(frame)
    row = analysis.comparisons.query("corruption == 'motion'").iloc[0]
    assert (row["model_a"], row["model_b"]) == ("model A", "model B")
    for reference, sign, share in (("model B", 1, row["superiority"]), ("model A", -1, 1 - row["superiority"])):
        (item,) = draw(analysis, details, reference=reference)
        (text,) = item.figure.axes[1].texts
        expected = f"P = {share:.2f}\n\u0394 = {sign * 100 * row['difference']:+.1f}"
        assert text.get_text() == expected.replace("-", "\u2212")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("models", [("model A", "model B"), tuple(f"model {letter}" for letter in "ABCDEF")], ids=len)
def test_text_can_be_read_in_every_style(make_frame, make_analysis, details, style, models, find_crowded_texts):
    analysis = make_analysis(make_frame(models=models), resamples=10)
    with paper_style(style) as layout:
        for plan in paired_plans(analysis.frame, analysis.comparisons, details):
            assert find_crowded_texts(plan(layout).figure) == []


def test_without_comparisons_the_corner_is_empty(frame, make_analysis, details):
    analysis = make_analysis(frame)
    points = paired_points(analysis.frame, analysis.comparisons.iloc[:0], "model A", "model B", "clean")
    assert np.isnan(points.superiority)
    assert len(points.points) == 12


def test_several_models_have_a_figure_a_condition(make_frame, make_analysis, details):
    analysis = make_analysis(make_frame(models=("model A", "model B", "unet", "text only"), corruptions=("a", "b")))
    items = draw(analysis, details, without=("text only",))
    assert [item.stem for item in items] == ["paired-clean", "paired-corrupted"]
    shown = [axes.get_ylabel() for axes in items[1].figure.axes if axes.lines]
    assert shown == ["model A", "model B"]
    assert "against unet" in items[0].caption
    assert draw(analysis, details, without=("model A", "model B", "unet")) == []


def test_corrupted_weighs_corruptions_alike_and_only_those_that_all_models_have(make_frame):
    frame = make_frame(corruptions=("a", "b"), severities=(1, 2))
    frame = validate_frame(frame[(frame["corruption"] != "b") | (frame["severity"] == 1)])
    rows = frame[(frame["severity"] > 0) & (frame["model"] == "model A")]
    expected = rows.groupby(["group", "case", "corruption"])["dice"].mean().groupby("group").mean()
    empty = frame.iloc[:0].assign(corruption="")
    points = paired_points(frame, empty, "model A", "model B", "corrupted").points
    np.testing.assert_allclose(points["model"], expected)
    lacking = comparable(frame[(frame["model"] == "model A") | (frame["corruption"] != "b")])
    assert set(lacking["corruption"]) == {"clean", "a"}


def test_clean_scores_alone_have_one_panel(make_frame, make_analysis, details):
    (item,) = draw(make_analysis(make_frame(corruptions=())), details)
    (axes,) = item.figure.axes
    assert axes.get_title() == "clean"


@pytest.mark.parametrize("dice", [0.0, 1.0])
def test_scores_that_are_all_the_same_are_drawn(make_frame, make_analysis, details, dice):
    frame = make_frame()
    total = frame["true_positive"] + frame["false_negative"]
    found = total if dice else 0 * total
    frame = frame.assign(dice=dice, iou=dice, true_positive=found, false_negative=total - found, false_positive=0)
    (item,) = draw(make_analysis(frame), details)
    low, high = item.figure.axes[0].get_xlim()
    assert low <= 100 * dice <= high
