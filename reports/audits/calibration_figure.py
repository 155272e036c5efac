"""The calibration's figure: SSIM and PSNR against severity, small multiples with a panel a corruption."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..figures.style import COLOURS, PAGE_WIDTH, add_footnote, add_model_legend
from .calibration_details import CalibrationDetails

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURE_LABELS = {"ssim": "SSIM", "psnr_db": "PSNR (dB)"}
COLUMNS = 4
PANEL_HEIGHT = 1.4
MOST_A_PAGE = 12
"""More corruptions than this would not fit on a page."""
FEWEST_COLUMNS_HEIGHT = 1.9
FRAME_HEIGHT = 0.85
OTHER_COLOUR = "#666666"
CURVE: dict[str, Any] = {"color": COLOURS[0], "marker": "o", "markeredgecolor": COLOURS[0], "markeredgewidth": 0.9}


def calibration_figures(levels: pd.DataFrame, details: CalibrationDetails) -> list[Figure]:
    """Draw the calibration, as many figures as pages are needed; to be called inside ``paper_style()``.

    Corruptions stand side by side, four to a row, SSIM above PSNR. Bands are the intervals; a hollow marker stands
    where the step that leads to the level is not real; the dotted line is the SSIM of the same images with another
    patient's clean image. A clean image has no PSNR.

    Parameters
    ----------
    levels
        As for :func:`~biclip_bench.reports.audits.calibration_table.calibration_markdown`.
    details
        For the footnote, and the corruptions in their order.
    """
    names = [note.name for note in details.corruptions]
    pages = -(-len(names) // MOST_A_PAGE)
    # Whole rows of four, as even as they come.
    size = COLUMNS * -(-len(names) // (COLUMNS * pages))
    return [_figure(levels, names[start : start + size], details) for start in range(0, len(names), size)]


def _figure(levels: pd.DataFrame, names: Sequence[str], details: CalibrationDetails) -> Figure:
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(names))
    blocks = -(-len(names) // columns)
    # Never wider than about two to one: a curve in a flat panel cannot be read.
    height = PANEL_HEIGHT if columns > 2 else FEWEST_COLUMNS_HEIGHT
    figure = Figure(figsize=(PAGE_WIDTH, 2 * blocks * height + FRAME_HEIGHT), layout="constrained")
    grid = figure.subplots(2 * blocks, columns, squeeze=False)
    for place in range(blocks * columns):
        block, column = divmod(place, columns)
        for row, (measure, label) in enumerate(MEASURE_LABELS.items()):
            axes = grid[2 * block + row, column]
            if place >= len(names):
                axes.set_axis_off()
                continue
            _draw_panel(axes, levels[levels["corruption"] == names[place]], measure)
            axes.set_ylim(*_limits(levels, measure))
            if column == 0:
                axes.set_ylabel(label)
            else:
                axes.tick_params(labelleft=False)
            if row == 0:
                axes.set_title("\n".join(textwrap.wrap(names[place], 130 // columns)))
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel("Severity")
    add_model_legend(figure, _legend(levels), loc="outside upper center")
    add_footnote(figure, f"{details.sample} {details.intervals}")
    return figure


def _draw_panel(axes: Axes, curve: pd.DataFrame, measure: str) -> None:
    from matplotlib.ticker import MaxNLocator

    if measure == "psnr_db":
        curve = curve[curve["severity"] > 0]
    severity = curve["severity"].to_numpy()
    low, middle, high = (
        np.where(np.isfinite(curve[f"{measure}_{part}"]), curve[f"{measure}_{part}"], np.nan)
        for part in ("low", "mean", "high")
    )
    axes.fill_between(severity, low, high, color=COLOURS[0], alpha=0.2, linewidth=0, zorder=2)
    axes.plot(severity, middle, zorder=3, **CURVE)
    doubtful = ((curve["severity"] > 0) & (curve["step"] != "real")).to_numpy()
    axes.plot(
        severity[doubtful], middle[doubtful], linestyle="none", zorder=4, markerfacecolor="white",
        **{key: value for key, value in CURVE.items() if key != "color"},
    )  # fmt: skip
    if measure == "ssim":
        axes.plot(severity, curve["ssim_other_mean"], color=OTHER_COLOUR, linestyle=(0, (1.2, 1.2)), linewidth=1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.set_xticks([0, *severity[severity > 0]], ["clean", *map(str, severity[severity > 0])])
    axes.set_xlim(-0.3, max(severity.max(), 1) + 0.3)
    axes.grid(visible=False, axis="x")


def _limits(levels: pd.DataFrame, measure: str) -> tuple[float, float]:
    """The same axis in every panel of a measure: SSIM from 0, or from below where it is negative, to 1."""
    columns = [f"{measure}_{part}" for part in ("low", "mean", "high")]
    if measure == "ssim":
        columns.append("ssim_other_mean")
    values = levels[columns].to_numpy(dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if measure == "ssim":
        return min(0.0, float(values.min()) - 0.02), 1.03
    if not len(values):
        return 0.0, 1.0
    margin = 0.06 * max(float(np.ptp(values)), 1.0)
    return float(values.min()) - margin, float(values.max()) + margin


def _legend(levels: pd.DataFrame) -> dict[str, Artist]:
    from matplotlib.lines import Line2D

    entries: dict[str, Artist] = {"corrupted image against its own clean image": Line2D([], [], **CURVE)}
    if ((levels["severity"] > 0) & (levels["step"] != "real")).any():
        hollow = {**CURVE, "linestyle": "none", "markerfacecolor": "white"}
        entries["the step to this level is not real"] = Line2D([], [], **hollow)
    if levels["ssim_other_mean"].notna().any():
        dotted = Line2D([], [], color=OTHER_COLOUR, linestyle=(0, (1.2, 1.2)), linewidth=1)
        entries["SSIM with another patient's clean image"] = dotted
    return entries
