"""Rank plot: each model's rank with its interval, and bars that join models between which nothing is settled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.targets import ALL
from ..wording import joined, labels_text, listed
from .captions import setting_note
from .style import FigurePlan, Layout, ModelStyle, NamedFigure, add_footnote, footnote_height, model_styles, text_scale
from .text_width import shorten_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETTLED = ("a", "b")
"""Verdicts of a comparison that name a better model."""

FEWEST_MODELS = 3
ROW_HEIGHT = 0.19
BAR_STEP = 0.09
"""Inches between two bars that join models."""

BAR_COLOUR = "#555555"


def rank_plans(
    ranks: pd.DataFrame, comparisons: pd.DataFrame, details: ReportDetails, *, level: float = 0.95
) -> list[FigurePlan]:
    """Plan the figure ``"ranks"``: a panel for clean images and one for corrupted ones, at the most labels.

    Ranks are of the mean Dice, 1 is the best, with bootstrap intervals. As in the critical-difference diagrams of
    Demsar (2006, Journal of Machine Learning Research 7), a bar joins models that cannot be told apart; here these
    are the groups in which no comparison of two models is settled.

    Parameters
    ----------
    ranks, comparisons
        Of an :class:`~biclip_bench.reports.inference.analysis.Analysis`.
    details
        Order of the models, on which their colours rest.
    level
        Confidence level of the intervals.

    Returns
    -------
    list[FigurePlan]
        Empty with fewer than three models: of two the comparison says all.
    """
    if ranks.empty or ranks["model"].nunique() < FEWEST_MODELS:
        return []
    labels = ranks["labels"].max()
    at = f"With {labels_text(labels)} of the training labels." if ranks["labels"].nunique() > 1 else ""
    ranks = ranks[ranks["labels"] == labels]
    if len(comparisons):
        comparisons = comparisons[comparisons["labels"] == labels]
    return [partial(_figure, ranks, comparisons, details, at, level)]


def rank_conditions(ranks: pd.DataFrame, details: ReportDetails) -> list[str]:
    """Choose what is ranked: clean, then the mean over the corruptions, or the corruption where there is one."""
    found = set(ranks["corruption"])
    corruptions = [ALL] if ALL in found else details.order_corruptions(sorted(found - {CLEAN}))
    return [CLEAN] * (CLEAN in found) + corruptions


def unsettled_groups(order: Sequence[str], comparisons: pd.DataFrame) -> list[tuple[int, int]]:
    """Find the longest runs of models in which every two were compared and none of these comparisons is settled.

    Parameters
    ----------
    order
        Models by rank.
    comparisons
        Rows of one data set, label fraction and condition.

    Returns
    -------
    list[tuple[int, int]]
        First and last place (from 0) of each run of two models or more; no run lies inside another.
    """
    open_pairs = {
        frozenset((row.model_a, row.model_b)) for row in comparisons.itertuples() if row.verdict not in SETTLED
    }
    groups: list[tuple[int, int]] = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and all(
            frozenset((order[place], order[last + 1])) in open_pairs for place in range(first, last + 1)
        ):
            last += 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def _figure(
    ranks: pd.DataFrame, comparisons: pd.DataFrame, details: ReportDetails, at: str, level: float, layout: Layout
) -> NamedFigure:
    from matplotlib.figure import Figure

    styles = model_styles(details.order_models(ranks["model"].tolist()))
    conditions = rank_conditions(ranks, details)
    scale = text_scale()
    # Where the page has one column, panels stand side by side.
    columns = 1 if layout.has_columns else min(2, len(conditions))
    rows = -(-len(conditions) // columns)
    patients = int(ranks["n_patients"].max())
    bars = "Bars join models between which no comparison is settled."
    whiskers = f"Whiskers: {100 * level:g}% bootstrap intervals of the rank over {patients} patients."
    if ranks["rank_low"].isna().all():
        whiskers = f"No intervals: {patients} patients are too few."
    note = joined(f"{details.dataset}.", at, whiskers, bars, setting_note(details))
    height = rows * (ROW_HEIGHT * len(styles) + 0.42) * scale + 0.2 * scale + footnote_height(note, layout.one_column)
    figure = Figure(figsize=(layout.one_column, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    orders = {}
    for place, axes in enumerate(grid.flat):
        if place >= len(conditions):
            axes.set_axis_off()
            continue
        condition = conditions[place]
        shown = ranks[ranks["corruption"] == condition].sort_values(["rank", "model"])
        compared = comparisons[comparisons["corruption"] == condition] if len(comparisons) else comparisons
        orders[condition] = shown["model"].tolist()
        width = layout.one_column / columns
        _draw_ranks(axes, shown, unsettled_groups(orders[condition], compared), styles, width)
        title = condition_title(condition, ranks)
        axes.set_title(shorten_text(title, width - 0.3, 8 * scale, bold=True))
        if place + columns >= len(conditions):
            axes.set_xlabel("Rank by mean Dice (1 is best)")
    add_footnote(figure, note)
    named = tuple(condition for condition in conditions if condition not in (CLEAN, ALL))
    titles = [condition_title(condition, ranks) for condition in conditions]
    what = f"Rank of every model by mean Dice, for {listed(titles)}."
    caption = joined(what, at, "1 is the best; Dice is a mean over test cases.", whiskers, bars)
    told = joined(*(f"{title}: {', '.join(orders[key])}." for title, key in zip(titles, conditions, strict=True)))
    return NamedFigure("ranks", named, figure, caption, joined("Rank plot. From the best to the worst,", told))


def condition_title(condition: str, table: pd.DataFrame) -> str:
    """Name a condition of the tables of ranks and comparisons in a heading."""
    if condition != ALL:
        return condition
    count = len(set(table["corruption"]) - {CLEAN, ALL})
    return f"mean over {count} corruptions" if count else "mean over corruptions"


def _draw_ranks(
    axes: Axes, ranks: pd.DataFrame, groups: Sequence[tuple[int, int]], styles: dict[str, ModelStyle], width: float
) -> None:
    import matplotlib
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    count = len(styles)
    numbers = ranks[["rank", "rank_low", "rank_high"]].to_numpy(dtype=float).tolist()
    for place, (model, (rank, low, high)) in enumerate(zip(ranks["model"], numbers, strict=True)):
        style = styles[str(model)]
        axes.plot([low, high], [place, place], color=style.colour, linewidth=1.2, zorder=3)
        axes.plot(
            rank, place, marker=style.marker, color=style.colour, markersize=5, markeredgecolor="white",
            markeredgewidth=0.5, zorder=4,
        )  # fmt: skip
    size = float(matplotlib.rcParams["ytick.labelsize"])
    names = [shorten_text(str(model), 0.4 * width, size) for model in ranks["model"]]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    step = -(-count // 10)
    axes.set_xticks([1, *range(1 + step, count + 1, step)] if count > 1 else [1])
    axes.set_xlim(0.7, count + 0.3)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    ends: list[int] = []
    for first, last in groups:
        # A bar stands in the first column that is free at its height.
        column = next((place for place, end in enumerate(ends) if end < first), len(ends))
        ends[column : column + 1] = [last]
        shift = ScaledTranslation(0.05 + column * BAR_STEP, 0, axes.figure.dpi_scale_trans)
        transform = blended_transform_factory(axes.transAxes, axes.transData) + shift
        axes.plot(
            [1, 1], [first - 0.2, last + 0.2], color=BAR_COLOUR, linewidth=2.2, solid_capstyle="butt",
            transform=transform, clip_on=False, zorder=5,
        )  # fmt: skip
