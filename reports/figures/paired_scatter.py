"""Paired scatter: two models on the same patients, clean and corrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.corruption_error import USUAL_REFERENCE
from ..inference.targets import ALL, complete_cases
from ..wording import joined, labels_text, listed
from .captions import SAME_NUMBERS, setting_note
from .curve_panel import panel_grid
from .style import FigurePlan, Layout, ModelStyle, NamedFigure, add_footnote, footnote_height, model_styles, text_scale
from .text_width import shorten_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_PANEL = 1.3
CORRUPTED = "corrupted"

HOW_POINTS = (
    "A point is a patient (mean over the patient's cases and over trainings); above the diagonal the model on the y "
    "axis is better."
)


CORNER = (
    "P: probability of superiority, the share of patients on whom it is better, ties half. \u0394: difference of the "
    "mean Dice in points."
)


@dataclass(frozen=True, eq=False)
class PairedPoints:
    """Two models on the same patients under one condition.

    Parameters
    ----------
    model, base
        Names on the y and on the x axis.
    condition
        ``"clean"`` or ``"corrupted"``.
    points
        One row a patient: ``model`` and ``base``, mean Dice in [0, 1].
    superiority
        Share of patients on whom ``model`` is better, ties half; NaN where no comparison was made.
    difference
        Mean Dice of ``model`` minus that of ``base``; NaN likewise.
    """

    model: str
    base: str
    condition: str
    points: pd.DataFrame
    superiority: float
    difference: float


def paired_plans(
    frame: pd.DataFrame,
    comparisons: pd.DataFrame,
    details: ReportDetails,
    *,
    reference: str | None = None,
    without: Sequence[str] = (),
) -> list[FigurePlan]:
    """Plan the scatters at the most labels: every model against the reference, or against the second model.

    With two models one figure, ``"paired"``, with a panel for clean and one for corrupted images; with more a figure
    each, ``"paired-clean"`` and ``"paired-corrupted"``, with a panel a model. Corrupted is the mean
    over the severities of a corruption and then over the corruptions, of those conditions that all models have.

    Parameters
    ----------
    frame
        Per-case scores.
    comparisons
        Of an :class:`~biclip_bench.reports.inference.analysis.Analysis`; the numbers in the corners.
    details
        Order of the models.
    reference
        Model on the x axis; None for ``unet`` where there is one, else the second model.
    without
        Models that are not compared.

    Returns
    -------
    list[FigurePlan]
        Empty with fewer than two models.
    """
    labels = frame["labels"].max()
    at = f"With {labels_text(labels)} of the training labels." if frame["labels"].nunique() > 1 else ""
    frame = comparable(frame[(frame["labels"] == labels) & ~frame["model"].isin(without)])
    comparisons = comparisons[comparisons["labels"] == labels] if len(comparisons) else comparisons
    models = details.order_models(frame["model"].unique().tolist())
    if len(models) < 2:
        return []
    base = next(name for name in (reference, USUAL_REFERENCE, models[1]) if name in models)
    pairs = [
        pair
        for condition in (CLEAN, CORRUPTED)
        for model in models
        if model != base and len((pair := paired_points(frame, comparisons, model, base, condition)).points)
    ]
    if len(models) == 2:
        return [partial(_figure, pairs, models, details, at, "paired")] if pairs else []
    return [
        partial(_figure, chosen, models, details, at, f"paired-{condition}")
        for condition in (CLEAN, CORRUPTED)
        if (chosen := [pair for pair in pairs if pair.condition == condition])
    ]


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the conditions that every model has, and the cases that every model was scored on under all of them."""
    if frame.empty:
        return frame
    models = frame.groupby(["corruption", "severity"])["model"].transform("nunique")
    return complete_cases(frame[models == frame["model"].nunique()])


def paired_points(
    frame: pd.DataFrame, comparisons: pd.DataFrame, model: str, base: str, condition: str
) -> PairedPoints:
    """Average two models' Dice over each patient under a condition, and look up what their comparison says.

    Parameters
    ----------
    frame
        Per-case scores at one label fraction.
    comparisons
        Likewise; may be empty.
    model, base
        The two models.
    condition
        ``"clean"`` or ``"corrupted"``.
    """
    rows = frame[frame["model"].isin([model, base]) & ((frame["severity"] == 0) == (condition == CLEAN))]
    corruptions = sorted(set(rows["corruption"]))
    # Corruptions may have unlike many severities and count alike; so do trainings.
    means = rows.groupby(["model", "group", "case", "corruption"])["dice"].mean()
    means = means.groupby(["model", "group", "case"]).mean()
    means = means.groupby(["model", "group"]).mean()
    points = means.unstack("model").reindex(columns=[model, base]).dropna()
    points.columns = pd.Index(["model", "base"])
    key = CLEAN if condition == CLEAN else corruptions[0] if len(corruptions) == 1 else ALL
    superiority = difference = np.nan
    for a, b in ((model, base), (base, model)) if len(comparisons) else ():
        these = (comparisons["model_a"] == a) & (comparisons["model_b"] == b)
        found = comparisons[these & (comparisons["corruption"] == key)]
        if len(found):
            superiority, difference = (float(found[name].iloc[0]) for name in ("superiority", "difference"))
            if a == base:
                superiority, difference = 1 - superiority, -difference
    return PairedPoints(model, base, condition, points.reset_index(drop=True), superiority, difference)


def _figure(
    pairs: Sequence[PairedPoints], models: Sequence[str], details: ReportDetails, at: str, stem: str, layout: Layout
) -> NamedFigure:
    from matplotlib.figure import Figure

    styles = model_styles(models)
    scale = text_scale()
    width = layout.one_column if len(pairs) <= 2 and layout.has_columns else layout.two_columns
    rows, columns = panel_grid(len(pairs), width, LEAST_PANEL * scale**0.5)
    patients = max(len(pair.points) for pair in pairs)
    conditions = listed(list(dict.fromkeys(pair.condition for pair in pairs)))
    averaged = (
        "Corrupted: mean over severities and corruptions." if any(p.condition == CORRUPTED for p in pairs) else ""
    )
    shown = f"Dice (%) of {patients} patients, {conditions}."
    note = joined(f"{details.dataset}.", at, shown, HOW_POINTS, averaged, CORNER, setting_note(details))
    side = min((width - 0.35 * scale) / columns - 0.2 * scale, 2.4)
    by_condition = len(models) == 2
    around = (0.6 if by_condition else 0.4) * scale + footnote_height(note, width)
    height = rows * side + (rows - 1) * 0.2 * scale + around
    figure = Figure(figsize=(width, height), layout="compressed")
    grid = figure.subplots(rows, columns, squeeze=False)
    low = min(float(pair.points.to_numpy().min()) for pair in pairs)
    start = 10 * np.floor(10 * low) if low < 0.95 else 90.0
    size = 7.5 * scale
    for place, axes in enumerate(grid.flat):
        if place >= len(pairs):
            axes.set_axis_off()
            continue
        pair = pairs[place]
        _draw_points(axes, pair, styles[pair.model], float(start))
        room = side
        if by_condition:
            axes.set_title(pair.condition)
        axes.set_ylabel(shorten_text(pair.model, room, size))
        if place + columns >= len(pairs):
            axes.set_xlabel(shorten_text(pair.base, room, size))
        if place % columns:
            axes.tick_params(labelleft=False)
        if place + columns < len(pairs):
            axes.tick_params(labelbottom=False)
    add_footnote(figure, note)
    what = f"Dice of every model against {pairs[0].base} on the same patients, {conditions}."
    caption = joined(what, at, shown, HOW_POINTS, averaged, CORNER)
    told = joined(
        *(
            f"{pair.condition}, {pair.model}: better on {100 * pair.superiority:.0f}% of patients."
            for pair in pairs
            if np.isfinite(pair.superiority)
        )
    )
    return NamedFigure(stem, (), figure, caption, joined("Scatter plots with the diagonal:", what, told, SAME_NUMBERS))


def _draw_points(axes: Axes, pair: PairedPoints, style: ModelStyle, start: float) -> None:
    from matplotlib.ticker import MaxNLocator

    x, y = (100 * pair.points[column].to_numpy() for column in ("base", "model"))
    margin = 0.03 * (100 - start)
    limits = start - margin, 100 + margin
    axes.plot(limits, limits, color="#777777", linewidth=0.7, zorder=2)
    many = len(x) > 60
    axes.plot(
        x, y, linestyle="none", marker=style.marker, color=style.colour, alpha=0.6 if many else 0.85,
        markersize=2.6 if many else 3.6, markeredgecolor="white", markeredgewidth=0.3, zorder=3, clip_on=False,
    )  # fmt: skip
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    if np.isfinite(pair.superiority):
        # The corner in which fewer points lie.
        upper = bool(((x < start + 0.4 * (100 - start)) & (y > 100 - 0.25 * (100 - start))).sum() <= (
            (x > 100 - 0.4 * (100 - start)) & (y < start + 0.25 * (100 - start))
        ).sum())  # fmt: skip
        text = f"P = {pair.superiority:.2f}\n\u0394 = {100 * pair.difference:+.1f}".replace("-", "\u2212")
        place = (0.03, 0.97) if upper else (0.97, 0.03)
        axes.text(
            *place, text, transform=axes.transAxes, fontsize=6.5 * text_scale(), va="top" if upper else "bottom",
            ha="left" if upper else "right", zorder=5,
        )  # fmt: skip
