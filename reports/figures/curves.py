"""Robustness curves: score against severity, a line a model, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from biclip_bench.files import file_stem

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import MEASURE_NAMES, corruption_names, interval_text, labels_text, sample_text
from .style import PAGE_WIDTH, ModelStyle, NamedFigure, add_footnote, add_model_legend, model_styles

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE_MEASURES = ("dice", "iou")
PANEL_HEIGHT = 2.1
MOST_ROWS = 5
"""A figure with more rows would not fit on a page."""


def robustness_figures(scores: pd.DataFrame, details: ReportDetails, *, level: float = 0.95) -> list[NamedFigure]:
    """Draw the robustness curves of one data set; to be called inside ``paper_style()``.

    With one label fraction: one figure, ``"robustness"``, with a row per corruption and Dice beside IoU, or beyond
    :data:`MOST_ROWS` corruptions one figure each, ``"robustness-NAME"``. With several label fractions: one figure per
    corruption, with a column per label fraction and Dice above IoU. The panels of a measure share their axis.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    details
        Order of models and corruptions, and the profile for the footnote.
    level
        Confidence level of the intervals in ``scores``, for the footnote.

    Returns
    -------
    list[NamedFigure]
        Scores of the clean condition alone give one figure of single points.
    """
    labels = sorted(set(scores["labels"]))
    corruptions = details.order_corruptions(corruption_names(scores)) or [CLEAN]
    named = tuple(corruption for corruption in corruptions if corruption != CLEAN)
    if len(labels) == 1 and len(corruptions) <= MOST_ROWS:
        panels = [[(corruption, labels[0], measure) for measure in CURVE_MEASURES] for corruption in corruptions]
        return [NamedFigure("robustness", named, _figure(scores, details, panels, level))]
    figures = []
    for corruption in corruptions:
        panels = [[(corruption, fraction, measure) for fraction in labels] for measure in CURVE_MEASURES]
        if len(labels) == 1:
            panels = [[panel for row in panels for panel in row]]
        drawn = _figure(scores, details, panels, level)
        shown = (corruption,) if corruption in named else ()
        figures.append(NamedFigure(f"robustness-{file_stem(corruption)}", shown, drawn))
    return figures


def _figure(
    scores: pd.DataFrame,
    details: ReportDetails,
    panels: Sequence[Sequence[tuple[str, float, str]]],
    level: float,
) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    models = details.order_models(scores["model"].tolist())
    styles = model_styles(models)
    n_rows, n_columns = len(panels), len(panels[0])
    by_label = len({fraction for row in panels for _, fraction, _ in row}) > 1
    figure = Figure(figsize=(max(PAGE_WIDTH, 1.5 * n_columns), PANEL_HEIGHT * n_rows + 0.75), layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharey="row" if by_label else "col")
    for i, row in enumerate(panels):
        for j, (corruption, fraction, measure) in enumerate(row):
            axes = grid[i, j]
            shown = scores[(scores["labels"] == fraction) & scores["corruption"].isin([CLEAN, corruption])]
            _draw_panel(axes, shown, measure, styles)
            axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
            if by_label and i == 0:
                axes.set_title(f"{labels_text(fraction)} of the training labels")
            if not by_label or i == n_rows - 1:
                axes.set_xlabel("No corruption" if corruption == CLEAN else f"Severity of {corruption}")
            if not by_label or j == 0:
                axes.set_ylabel(f"{MEASURE_NAMES[measure].replace(',', ' (%),')}")
    add_model_legend(figure, {model: _legend_line(styles[model]) for model in models}, loc="outside upper center")
    footnote = _footnote(scores, details, {corruption for row in panels for corruption, _, _ in row}, level)
    add_footnote(figure, footnote)
    return figure


def _draw_panel(axes: Axes, scores: pd.DataFrame, measure: str, styles: Mapping[str, ModelStyle]) -> None:
    for order, (model, style) in enumerate(styles.items()):
        curve = scores[scores["model"] == model].sort_values("severity")
        severity = curve["severity"].to_numpy()
        low, middle, high = (100 * curve[f"{measure}_{part}"].to_numpy() for part in ("low", "mean", "high"))
        axes.plot(
            severity,
            middle,
            color=style.colour,
            linestyle=style.linestyle,
            marker=style.marker,
            markeredgecolor="white",
            markeredgewidth=0.5,
            zorder=3 + 0.01 * order,
        )
        axes.fill_between(severity, low, high, color=style.colour, alpha=0.16, linewidth=0, zorder=2)
        for edge in (low, high):
            axes.plot(severity, edge, color=style.colour, linewidth=0.4, alpha=0.55, zorder=2)
    present = np.unique(np.append(scores["severity"].to_numpy(), 0))
    axes.set_xticks(present, ["clean" if value == 0 else str(value) for value in present])
    axes.set_xlim(-0.25, max(present.max(), 1) + 0.25)
    axes.grid(visible=False, axis="x")


def _legend_line(style: ModelStyle) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color=style.colour,
        linestyle=style.linestyle,
        marker=style.marker,
        markeredgecolor="white",
        markeredgewidth=0.5,
    )


def _footnote(scores: pd.DataFrame, details: ReportDetails, corruptions: set[str], level: float) -> str:
    intervals = interval_text(scores, level)
    parts = [
        f"{details.dataset}: {sample_text(scores)}.",
        f"Bands: {intervals}" if scores["dice_low"].notna().any() else intervals,
        f"Setting: {details.profile.rstrip('.')}.",
    ]
    trained = [
        f"{model} ({corruption})"
        for corruption in details.order_corruptions(list(corruptions))
        for model in details.order_models(scores["model"].tolist())
        if details.trained_for(model, corruption)
    ]
    if trained:
        parts.append(f"Training saw the corruption's family: {', '.join(trained)}.")
    return " ".join(parts)
