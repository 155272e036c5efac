"""The picture grid: what the models outlined, from clean to the highest severity."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from biclip_bench.files import file_stem

from ..details import ReportDetails
from ..frame import CLEAN
from ..picture import Picture
from ..wording import percent
from .panel import draw_image, draw_missing, draw_outlines, on_grey
from .style import PAGE_WIDTH, FigureFormat, ModelStyle, NamedFigure, add_model_legend, model_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRUTH = "truth"
GAP = 0.04
LEGEND_HEIGHT = 0.34
HEAD_HEIGHT = 0.18
TEXT_HEIGHT = 0.19
SCORE_HEIGHT = 0.17
FOOT_HEIGHT = 0.27
WIDEST_PANEL = 1.7

GALLERY_FORMATS: tuple[FigureFormat, ...] = ("pdf", "png")
"""No SVG: photographs would make it several times the size of the PDF, which holds the same outlines."""

GALLERY_DPI = 220


def gallery_figures(pictures: Sequence[Picture], details: ReportDetails, models: Sequence[str]) -> list[NamedFigure]:
    """Draw the picture grids; to be called inside ``paper_style()``.

    One figure per corruption, ``"gallery-NAME"``: a row per case with its text above it, a column per severity that
    has a picture, clean first. Each panel shows the image in grey, the truth and every model's outline, and below it
    the models' Dice in percent, in the order of the legend.

    Parameters
    ----------
    pictures
        Panels in any order; cases keep the order in which they first come. A clean panel is shared by all
        corruptions.
    details
        Order of the corruptions, and the profile for the footnote.
    models
        All models of the report in its order, so that a model looks here as it does in the curves.

    Returns
    -------
    list[NamedFigure]
        Empty without pictures.
    """
    shown = [model for model in models if any(model in picture.predictions for picture in pictures)]
    extra = {model for picture in pictures for model in picture.predictions} - set(models)
    styles = model_styles([*models, *sorted(extra)])
    styles = {model: styles[model] for model in [*shown, *sorted(extra)]}
    corruptions = details.order_corruptions([p.corruption for p in pictures if p.corruption != CLEAN])
    if not corruptions and pictures:
        corruptions = [CLEAN]
    figures = []
    for corruption in corruptions:
        panels = [picture for picture in pictures if picture.corruption in (CLEAN, corruption)]
        drawn = _figure(panels, corruption, styles, details)
        figures.append(NamedFigure(f"gallery-{file_stem(corruption)}", (corruption,), drawn))
    return figures


def _figure(
    pictures: Sequence[Picture], corruption: str, styles: dict[str, ModelStyle], details: ReportDetails
) -> Figure:
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys(picture.case for picture in pictures))
    texts = {picture.case: picture.text for picture in reversed(pictures)}
    severities = sorted({picture.severity for picture in pictures})
    panels = {(picture.case, picture.severity): picture for picture in pictures}

    panel_width = min(WIDEST_PANEL, (PAGE_WIDTH - GAP * (len(severities) + 1)) / len(severities))
    heights = {
        case: panel_width * max(p.image.shape[0] / p.image.shape[1] for p in pictures if p.case == case)
        for case in cases
    }
    row_height = TEXT_HEIGHT + SCORE_HEIGHT
    total = LEGEND_HEIGHT + HEAD_HEIGHT + sum(heights.values()) + len(cases) * row_height + FOOT_HEIGHT
    figure = Figure(figsize=(PAGE_WIDTH, total))
    used = panel_width * len(severities) + GAP * (len(severities) - 1)
    left = (PAGE_WIDTH - used) / 2

    _add_legend(figure, styles, total)
    top = total - LEGEND_HEIGHT - HEAD_HEIGHT
    for column, severity in enumerate(severities):
        centre = left + column * (panel_width + GAP) + panel_width / 2
        name = "clean" if severity == 0 else f"{corruption} {severity}"
        figure.text(centre / PAGE_WIDTH, (top + 0.05) / total, name, ha="center", va="bottom", fontweight="bold")
    for case in cases:
        label = f"{case}: {' '.join(texts[case].split())}" if texts[case].strip() else case
        label = textwrap.shorten(label, int((PAGE_WIDTH - left) * 72 / 3.4), placeholder=" …")
        figure.text(left / PAGE_WIDTH, (top - 0.05) / total, label, ha="left", va="top", fontsize=6.2, color="#333333")
        top -= TEXT_HEIGHT
        for column, severity in enumerate(severities):
            x = left + column * (panel_width + GAP)
            y = top - heights[case]
            axes = figure.add_axes((x / PAGE_WIDTH, y / total, panel_width / PAGE_WIDTH, heights[case] / total))
            picture = panels.get((case, severity))
            if picture is None:
                draw_missing(axes)
            else:
                draw_image(axes, picture.image)
                draw_outlines(axes, picture, styles)
                _add_scores(figure, picture, styles, x + panel_width / 2, y, total)
        top -= heights[case] + SCORE_HEIGHT
    scored = "Below each panel: Dice (%) of the case, models as in the legend. " if styles else ""
    note = f"{scored}Setting: {details.profile.rstrip('.')}."
    lines = textwrap.wrap(note, int(PAGE_WIDTH * 72 / 3.2), max_lines=2, placeholder=" …")
    figure.text(GAP / PAGE_WIDTH, 0.03 / total, "\n".join(lines), ha="left", va="bottom", fontsize=6, color="#444444")
    return figure


def _add_scores(
    figure: Figure, picture: Picture, styles: dict[str, ModelStyle], centre: float, bottom: float, total: float
) -> None:
    step = min(0.36, 1.0 / max(len(styles), 1))
    for position, model in enumerate(styles):
        x = centre + (position - (len(styles) - 1) / 2) * step
        text = percent(picture.dice(model)) if model in picture.predictions else percent(float("nan"))
        figure.text(x / PAGE_WIDTH, (bottom - 0.03) / total, text, ha="center", va="top", fontsize=6, color="#222222")


def _add_legend(figure: Figure, styles: dict[str, ModelStyle], total: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    casing = [Stroke(linewidth=2.4, foreground="#000000"), Normal()]
    truth = Line2D([], [], color="#FFFFFF", linewidth=1.3, path_effects=casing)
    lines = {
        model: Line2D([], [], color=on_grey(style.colour), linestyle=style.linestyle, linewidth=1.4)
        for model, style in styles.items()
    }
    add_model_legend(figure, {TRUTH: truth, **lines}, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.02 / total))
