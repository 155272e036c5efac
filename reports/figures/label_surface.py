"""Robustness against labels: Dice over the share of the labels and the severity, as a map with height lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import EMPTY_RULE, corruption_names, joined, listed
from .captions import MEAN_OVER_CASES, SAME_NUMBERS, SCORES_ARE_MEANS, sample_note, setting_note, trained_note
from .curve_panel import labels_axis, panel_grid, shared_panels
from .heat_map import COLOUR_MAP, ink_on
from .stems import corruption_stems
from .style import FigurePlan, Layout, NamedFigure, add_footnote, footnote_height, text_scale
from .text_width import shorten_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import BoundaryNorm

PANEL_HEIGHT = 1.3
LEAST_PANEL = 1.05
MOST_LEVELS = 10
STEPS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Percent of Dice between two height lines."""


DOT: dict[str, Any] = {"color": "white", "markeredgecolor": "black", "markeredgewidth": 0.3, "markersize": 1.5}


def label_surface_plans(scores: pd.DataFrame, details: ReportDetails, *, bar: float | None = None) -> list[FigurePlan]:
    """Plan a figure per corruption, ``"labels-severity-NAME"``: a panel a model, all with the same levels.

    Between the conditions that were measured (the dots) Dice is interpolated linearly, in the logarithm of the labels.

    Parameters
    ----------
    scores
        Of an :class:`~biclip_bench.reports.inference.analysis.Analysis`.
    details
        Order of models and corruptions.
    bar
        Dice in [0, 1] below which a segmentation is no longer of use: one thick line; None for no line.

    Returns
    -------
    list[FigurePlan]
        Only for corruptions with two label fractions and two severities (clean counts) or more.
    """
    plans: list[FigurePlan] = []
    stems = corruption_stems(details.order_corruptions(corruption_names(scores)))
    for corruption in stems:
        shown = scores[scores["corruption"].isin([CLEAN, corruption])]
        if shown["labels"].nunique() >= 2 and shown["severity"].nunique() >= 2:
            plans.append(partial(_figure, shown, details, corruption, stems[corruption], bar))
    return plans


def levels_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Choose round levels, in percent, that cover the values with at most :data:`MOST_LEVELS` steps."""
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    for step in STEPS:
        first, last = np.floor(low / step), max(np.ceil(high / step), np.floor(low / step) + 1)
        if last - first <= MOST_LEVELS:
            break
    return np.arange(first, last + 1) * step


def _figure(
    scores: pd.DataFrame, details: ReportDetails, corruption: str, stem: str, bar: float | None, layout: Layout
) -> NamedFigure:
    import matplotlib
    from matplotlib.colors import BoundaryNorm
    from matplotlib.figure import Figure

    models = details.order_models(scores["model"].tolist())
    labels = sorted(set(scores["labels"]))
    severities = sorted(set(scores["severity"]))
    tables = {
        model: 100 * scores[scores["model"] == model]
        .pivot(index="severity", columns="labels", values="dice_mean")
        .reindex(index=severities, columns=labels)
        .to_numpy(dtype=np.float64)
        for model in models
    }  # fmt: skip
    levels = levels_of(np.stack(list(tables.values())))
    scale = text_scale()
    width = layout.one_column if len(models) <= 2 and layout.has_columns else layout.two_columns
    rows, columns = panel_grid(len(models), width - 0.5, LEAST_PANEL)
    thick = f"Thick line: Dice {100 * bar:g}%." if bar is not None else ""
    between = "Dots: what was measured; between them Dice is interpolated."
    notes = sample_note(scores, details), f"Corruption: {corruption}.", SCORES_ARE_MEANS, thick, between
    note = joined(*notes, setting_note(details), trained_note(models, [corruption], details))
    total = rows * PANEL_HEIGHT * scale**0.5 + 0.35 * scale + footnote_height(note, width)
    figure = Figure(figsize=(width, total), layout="constrained")
    panels = shared_panels(figure, len(models), rows, columns)
    norm = BoundaryNorm(levels, matplotlib.colormaps[COLOUR_MAP].N, extend="neither")
    for place, (axes, model) in enumerate(zip(panels, models, strict=True)):
        inches = PANEL_HEIGHT * scale**0.5 - 0.4 * scale
        _draw_surface(axes, np.array(labels), np.array(severities), tables[model], levels, norm, bar, inches)
        axes.set_title(shorten_text(model, (width - 0.9) / columns - 0.2, 8 * scale, bold=True))
        if place >= (rows - 1) * columns:
            axes.set_xlabel("Training labels (%)")
        if place % columns == 0:
            axes.set_ylabel("Severity")
    panels[0].set_xscale("log")
    labels_axis(panels[0], labels, (width - 0.9) / columns - 0.3)
    panels[0].set_xlim(labels[0], labels[-1])
    panels[0].set_ylim(severities[0], severities[-1])
    panels[0].set_yticks(severities, ["clean" if value == 0 else str(value) for value in severities])
    scalar = matplotlib.cm.ScalarMappable(norm, COLOUR_MAP)
    figure.colorbar(scalar, ax=panels, label="Dice (%)", ticks=levels, aspect=14 * rows, pad=0.02)
    add_footnote(figure, note)
    what = f"Dice over the percent of the training labels and the severity of {corruption}, for {listed(models)}."
    caption = joined(what, MEAN_OVER_CASES, thick, between, sample_note(scores, details), EMPTY_RULE)
    alternative = joined("Contour maps, a panel per model, with the same levels:", what, thick, SAME_NUMBERS)
    return NamedFigure(f"labels-severity-{stem}", (corruption,), figure, caption, alternative)


def _draw_surface(
    axes: Axes,
    labels: NDArray[np.float64],
    severities: NDArray[np.int64],
    dice: NDArray[np.float64],
    levels: NDArray[np.float64],
    norm: BoundaryNorm,
    bar: float | None,
    inches: float,
) -> None:
    import matplotlib

    masked = np.ma.masked_invalid(dice)
    grid = labels, severities, masked
    axes.set_xscale("log")
    axes.grid(visible=False)
    x, y = np.meshgrid(labels, severities)
    known = ~masked.mask if masked.mask is not np.ma.nomask else np.ones(dice.shape, dtype=bool)
    axes.plot(x[known], y[known], "o", clip_on=False, zorder=4, **DOT)
    if known.sum() < 4:
        return
    axes.contourf(*grid, levels=levels, cmap=COLOUR_MAP, norm=norm)
    # The bar has a line of its own.
    inner = [level for level in levels[1:-1] if bar is None or abs(level - 100 * bar) > 1e-9]
    if inner:
        colours = matplotlib.colormaps[COLOUR_MAP]
        inks = [ink_on([float(part) for part in colours(float(norm(level)) / colours.N)]) for level in inner]
        lines = axes.contour(*grid, levels=inner, colors=inks, linewidths=0.5)
        places = _label_places(labels, severities, lines.allsegs, inches)
        if places:
            axes.clabel(lines, fmt="%g", fontsize=6 * text_scale(), inline_spacing=1.5, manual=places)
    if bar is not None and np.nanmin(dice) < 100 * bar < np.nanmax(dice):
        for colour, width in (("white", 3.2), ("black", 1.8)):
            axes.contour(*grid, levels=[100 * bar], colors=[colour], linewidths=width)


def _label_places(
    labels: NDArray[np.float64],
    severities: NDArray[np.int64],
    lines: Sequence[Sequence[NDArray[np.float64]]],
    inches: float,
) -> list[tuple[float, float]]:
    """Find where height lines can carry their numbers: amid the widest gap between label fractions, never too close.

    Parameters
    ----------
    labels, severities
        The axes' ticks.
    lines
        For every level its pieces, vertices of shape (n, 2) in labels and severity.
    inches
        Height of the panel.
    """
    gaps = np.diff(np.log10(labels))
    widest = int(np.argmax(gaps))
    x = float(np.sqrt(labels[widest] * labels[widest + 1]))
    room = 8 * text_scale() / 72 / inches * float(np.ptp(severities))
    places: list[tuple[float, float]] = []
    for pieces in lines:
        for piece in pieces:
            for (x0, y0), (x1, y1) in pairwise(piece):
                if min(x0, x1) <= x < max(x0, x1):
                    y = y0 + (y1 - y0) * np.log(x / x0) / np.log(x1 / x0)
                    inside = severities[0] + room / 2 <= y <= severities[-1] - room / 2
                    if inside and all(abs(y - other) >= room for _, other in places):
                        places.append((x, float(y)))
    return places
