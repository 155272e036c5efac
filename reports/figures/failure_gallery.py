"""The failure gallery: the cases on which models lose most between the clean and the corrupted image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..details import ReportDetails
from ..frame import CLEAN
from ..picture_source import PictureSource
from ..wording import joined, percent
from .captions import setting_note
from .case_choice import Failure
from .gallery import GAP, TRUTH, add_note, add_outline_legend
from .panel import Panel, draw_panel, panel_of
from .style import (
    FigurePlan,
    Layout,
    ModelStyle,
    NamedFigure,
    footnote_height,
    legend_height,
    model_styles,
    small_size,
    text_scale,
)
from .text_width import fit_text, shorten_text, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAILURES = 6
"""Failures in the figure."""

BESIDE = 2
"""Failures side by side."""

ENTRY_GAP = 0.14
NAME_HEIGHT = 0.15
LINE_HEIGHT = 0.12
TEXT_LINES = 2
SCORE_HEIGHT = 0.2

HOW_CHOSEN = "Of every model the cases that lose most Dice from clean to corrupted, of different patients: not typical."


@dataclass(frozen=True, eq=False)
class FailurePanels:
    """A failure with what is drawn of it."""

    failure: Failure
    clean: Panel
    corrupted: Panel


def failure_plans(
    source: PictureSource, failures: Sequence[Failure], details: ReportDetails, models: Sequence[str]
) -> Iterator[FigurePlan]:
    """Plan the figure ``"failures"``: two panels a failure, clean and corrupted, with Dice and text.

    Parameters
    ----------
    source
        Where pictures come from.
    failures
        As :func:`~biclip_bench.reports.figures.case_choice.largest_losses` finds them; those without pictures are left
        out.
    details
        The profile for the footnote.
    models
        All models of the report in its order, so that a model looks here as it does in the curves.

    Yields
    ------
    FigurePlan
        One; none without failures that have pictures.
    """
    entries: dict[Failure, FailurePanels] = {}
    for case in dict.fromkeys(failure.case for failure in failures):
        wanted = [failure for failure in failures if failure.case == case]
        pictures = {
            (picture.corruption, picture.severity): picture
            for picture in source.pictures(case)
            if picture.corruption == CLEAN
            or any((picture.corruption, picture.severity) == (one.corruption, one.severity) for one in wanted)
        }
        for one in wanted:
            pair = [pictures.get((CLEAN, 0)), pictures.get((one.corruption, one.severity))]
            panels = [
                panel_of(picture, [one.model]) for picture in pair if picture and one.model in picture.predictions
            ]
            if len(panels) == 2:
                entries[one] = FailurePanels(one, *panels)
    found = [entries[failure] for failure in failures if failure in entries]
    if found:
        yield partial(_figure, found, details, model_styles(models))


def _figure(
    entries: Sequence[FailurePanels], details: ReportDetails, styles: dict[str, ModelStyle], layout: Layout
) -> NamedFigure:
    from matplotlib.figure import Figure

    scale, page = text_scale(), layout.two_columns
    shown = {model: style for model, style in styles.items() if any(one.failure.model == model for one in entries)}
    entry_width = (page - 2 * GAP - (BESIDE - 1) * ENTRY_GAP) / BESIDE
    width = (entry_width - GAP) / 2
    note = joined(f"{HOW_CHOSEN} Below each panel: its Dice (%).", setting_note(details))
    legend, foot = legend_height([TRUTH, *shown], page), footnote_height(note, page)
    around = (NAME_HEIGHT + TEXT_LINES * LINE_HEIGHT + SCORE_HEIGHT) * scale
    rows: list[Sequence[FailurePanels]] = []
    heights: list[float] = []
    for start in range(0, len(entries), BESIDE):
        row = entries[start : start + BESIDE]
        height = width * max(one.clean.size[0] / one.clean.size[1] for one in row) + around
        # What a page cannot hold is left out: the first are the report's first models.
        if rows and legend + sum(heights) + height + foot > layout.height - 1:
            break
        rows.append(row)
        heights.append(height)
    total = legend + sum(heights) + foot
    figure = Figure(figsize=(page, total))
    add_outline_legend(figure, shown)
    top = total - legend
    for row, height in zip(rows, heights, strict=True):
        for place, one in enumerate(row):
            _add_entry(figure, one, shown, (GAP + place * (entry_width + ENTRY_GAP), top), (width, height - around))
        top -= height
    add_note(figure, note)
    drawn = [one for row in rows for one in row]
    told = "; ".join(
        f"{one.failure.model}, {one.failure.case}: {percent(one.clean.dice[one.failure.model])} to "
        f"{percent(one.corrupted.dice[one.failure.model])} under {one.failure.corruption} {one.failure.severity}"
        for one in drawn
    )
    corruptions = tuple(dict.fromkeys(one.failure.corruption for one in drawn))
    caption = joined("Failures: clean and corrupted image, true outline and the model's outline.", note)
    return NamedFigure(
        "failures",
        corruptions,
        figure,
        caption,
        f"Pairs of images, clean and corrupted, with outlines. Dice (%): {told}.",
    )


def _add_entry(
    figure: Figure,
    one: FailurePanels,
    styles: dict[str, ModelStyle],
    corner: tuple[float, float],
    panel: tuple[float, float],
) -> None:
    """Draw a failure below and to the right of a corner, in inches from the figure's lower left."""
    scale = text_scale()
    page, total = figure.get_size_inches()
    left, top = corner
    width, height = panel
    model, size = one.failure.model, 7.5 * scale
    room = 2 * width + GAP
    name = shorten_text(model, room, size, bold=True)
    figure.text(left / page, (top - 0.02) / total, name, ha="left", va="top", fontsize=size, fontweight="bold")
    about = f"{one.failure.case}: {one.clean.text}" if one.clean.text.strip() else one.failure.case
    words = " ".join(shorten_text(word, room, small_size()) for word in about.split())
    text = fit_text(words, room, small_size(), most_lines=TEXT_LINES)
    y = top - NAME_HEIGHT * scale
    figure.text(
        left / page, y / total, text, ha="left", va="top", fontsize=small_size(), color="#333333", linespacing=1.2
    )
    y -= TEXT_LINES * LINE_HEIGHT * scale + height
    for place, (shown, condition) in enumerate(
        ((one.clean, CLEAN), (one.corrupted, f"{one.failure.corruption} {one.failure.severity}"))
    ):
        x = left + place * (width + GAP)
        axes = figure.add_axes((x / page, y / total, width / page, height / total))
        draw_panel(axes, shown, {model: styles[model]})
        score = f": {percent(shown.dice[model])}"
        label = shorten_text(condition, width - text_width(score, small_size()), small_size()) + score
        figure.text(
            (x + width / 2) / page, (y - 0.03 * scale) / total, label,
            ha="center", va="top", fontsize=small_size(), color="#222222",
        )  # fmt: skip
