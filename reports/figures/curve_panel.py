"""One panel of curves: a line a model with its band, in the model's own colour, marker and dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .style import ModelStyle
from .text_width import text_width

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW_MODELS = 4
"""With more models than this, bands are drawn fainter and without edges: they cover each other."""

LEAST_PANEL = 1.2
"""Inches below which a panel of curves is hard to read."""


def draw_curves(
    axes: Axes, curves: pd.DataFrame, x: str, columns: tuple[str, str, str], styles: Mapping[str, ModelStyle]
) -> None:
    """Draw each model's curve with its band, in percent.

    Parameters
    ----------
    axes
        Where to.
    curves
        One row per model and place on the x axis, with ``model``, ``x`` and the columns.
    x
        Column of the x axis.
    columns
        Columns of the lower bound, the score and the upper bound, shares in [0, 1]; bounds may be NaN.
    styles
        How each model looks; models without rows are left out.
    """
    few = len(styles) <= FEW_MODELS
    for order, (model, style) in enumerate(styles.items()):
        curve = curves[curves["model"] == model].sort_values(x)
        if curve.empty:
            continue
        place = curve[x].to_numpy()
        low, middle, high = (100 * curve[column].to_numpy(dtype=np.float64) for column in columns)
        axes.plot(place, middle, zorder=3 + 0.01 * order, **line_style(style, few=few))
        axes.fill_between(place, low, high, color=style.colour, alpha=0.16 if few else 0.07, linewidth=0, zorder=2)
        if few:
            for edge in (low, high):
                axes.plot(place, edge, color=style.colour, linewidth=0.4, alpha=0.55, zorder=2)
    axes.grid(visible=False, axis="x")


def line_style(style: ModelStyle, *, few: bool = True) -> dict[str, Any]:
    """Settings of a model's line for Matplotlib."""
    return {
        "color": style.colour,
        "linestyle": style.linestyle,
        "linewidth": 1.3 if few else 1.0,
        "marker": style.marker,
        "markersize": 4.2 if few else 3.4,
        "markeredgecolor": "white",
        "markeredgewidth": 0.5 if few else 0.35,
    }


def legend_line(style: ModelStyle) -> Artist:
    """Draw a model's entry in a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **line_style(style))


def severity_axis(axes: Axes, severities: NDArray[np.int64]) -> None:
    """Tick the severities that there are; 0 is called clean."""
    present = np.unique(np.append(severities, 0))
    axes.set_xticks(present, ["clean" if value == 0 else str(value) for value in present])
    axes.set_xlim(-0.25, max(present.max(), 1) + 0.25)


def labels_axis(axes: Axes, fractions: Sequence[float], width: float) -> None:
    """Tick the label fractions in percent on a logarithmic axis; where they are too close, some have no number.

    Parameters
    ----------
    axes
        Where to.
    fractions
        Percent of the training labels, ascending.
    width
        About how wide the axis is, in inches.
    """
    import matplotlib
    from matplotlib.ticker import NullLocator

    size = float(matplotlib.rcParams["xtick.labelsize"])
    places = np.log10(np.asarray(fractions, dtype=np.float64))
    span = max(float(np.ptp(places)), 1e-9)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (places[0] - 0.08 * span), 10 ** (places[-1] + 0.08 * span))
    inches = (places - places[0]) / (1.16 * span) * width
    widths = [text_width(f"{fraction:g}", size) for fraction in fractions]
    shown = [len(fractions) - 1]
    for place in [0, *range(len(fractions) - 2, 0, -1)]:
        if all(abs(inches[place] - inches[k]) > (widths[place] + widths[k]) / 2 + 0.05 for k in shown):
            shown.append(place)
    names = [f"{fraction:g}" if place in shown else "" for place, fraction in enumerate(fractions)]
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(fractions), names)


def panel_grid(count: int, width: float, least: float = LEAST_PANEL) -> tuple[int, int]:
    """Rows and columns for so many panels in a width in inches, as even as they come.

    Parameters
    ----------
    count
        Panels.
    width
        Of the figure.
    least
        A panel is no narrower than this where there are several columns.
    """
    columns = max(1, min(count, int(width / least)))
    rows = -(-count // columns)
    return rows, -(-count // rows)


def shared_panels(figure: Figure, count: int, rows: int, columns: int) -> list[Axes]:
    """Make panels row by row that share their axes; the lowest of each column has the numbers of the x axis."""
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    panels: list[Axes] = list(grid.flat)
    for place, axes in enumerate(panels):
        if place >= count:
            axes.set_axis_off()
        elif place + columns >= count:
            axes.tick_params(labelbottom=True)
    return panels[:count]
