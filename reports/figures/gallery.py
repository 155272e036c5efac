"""The picture grid: what the models outlined, from clean to the highest severity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..details import ReportDetails
from ..frame import CLEAN
from ..picture_source import PictureSource
from ..wording import joined, listed, percent
from .captions import setting_note
from .panel import Panel, draw_missing, draw_panel, on_grey, panel_of
from .stems import corruption_stems
from .style import (
    PLAIN,
    FigureFormat,
    FigurePlan,
    Layout,
    ModelStyle,
    NamedFigure,
    add_model_legend,
    footnote_height,
    legend_height,
    model_styles,
    small_size,
    text_scale,
    wrap_footnote,
)
from .text_width import one_line, shorten_text, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRUTH = "truth"
GAP = 0.04
HEAD_HEIGHT = 0.18
TEXT_HEIGHT = 0.19
SCORE_HEIGHT = 0.05
LINE_HEIGHT = 0.115
WIDEST_PANEL = 1.7
NUMBER_GAP = 0.07
WIDEST_STEP = 0.36

GALLERY_FORMATS: tuple[FigureFormat, ...] = ("pdf", "png")
"""No SVG: photographs would make it several times the size of the PDF, which holds the same outlines."""

GALLERY_DPI = 220


def gallery_figures(
    source: PictureSource,
    details: ReportDetails,
    models: Sequence[str],
    *,
    cases: Sequence[str] | None = None,
    layout: Layout = PLAIN,
) -> list[NamedFigure]:
    """Draw the picture grids; to be called inside ``paper_style()``.

    One figure per corruption, ``"gallery-NAME"``: a row per case with its text above it, a column per severity that
    has a picture, clean first. Each panel shows the image in grey, the truth and every model's outline, and below it
    the models' Dice in percent, in the order of the legend.

    Parameters
    ----------
    source
        Where pictures come from, one case after another. A clean panel is shared by all corruptions.
    details
        Order of the corruptions, and the profile for the footnote.
    models
        All models of the report in its order, so that a model looks here as it does in the curves.
    cases
        The cases to show; None for all.
    layout
        Widths.

    Returns
    -------
    list[NamedFigure]
        Empty without pictures.
    """
    return [plan(layout) for plan in gallery_plans(source, details, models, cases=cases)]


def gallery_plans(
    source: PictureSource,
    details: ReportDetails,
    models: Sequence[str],
    *,
    cases: Sequence[str] | None = None,
    shown: Sequence[str] | None = None,
    why: str = "",
) -> Iterator[FigurePlan]:
    """Plan the figures of :func:`gallery_figures`; a case's pictures are read once and not kept.

    Parameters
    ----------
    source, details, models, cases
        As there.
    shown
        The models that are outlined; None for all that have predictions.
    why
        How cases and models were chosen, a sentence for the caption.
    """
    panels: dict[str, list[Panel]] = {}
    predicted: set[str] = set()
    for case in source.cases() if cases is None else cases:
        for picture in source.pictures(case):
            predicted |= set(picture.predictions)
            wanted = picture.predictions if shown is None else shown
            panels.setdefault(picture.corruption, []).append(panel_of(picture, list(wanted)))
    known = [*models, *sorted(predicted - set(models))]
    styles = model_styles(known)
    drawn = {model: styles[model] for model in known if model in predicted and (shown is None or model in shown)}
    corruptions = details.order_corruptions([name for name in panels if name != CLEAN]) or list(panels)
    for corruption, stem in corruption_stems(corruptions).items():
        chosen = [*panels.get(CLEAN, []), *(panels[corruption] if corruption != CLEAN else [])]
        yield partial(_figure, chosen, corruption, stem, drawn, details, why)


def _figure(
    panels: Sequence[Panel],
    corruption: str,
    stem: str,
    styles: Mapping[str, ModelStyle],
    details: ReportDetails,
    why: str,
    layout: Layout,
) -> NamedFigure:
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys(panel.case for panel in panels))
    texts = {panel.case: panel.text for panel in reversed(panels)}
    severities = sorted({panel.severity for panel in panels})
    by_place = {(panel.case, panel.severity): panel for panel in panels}

    scale, page = text_scale(), layout.two_columns
    width = min(WIDEST_PANEL, (page - GAP * (len(severities) + 1)) / len(severities))
    heights = {case: width * max(p.size[0] / p.size[1] for p in panels if p.case == case) for case in cases}
    columns = score_columns(len(styles), width)
    lines = -(-len(styles) // columns)
    around = (TEXT_HEIGHT + SCORE_HEIGHT + lines * LINE_HEIGHT) * scale
    heads, above = _headings(corruption, severities, width)
    legend = legend_height([TRUTH, *styles], page)
    scored = "Below each panel: Dice (%) of the case, models in the order of the legend. " if styles else ""
    note = joined(scored.strip(), setting_note(details))
    head = HEAD_HEIGHT * scale * (2 if above else 1)
    foot = footnote_height(note, page)
    total = legend + head + sum(heights.values()) + len(cases) * around + foot
    figure = Figure(figsize=(page, total))
    left = (page - width * len(severities) - GAP * (len(severities) - 1)) / 2

    add_outline_legend(figure, styles)
    top = total - legend - head
    centres = [left + place * (width + GAP) + width / 2 for place in range(len(severities))]
    if above:
        middle = (centres[0] if len(centres) == 1 else (centres[min(1, severities.count(0))] + centres[-1]) / 2) / page
        figure.text(
            middle, (top + 0.05 + HEAD_HEIGHT * scale) / total, above, ha="center", va="bottom", fontweight="bold"
        )
    for centre, name in zip(centres, heads, strict=True):
        figure.text(centre / page, (top + 0.05) / total, name, ha="center", va="bottom", fontweight="bold")
    for case in cases:
        text = f"{case}: {texts[case]}" if texts[case].strip() else case
        figure.text(
            left / page, (top - 0.04 * scale) / total, one_line(text, page - 2 * left, 6.2 * scale),
            ha="left", va="top", fontsize=6.2 * scale, color="#333333",
        )  # fmt: skip
        top -= TEXT_HEIGHT * scale
        for centre, severity in zip(centres, severities, strict=True):
            y = top - heights[case]
            axes = figure.add_axes(((centre - width / 2) / page, y / total, width / page, heights[case] / total))
            panel = by_place.get((case, severity))
            if panel is None:
                draw_missing(axes)
            else:
                draw_panel(axes, panel, styles)
                _add_scores(figure, panel, list(styles), columns, centre, y)
        top -= heights[case] + around - TEXT_HEIGHT * scale
    add_note(figure, note)
    caption = joined(
        f"Test cases under {corruption}: the true outline and the outlines of {listed(list(styles))}."
        if styles
        else f"Test cases under {corruption} with their true outline.",
        scored.strip(),
        why,
        setting_note(details),
    )
    alternative = (
        f"Grid of {len(cases)} test cases by severity of {corruption}: image, true outline and the models' outlines. "
        f"{_told(by_place, cases, severities, list(styles))}"
    )
    return NamedFigure(f"gallery-{stem}", (corruption,), figure, caption, alternative.strip())


def score_columns(count: int, width: float) -> int:
    """How many numbers stand side by side below a panel of a width in inches, with the lines as even as they come."""
    most = max(1, int(width / (text_width("100.0", small_size()) + NUMBER_GAP)))
    return max(1, -(-count // max(1, -(-count // most))))


def add_outline_legend(figure: Figure, styles: Mapping[str, ModelStyle]) -> None:
    """Add the legend of outlines on top of a figure without layout."""
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    casing = [Stroke(linewidth=2.4, foreground="#000000"), Normal()]
    truth = Line2D([], [], color="#FFFFFF", linewidth=1.3, path_effects=casing)
    lines = {
        model: Line2D([], [], color=on_grey(style.colour), linestyle=style.linestyle, linewidth=1.4)
        for model, style in styles.items()
    }
    place = (0.5, 1 - 0.02 / figure.get_figheight())
    add_model_legend(figure, {TRUTH: truth, **lines}, loc="upper center", bbox_to_anchor=place)


def add_note(figure: Figure, note: str) -> None:
    """Add small print at the bottom of a figure without layout."""
    width, height = figure.get_size_inches()
    figure.text(
        GAP / width, 0.03 / height, wrap_footnote(note, width),
        ha="left", va="bottom", fontsize=small_size(), color="#444444", linespacing=1.3,
    )  # fmt: skip


def _headings(corruption: str, severities: Sequence[int], width: float) -> tuple[list[str], str]:
    """Headings of the columns, and what stands above them: the corruption, where it does not fit into each."""
    size = 7.5 * text_scale()
    whole = [CLEAN if severity == 0 else f"{corruption} {severity}" for severity in severities]
    if all(text_width(head, size, bold=True) <= width for head in whole):
        return whole, ""
    corrupted = len(severities) - severities.count(0)
    above = shorten_text(f"severity of {corruption}", corrupted * (width + GAP) - GAP, size, bold=True)
    return [CLEAN if severity == 0 else str(severity) for severity in severities], above


def _add_scores(
    figure: Figure, panel: Panel, models: Sequence[str], columns: int, centre: float, bottom: float
) -> None:
    width, height = figure.get_size_inches()
    step = min(WIDEST_STEP, 1.0 / columns) if columns > 1 else 0.0
    step = max(step, text_width("100.0", small_size()) + NUMBER_GAP / 2)
    for position, model in enumerate(models):
        line, column = divmod(position, columns)
        x = centre + (column - (min(columns, len(models)) - 1) / 2) * step
        y = bottom - (0.03 + line * LINE_HEIGHT) * text_scale()
        text = percent(panel.dice.get(model, float("nan")))
        figure.text(x / width, y / height, text, ha="center", va="top", fontsize=small_size(), color="#222222")


def _told(
    panels: Mapping[tuple[str, int], Panel], cases: Sequence[str], severities: Sequence[int], models: Sequence[str]
) -> str:
    """Say what Dice goes from and to in every row."""
    rows = []
    for case in cases:
        ends = [panels[case, place] for place in (severities[0], severities[-1]) if (case, place) in panels]
        changes = [
            f"{model} {' to '.join(percent(end.dice[model]) for end in ends)}"
            for model in models
            if all(model in end.dice for end in ends)
        ]
        if changes and len(ends) == 2:
            rows.append(f"{case}: {', '.join(changes)}")
    return f"Dice (%) from the first to the last column: {'; '.join(rows)}." if rows else ""
