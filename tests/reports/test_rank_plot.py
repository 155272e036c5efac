import pandas as pd
import pytest

from biclip_bench.reports.figures.rank_plot import rank_conditions, rank_plans, unsettled_groups
from biclip_bench.reports.figures.style import COLOURS, paper_style


def compared(*pairs):
    return pd.DataFrame([{"model_a": a, "model_b": b, "verdict": verdict} for a, b, verdict in pairs])


def test_a_group_is_a_run_in_which_no_comparison_is_settled():
    table = compared(
        ("a", "b", "not settled"), ("b", "c", "too few patients"), ("a", "c", "a"), ("c", "d", "not settled"),
        ("d", "b", "b"), ("a", "d", "a"),
    )  # fmt: skip
    assert unsettled_groups(["a", "b", "c", "d"], table) == [(0, 1), (1, 2), (2, 3)]
    assert unsettled_groups(["a", "b", "c"], table.assign(verdict="not settled")) == [(0, 2)]
    assert unsettled_groups(["a", "b", "c"], table.assign(verdict="a")) == []


def test_models_that_were_not_compared_are_not_joined():
    table = compared(("reference", "a", "not settled"), ("reference", "b", "not settled"))
    assert unsettled_groups(["a", "reference", "b"], table) == [(0, 1), (1, 2)]
    assert unsettled_groups(["a", "b", "reference"], table) == [(1, 2)]


@pytest.fixture
def analysis(make_frame, make_analysis):
    return make_analysis(make_frame(models=("model A", "model B", "c", "d"), corruptions=("motion", "jpeg")))


def draw(analysis, details, style="plain"):
    with paper_style(style) as layout:
        return [plan(layout) for plan in rank_plans(analysis.ranks, analysis.comparisons, details)]


def test_ranks_and_intervals_are_the_analysis(analysis, details):
    (item,) = draw(analysis, details)
    assert [axes.get_title() for axes in item.figure.axes] == ["clean", "mean over 2 corruptions"]
    axes = item.figure.axes[1]
    ranks = analysis.ranks[analysis.ranks["corruption"] == "all"].sort_values("rank")
    assert [label.get_text() for label in axes.get_yticklabels()] == ranks["model"].tolist()
    for place, row in enumerate(ranks.itertuples()):
        (marker,) = (x for x in axes.lines if x.get_marker() != "None" and x.get_ydata()[0] == place)
        assert marker.get_xdata()[0] == row.rank
        assert any(
            list(x.get_xdata()) == [row.rank_low, row.rank_high] and list(x.get_ydata()) == [place, place]
            for x in axes.lines
        )
    (model_a,) = (x for x in axes.lines if x.get_marker() == "o")
    assert model_a.get_color() == COLOURS[0]
    assert f"mean over 2 corruptions: {', '.join(ranks['model'])}." in item.alternative


def test_bars_join_the_unsettled(analysis, details):
    (item,) = draw(analysis, details)
    for axes, condition in zip(item.figure.axes, ("clean", "all"), strict=True):
        order = [label.get_text() for label in axes.get_yticklabels()]
        table = analysis.comparisons[analysis.comparisons["corruption"] == condition]
        bars = [tuple(x.get_ydata()) for x in axes.lines if x.get_linewidth() == 2.2]
        assert bars == [(first - 0.2, last + 0.2) for first, last in unsettled_groups(order, table)]


def test_a_single_corruption_stands_for_itself_and_two_models_need_no_ranking(make_frame, make_analysis, details):
    three = make_analysis(make_frame(models=("model A", "model B", "c")))
    assert rank_conditions(three.ranks, details) == ["clean", "motion"]
    assert draw(make_analysis(make_frame()), details) == []


def test_panels_stand_side_by_side_where_the_page_has_one_column(analysis, details):
    for style, width, columns in (("ieee", 3.5, 1), ("neurips", 5.5, 2)):
        (item,) = draw(analysis, details, style)
        assert item.figure.get_figwidth() == width
        assert item.figure.axes[0].get_gridspec().ncols == columns
