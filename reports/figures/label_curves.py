"""Label-efficiency curves: Dice against the share of the training labels, clean and under each corruption."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import corruption_names, joined, labels_text, listed, percent
from .captions import SAME_NUMBERS, SCORES_ARE_MEANS, bands_note, curve_caption, sample_note, setting_note, trained_note
from .curve_panel import draw_curves, labels_axis, legend_line, panel_grid, shared_panels
from .style import (
    FigurePlan,
    Layout,
    NamedFigure,
    add_footnote,
    add_model_legend,
    footnote_height,
    legend_height,
    model_styles,
    text_scale,
)
from .text_width import shorten_text

PANEL_HEIGHT = 1.3
SINGLE_HEIGHT = 1.6


def label_curve_plans(
    scores: pd.DataFrame, summary: pd.DataFrame, details: ReportDetails, *, level: float = 0.95
) -> list[FigurePlan]:
    """Plan the figure ``"label-efficiency"``: Dice against the percent of labels, a line a model.

    A panel for clean images and one for each corruption (mean over its severities), on the same axes; the x axis is
    logarithmic.

    Parameters
    ----------
    scores, summary
        Of an :class:`~biclip_bench.reports.inference.analysis.Analysis`.
    details
        Order of models and corruptions.
    level
        Confidence level of the intervals.

    Returns
    -------
    list[FigurePlan]
        Empty with fewer than two label fractions.
    """
    if scores["labels"].nunique() < 2:
        return []
    clean = scores[scores["severity"] == 0]
    columns = {f"dice_{part}": clean[f"dice_{part}"] for part in ("low", "mean", "high")}
    parts = [clean[["model", "labels", "corruption"]].assign(**columns)]
    parts.append(
        summary[["model", "labels", "corruption"]].assign(
            dice_low=summary["dice_corrupted_low"],
            dice_mean=summary["dice_corrupted"],
            dice_high=summary["dice_corrupted_high"],
        )
    )
    curves = pd.concat([part for part in parts if len(part)], ignore_index=True)
    sample = scores[["n_cases", "n_groups", "n_draws", "n_seeds", "dice_low"]]
    return [partial(_figure, curves, sample, details, level)]


def _figure(
    curves: pd.DataFrame, sample: pd.DataFrame, details: ReportDetails, level: float, layout: Layout
) -> NamedFigure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    models = details.order_models(curves["model"].tolist())
    styles = model_styles(models)
    corruptions = details.order_corruptions(corruption_names(curves))
    conditions = [CLEAN] * bool((curves["corruption"] == CLEAN).any()) + corruptions
    width = layout.one_column if len(conditions) <= 2 else layout.two_columns
    rows, columns = panel_grid(len(conditions), width)
    scale = text_scale()
    averaged = "Under a corruption: mean over its severities." if corruptions else ""
    notes = sample_note(sample, details), SCORES_ARE_MEANS, averaged, bands_note(sample, level), setting_note(details)
    note = joined(*notes, trained_note(models, corruptions, details))
    panel_height = (PANEL_HEIGHT if rows > 1 else SINGLE_HEIGHT) * scale**0.5
    total = rows * panel_height + 0.3 * scale + legend_height(models, width) + footnote_height(note, width)
    figure = Figure(figsize=(width, total), layout="constrained")
    panels = shared_panels(figure, len(conditions), rows, columns)
    for place, (axes, condition) in enumerate(zip(panels, conditions, strict=True)):
        shown = curves[curves["corruption"] == condition]
        draw_curves(axes, shown, "labels", ("dice_low", "dice_mean", "dice_high"), styles)
        axes.set_title(shorten_text(condition, width / columns - 0.35, 8 * scale, bold=True))
        if place >= (rows - 1) * columns:
            axes.set_xlabel("Training labels (%)")
        if place % columns == 0:
            axes.set_ylabel("Dice (%)")
    labels_axis(panels[0], sorted(set(curves["labels"])), width / columns - 0.4)
    panels[0].yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    add_model_legend(figure, {model: legend_line(styles[model]) for model in models}, loc="outside upper center")
    add_footnote(figure, note)
    what = f"Dice against the percent of the training labels, for {listed(conditions)}, on the same axes."
    caption = curve_caption(joined(what, averaged), sample, details, level)
    alternative = joined("Line charts, a line per model:", what, _told(curves, conditions[0]), SAME_NUMBERS)
    return NamedFigure("label-efficiency", tuple(corruptions), figure, caption, alternative)


def _told(curves: pd.DataFrame, condition: str) -> str:
    """Name the best model at the fewest and at the most labels."""
    sentences = []
    shown = curves[curves["corruption"] == condition]
    for fraction in (shown["labels"].min(), shown["labels"].max()):
        best = shown[shown["labels"] == fraction].sort_values("dice_mean").iloc[-1]
        sentences.append(f"{best['model']} with {percent(best['dice_mean'])}% at {labels_text(fraction)} of the labels")
    return f"Highest Dice, {condition}: {listed(sentences)}."
