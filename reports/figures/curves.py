"""Robustness curves: score against severity, a line a model, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import MEASURE_NAMES, corruption_names, joined, labels_text, listed, percent
from .captions import SAME_NUMBERS, SCORES_ARE_MEANS, bands_note, curve_caption, sample_note, setting_note, trained_note
from .curve_panel import draw_curves, legend_line, severity_axis
from .small_multiples import small_multiples_figure
from .stems import corruption_stems
from .style import (
    PLAIN,
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
from .text_width import shorten_text, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_MEASURES = ("dice", "iou")
PANEL_HEIGHT = 2.1
LEAST_COLUMN = 1.3
"""Width in inches below which label fractions continue in another row."""

MOST_ROWS = 2
"""With more corruptions each has a panel of Dice alone in one figure, and a figure of its own with IoU."""

Panel = tuple[str, float, str]
"""Corruption, percent of labels, measure."""


def robustness_figures(
    scores: pd.DataFrame, details: ReportDetails, *, level: float = 0.95, layout: Layout = PLAIN
) -> list[NamedFigure]:
    """Draw the robustness curves of one data set; to be called inside ``paper_style()``.

    With one label fraction and up to :data:`MOST_ROWS` corruptions: one figure, ``"robustness"``, with a row per
    corruption and Dice beside IoU. With more corruptions ``"robustness"`` has a small panel of Dice for each of them
    (at the most labels), and each has a figure ``"robustness-NAME"``. With several label fractions: one figure
    per corruption, ``"robustness-NAME"``, with a column per label fraction and Dice above IoU. The panels of a
    measure share their axis.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    details
        Order of models and corruptions, and the profile for the footnote.
    level
        Confidence level of the intervals in ``scores``, for the footnote.
    layout
        Widths, as :func:`~biclip_bench.reports.figures.style.paper_style` gives them.

    Returns
    -------
    list[NamedFigure]
        Scores of the clean condition alone give one figure of single points.
    """
    return [plan(layout) for plan in robustness_plans(scores, details, level=level)]


def robustness_plans(scores: pd.DataFrame, details: ReportDetails, *, level: float = 0.95) -> list[FigurePlan]:
    """Plan the figures of :func:`robustness_figures` without drawing them."""
    labels = sorted(set(scores["labels"]))
    named = details.order_corruptions(corruption_names(scores))
    corruptions = named or [CLEAN]
    plans: list[FigurePlan] = []
    if len(labels) == 1 and len(corruptions) <= MOST_ROWS:
        return [partial(_figure, scores, details, corruptions, labels, "robustness", level)]
    if len(corruptions) > MOST_ROWS:
        most = scores[scores["labels"] == labels[-1]]
        plans.append(partial(small_multiples_figure, most, details, corruptions, level, several=len(labels) > 1))
    stems = corruption_stems(corruptions)
    for corruption in corruptions:
        shown = scores[scores["corruption"].isin([CLEAN, corruption])]
        stem = f"robustness-{stems[corruption]}"
        plans.append(partial(_figure, shown, details, [corruption], labels, stem, level))
    return plans


def _figure(
    scores: pd.DataFrame,
    details: ReportDetails,
    corruptions: Sequence[str],
    labels: Sequence[float],
    stem: str,
    level: float,
    layout: Layout,
) -> NamedFigure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    models = details.order_models(scores["model"].tolist())
    styles = model_styles(models)
    by_label = len(labels) > 1
    panels = _label_rows(corruptions[0], labels, layout.two_columns) if by_label else _corruption_rows(corruptions)
    if not by_label:
        panels = [[(corruption, labels[0], measure) for corruption, _, measure in row] for row in panels]
    rows, columns = len(panels), max(map(len, panels))
    notes = sample_note(scores, details), SCORES_ARE_MEANS, bands_note(scores, level), setting_note(details)
    note = joined(*notes, trained_note(models, corruptions, details))
    around = legend_height(models, layout.two_columns) + footnote_height(note, layout.two_columns)
    height = min(PANEL_HEIGHT, (layout.height - 1 - around) / rows)
    figure = Figure(figsize=(layout.two_columns, height * rows + around), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    drawn: dict[str, list[Axes]] = {measure: [] for measure in CURVE_MEASURES}
    for i, row in enumerate(panels):
        for j, (corruption, fraction, measure) in enumerate(row):
            axes = grid[i, j]
            drawn[measure].append(axes)
            shown = scores[(scores["labels"] == fraction) & scores["corruption"].isin([CLEAN, corruption])]
            draw_curves(axes, shown, "severity", (f"{measure}_low", f"{measure}_mean", f"{measure}_high"), styles)
            severity_axis(axes, shown["severity"].to_numpy())
            axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
            if by_label and measure == CURVE_MEASURES[0]:
                axes.set_title(_label_title(fraction, layout.two_columns / columns - 0.1))
            if not by_label or measure == CURVE_MEASURES[-1]:
                axes.set_xlabel(_severity_label(corruption, layout.two_columns / columns - 0.5))
            if not by_label or j == 0:
                whole = MEASURE_NAMES[measure].replace(",", " (%),")
                fits = text_width(whole, 7.5 * text_scale()) <= height - 0.45
                axes.set_ylabel(whole if fits else whole.split(",")[0])
            else:
                axes.tick_params(labelleft=False)
        for axes in grid[i, len(row) :]:
            axes.set_axis_off()
    for same in drawn.values():
        limits = [axes.get_ylim() for axes in same]
        for axes in same:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    add_model_legend(figure, {model: legend_line(styles[model]) for model in models}, loc="outside upper center")
    add_footnote(figure, note)
    named = tuple(corruption for corruption in corruptions if corruption != CLEAN)
    what = f"Dice and IoU against the severity of {listed(named)}" if named else "Dice and IoU without corruption"
    at = f", at {listed([labels_text(fraction) for fraction in labels])} of the training labels" if by_label else ""
    caption = curve_caption(f"{what}{at}; severity 0 is clean.", scores, details, level)
    return NamedFigure(
        stem, named, figure, caption, f"Line chart: {what}{at}, a line per model. {_told(scores, named)}"
    )


def _corruption_rows(corruptions: Sequence[str]) -> list[list[Panel]]:
    return [[(corruption, 0.0, measure) for measure in CURVE_MEASURES] for corruption in corruptions]


def _label_rows(corruption: str, labels: Sequence[float], width: float) -> list[list[Panel]]:
    """Dice above IoU, a column per label fraction; fractions that do not fit continue below."""
    blocks = -(-len(labels) // max(1, int(width / LEAST_COLUMN)))
    columns = -(-len(labels) // blocks)
    starts = range(0, len(labels), columns)
    return [
        [(corruption, fraction, measure) for fraction in labels[start : start + columns]]
        for start in starts
        for measure in CURVE_MEASURES
    ]


def _label_title(fraction: float, width: float) -> str:
    texts = [f"{labels_text(fraction)} of the training labels", f"{labels_text(fraction)} of labels"]
    size = 8 * text_scale()
    return next((text for text in texts if text_width(text, size, bold=True) <= width), labels_text(fraction))


def _severity_label(corruption: str, width: float) -> str:
    size = 7.5 * text_scale()
    if corruption == CLEAN:
        return "No corruption"
    long = f"Severity of {corruption}"
    return long if text_width(long, size) <= width or width < 1 else shorten_text(long, width, size)


def _told(scores: pd.DataFrame, named: Sequence[str]) -> str:
    """Say what the curves of Dice come to, so that the chart need not be seen."""
    sentences = []
    most = scores[scores["labels"] == scores["labels"].max()]
    for corruption in named:
        worst = most[most["corruption"] == corruption]
        worst = worst[worst["severity"] == worst["severity"].max()].sort_values("dice_mean")
        if len(worst):
            ends = [worst.iloc[-1]] if len(worst) == 1 else [worst.iloc[-1], worst.iloc[0]]
            values = listed([f"{row['model']} {percent(row['dice_mean'])}%" for row in ends])
            spread = "highest and lowest Dice" if len(ends) > 1 else "Dice"
            sentences.append(f"At severity {worst.iloc[0]['severity']} of {corruption}: {spread} {values}.")
    return joined(*sentences, SAME_NUMBERS)
