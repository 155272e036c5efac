import numpy as np
import pytest

from biclip_bench.reports.figures.label_curves import label_curve_plans
from biclip_bench.reports.figures.label_surface import label_surface_plans, levels_of
from biclip_bench.reports.figures.style import COLOURS, paper_style

LABELS = (1.0, 10.0, 100.0)


@pytest.fixture
def analysis(make_frame, make_analysis):
    return make_analysis(make_frame(labels=LABELS, corruptions=("motion", "low-dose-ct")))


def draw_curves(analysis, details):
    with paper_style() as layout:
        return [plan(layout) for plan in label_curve_plans(analysis.scores, analysis.summary, details)]


def draw_surfaces(analysis, details, bar=None):
    with paper_style() as layout:
        return [plan(layout) for plan in label_surface_plans(analysis.scores, details, bar=bar)]


def test_curves_are_dice_against_labels_clean_and_under_each_corruption(analysis, details):
    (item,) = draw_curves(analysis, details)
    assert item.stem == "label-efficiency"
    panels = [axes for axes in item.figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["clean", "motion", "low-dose-ct"]
    assert {axes.get_xscale() for axes in panels} == {"log"}
    assert len({axes.get_ylim() for axes in panels}) == 1
    clean = analysis.scores[(analysis.scores["severity"] == 0) & (analysis.scores["model"] == "model A")]
    motion = analysis.summary.query("model == 'model A' and corruption == 'motion'")
    for axes, expected in zip(panels, (clean["dice_mean"], motion["dice_corrupted"]), strict=False):
        (line,) = (x for x in axes.lines if x.get_color() == COLOURS[0] and x.get_marker() != "None")
        assert tuple(line.get_xdata()) == LABELS
        np.testing.assert_allclose(line.get_ydata(), 100 * expected)
    band = panels[1].collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(100 * motion["dice_corrupted_low"].min())
    assert band[:, 1].max() == pytest.approx(100 * motion["dice_corrupted_high"].max())


def test_label_fractions_that_are_close_keep_their_ticks_but_not_all_numbers(make_frame, make_analysis, details):
    labels = (1.0, 70.0, 80.0, 90.0, 100.0)
    (item,) = draw_curves(make_analysis(make_frame(labels=labels)), details)
    axes = item.figure.axes[-1]
    assert tuple(axes.get_xticks()) == labels
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "", "", "", "100"]


def test_one_label_fraction_has_neither_curves_nor_surface(make_frame, make_analysis, details):
    analysis = make_analysis(make_frame())
    assert draw_curves(analysis, details) == []
    assert draw_surfaces(analysis, details) == []


def test_a_surface_needs_two_severities(make_frame, make_analysis, details):
    analysis = make_analysis(make_frame(labels=LABELS, severities=(3,), clean=False))
    assert draw_surfaces(analysis, details) == []
    assert len(draw_surfaces(make_analysis(make_frame(labels=LABELS, severities=(3,))), details)) == 1


def test_a_surface_has_a_panel_a_model_with_a_dot_for_every_measured_condition(analysis, details):
    items = draw_surfaces(analysis, details)
    assert [item.stem for item in items] == ["labels-severity-motion", "labels-severity-low-dose-ct"]
    panels = [axes for axes in items[0].figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["model A", "model B"]
    for axes in panels:
        (dots,) = axes.lines
        assert {*zip(dots.get_xdata(), dots.get_ydata(), strict=True)} == {(x, y) for x in LABELS for y in range(6)}
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["clean", "1", "2", "3", "4", "5"]


def test_the_bar_is_a_thick_line_where_dice_crosses_it(analysis, details):
    bar = 0.7
    item = draw_surfaces(analysis, details, bar)[0]
    assert "Thick line: Dice 70%." in item.caption
    axes = item.figure.axes[1]
    (line,) = (one for one in axes.collections if one.get_linewidths()[0] == 1.8)
    dice = analysis.scores.query("model == 'model B' and labels == 1 and corruption in ('clean', 'motion')")
    dice = dice.sort_values("severity")["dice_mean"].to_numpy()
    crossing = np.interp(-bar, -dice, np.arange(6))
    vertices = np.concatenate([path.vertices for path in line.get_paths()])
    assert vertices[np.argmin(vertices[:, 0]), 1] == pytest.approx(crossing)


def test_a_condition_that_was_not_measured_is_no_dot(make_frame, make_analysis, details):
    frame = make_frame(labels=LABELS)
    frame = frame[(frame["labels"] < 100) | (frame["severity"] < 5)]
    (item,) = draw_surfaces(make_analysis(frame), details)
    assert len(item.figure.axes[0].lines[0].get_xdata()) == 17


@pytest.mark.parametrize("values", [[12.0, 95.0], [70.1, 70.2], [0.0, 100.0], [50.0, 50.0], [88.0, np.nan]])
def test_levels_are_round_and_cover_the_values(values):
    levels = levels_of(np.array(values))
    known = [value for value in values if np.isfinite(value)]
    assert levels[0] <= min(known)
    assert levels[-1] >= max(known)
    assert 2 <= len(levels) <= 11
    np.testing.assert_array_equal(levels, np.round(levels))
