"""Small multiples: Dice against severity, a panel a corruption, all on the same axes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import DAGGER, joined, labels_text, listed
from .captions import SAME_NUMBERS, SCORES_ARE_MEANS, bands_note, curve_caption, sample_note, setting_note, trained_note
from .curve_panel import draw_curves, legend_line, panel_grid, severity_axis, shared_panels
from .style import (
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

PANEL_HEIGHT = 1.25


def small_multiples_figure(
    scores: pd.DataFrame,
    details: ReportDetails,
    corruptions: Sequence[str],
    level: float,
    layout: Layout,
    *,
    several: bool = False,
) -> NamedFigure:
    """Draw Dice against severity, a panel a corruption; to be called inside ``paper_style()``.

    Parameters
    ----------
    scores
        Scores of the conditions at one label fraction.
    details
        Order of models, and the profile for the footnote.
    corruptions
        In the order of the panels.
    level
        Confidence level of the intervals in ``scores``.
    layout
        Widths.
    several
        Whether the report has other label fractions: then the figure names the one that it shows.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    models = details.order_models(scores["model"].tolist())
    styles = model_styles(models)
    width = layout.two_columns
    rows, columns = panel_grid(len(corruptions), width)
    fraction = scores["labels"].max()
    at = f"With {labels_text(fraction)} of the training labels." if several else ""
    trained = trained_note(models, corruptions, details)
    notes = sample_note(scores, details), at, SCORES_ARE_MEANS, bands_note(scores, level), setting_note(details)
    note = joined(*notes, f"{DAGGER} {trained}" if trained else "")
    height = PANEL_HEIGHT * text_scale() ** 0.5
    total = rows * height + 0.3 * text_scale() + legend_height(models, width) + footnote_height(note, width)
    figure = Figure(figsize=(width, total), layout="constrained")
    panels = shared_panels(figure, len(corruptions), rows, columns)
    for place, (axes, corruption) in enumerate(zip(panels, corruptions, strict=True)):
        shown = scores[scores["corruption"].isin([CLEAN, corruption])]
        draw_curves(axes, shown, "severity", ("dice_low", "dice_mean", "dice_high"), styles)
        mark = DAGGER if any(details.trained_for(model, corruption) for model in models) else ""
        axes.set_title(shorten_text(corruption, width / columns - 0.35, 8 * text_scale(), bold=True) + mark)
        if place >= (rows - 1) * columns:
            axes.set_xlabel("Severity")
        if place % columns == 0:
            axes.set_ylabel("Dice (%)")
    severity_axis(panels[0], scores["severity"].to_numpy())
    panels[0].yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    add_model_legend(figure, {model: legend_line(styles[model]) for model in models}, loc="outside upper center")
    add_footnote(figure, note)
    what = f"Dice against severity for {len(corruptions)} corruptions, on the same axes; severity 0 is clean."
    named = tuple(corruptions)
    return NamedFigure(
        "robustness",
        named,
        figure,
        curve_caption(joined(what, at), scores, details, level),
        joined(f"Line charts, a panel per corruption ({listed(named)}) and a line per model: {what}", at, SAME_NUMBERS),
    )
