"""Heat map: Dice of every model under every condition, printed in its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import DAGGER, EMPTY_RULE, corruption_names, joined, labels_text, listed, percent
from .captions import MEAN_OVER_CASES, SAME_NUMBERS, SCORES_ARE_MEANS, sample_note, setting_note
from .style import FigurePlan, Layout, NamedFigure, add_footnote, footnote_height, text_scale
from .text_width import shorten_text, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOUR_MAP = "cividis"
"""Lightness rises evenly along it, for colour-blind readers and in grey print too: Nunez et al. 2018, PLoS ONE 13."""

FEW_CORRUPTIONS = 2
"""Up to so many corruptions each severity has its column; with more, a corruption's severities are averaged."""

ROW_HEIGHT = 0.21
HEAD_ANGLE = 40
MEAN = "mean"
LONGEST_HEADING = 1.3
WIDEST_NAME = 0.26
"""Share of the width that model names may take."""


@dataclass(frozen=True)
class _Column:
    """A condition: its corruption, severity (None for the mean over severities) and heading."""

    corruption: str
    severity: int | None
    heading: str


def heat_map_plans(scores: pd.DataFrame, summary: pd.DataFrame, details: ReportDetails) -> list[FigurePlan]:
    """Plan a heat map per label fraction: ``"heat-map"``, with several fractions ``"heat-map-labels-1"`` and so on.

    Parameters
    ----------
    scores, summary
        Of an :class:`~biclip_bench.reports.inference.analysis.Analysis`.
    details
        Order of models and corruptions; who was trained for what.

    Returns
    -------
    list[FigurePlan]
        Empty where there is the clean condition alone.
    """
    labels = sorted(set(scores["labels"]))
    if not corruption_names(scores):
        return []
    return [
        partial(
            _figure,
            scores[scores["labels"] == fraction],
            summary[summary["labels"] == fraction],
            details,
            "heat-map" if len(labels) == 1 else f"heat-map-labels-{fraction:g}",
            f"With {labels_text(fraction)} of the training labels." if len(labels) > 1 else "",
        )
        for fraction in labels
    ]


def _columns(scores: pd.DataFrame, corruptions: Sequence[str]) -> list[_Column]:
    columns = [_Column(CLEAN, 0, CLEAN)] if (scores["severity"] == 0).any() else []
    if len(corruptions) > FEW_CORRUPTIONS:
        return columns + [_Column(name, None, name) for name in corruptions]
    for name in corruptions:
        severities = sorted(set(scores.loc[scores["corruption"] == name, "severity"]))
        columns += [_Column(name, severity, f"{name} {severity}") for severity in severities]
    return columns


def _values(
    scores: pd.DataFrame, summary: pd.DataFrame, models: Sequence[str], columns: Sequence[_Column]
) -> NDArray[np.float64]:
    """Dice in percent of every model (row) under every condition (column); NaN where it was not measured."""
    per_condition = scores.set_index(["model", "corruption", "severity"])["dice_mean"]
    per_corruption = summary.set_index(["model", "corruption"])["dice_corrupted"]
    table = [
        [
            per_corruption.get((model, column.corruption), np.nan)
            if column.severity is None
            else per_condition.get((model, column.corruption, column.severity), np.nan)
            for column in columns
        ]
        for model in models
    ]
    return 100 * np.array(table, dtype=np.float64)


def _figure(
    scores: pd.DataFrame, summary: pd.DataFrame, details: ReportDetails, stem: str, at: str, layout: Layout
) -> NamedFigure:
    from matplotlib.figure import Figure

    models = details.order_models(scores["model"].tolist())
    corruptions = details.order_corruptions(corruption_names(scores))
    columns = _columns(scores, corruptions)
    values = _values(scores, summary, models, columns)
    headings = [column.heading for column in columns]
    averaged = columns[-1].severity is None
    if averaged:
        corrupted = values[:, [column.severity is None for column in columns]]
        values = np.column_stack([values, corrupted.mean(axis=1)])
        headings.append(MEAN)
    marks = [
        [DAGGER if details.trained_for(model, column.corruption) else "" for column in columns] + [""] * averaged
        for model in models
    ]

    scale = text_scale()
    names, heads = _lettering(models, headings, layout.two_columns)
    width = _width(names, heads, layout)
    head_height = max(text_width(head, 7.5 * scale) for head in heads) * np.sin(np.radians(HEAD_ANGLE)) + 0.25
    note = joined(
        sample_note(scores, details),
        at,
        SCORES_ARE_MEANS,
        _mean_note(averaged),
        _dagger_note(marks),
        setting_note(details),
    )
    body = ROW_HEIGHT * scale * max(len(models), 3)
    figure = Figure(figsize=(width, body + head_height + footnote_height(note, width)), layout="constrained")
    axes = figure.subplots()
    _draw_cells(axes, values, marks)
    axes.set_yticks(range(len(models)), names)
    axes.set_xticks(range(len(heads)), heads, rotation=HEAD_ANGLE, ha="left", va="bottom", rotation_mode="anchor")
    add_footnote(figure, note)
    what = f"Dice (%) of every model, clean and under {listed(corruptions)}."
    caption = joined(
        what, at, MEAN_OVER_CASES, _mean_note(averaged), sample_note(scores, details), _dagger_note(marks),
        EMPTY_RULE,
    )  # fmt: skip
    return NamedFigure(stem, tuple(corruptions), figure, caption, _told(what, values, models, headings))


def _lettering(models: Sequence[str], headings: Sequence[str], width: float) -> tuple[list[str], list[str]]:
    size = 7.5 * text_scale()
    names = [shorten_text(model, WIDEST_NAME * width, size) for model in models]
    return names, [shorten_text(heading, LONGEST_HEADING * text_scale(), size) for heading in headings]


def _width(names: Sequence[str], heads: Sequence[str], layout: Layout) -> float:
    """A column of the page where the cells are wide enough for their numbers, else the page."""
    size = 7.5 * text_scale()
    taken = max(text_width(name, size) for name in names) + text_width(heads[-1], size) + 0.5
    needed = taken + len(heads) * (text_width(f"100.0{DAGGER}", 7 * text_scale()) + 0.06)
    return layout.one_column if needed <= layout.one_column else layout.two_columns


def _draw_cells(axes: Axes, values: NDArray[np.float64], marks: Sequence[Sequence[str]]) -> None:
    """Colour the cells and print their numbers, black or white, whichever stands out more."""
    import matplotlib

    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 100.0)
    colours = matplotlib.colormaps[COLOUR_MAP].with_extremes(bad="#ffffff")
    top = max(high, low + 1)
    masked = np.ma.masked_invalid(values)
    image = axes.imshow(masked, cmap=colours, vmin=low, vmax=top, aspect="auto")
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        ink = "#000000" if np.isnan(value) else ink_on(colours((value - low) / (top - low)))
        text = f"{percent(value / 100)}{marks[row][column]}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7 * text_scale())
    # As high as the map, below the headings that lean over it.
    bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.015, 0, 0.018, 1)))
    bar.set_label("Dice (%)")
    bar.outline.set_visible(False)
    axes.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, left=False, pad=2)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    # White lines between the cells keep equal neighbours apart.
    axes.set_xticks(np.arange(values.shape[1] - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8, linestyle="-")
    axes.tick_params(which="minor", length=0)


def ink_on(colour: Sequence[float]) -> str:
    """Choose black or white for text on a colour (red, green, blue in [0, 1]), whichever contrasts more.

    Contrast as in the Web Content Accessibility Guidelines 2.1: (lighter + 0.05) / (darker + 0.05). The better of
    the two is 4.58 or more on every colour, above the 4.5 that the guidelines ask of text.
    """
    light = luminance(colour)
    return "#000000" if (light + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def luminance(colour: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour in [0, 1]: 0 is black, 1 is white (ITU-R BT.709, IEC 61966-2-1)."""
    channels = np.asarray(colour[:3], dtype=np.float64)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _mean_note(averaged: bool) -> str:
    return (
        "A corruption's column is the mean over its severities, the last column the mean of these." if averaged else ""
    )


def _dagger_note(marks: Sequence[Sequence[str]]) -> str:
    marked = any(DAGGER in row for row in marks)
    return f"{DAGGER} The model's training saw the corruption's family." if marked else ""


def _told(what: str, values: NDArray[np.float64], models: Sequence[str], headings: Sequence[str]) -> str:
    """Name the best and the worst model of the last column."""
    column = values[:, -1]
    if not np.isfinite(column).any() or len(models) == 1:
        return joined("Heat map.", what, SAME_NUMBERS)
    best, worst = int(np.nanargmax(column)), int(np.nanargmin(column))
    ends = (
        f"In the last column ({headings[-1]}) the highest is {models[best]} with {percent(column[best] / 100)}%, "
        f"the lowest {models[worst]} with {percent(column[worst] / 100)}%."
    )
    return joined("Heat map.", what, ends, SAME_NUMBERS)
