"""The preview: one case under every corruption, a row a corruption, from clean to the highest severity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biclip_bench.files import write_atomically

from .gallery import GALLERY_FORMATS, GAP
from .panel import draw_image, draw_truth
from .style import FOOTNOTE_SIZE, PAGE_WIDTH, paper_style, render, wrap_footnote
from .text_width import fit_text, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD_HEIGHT = 0.2
TITLE_HEIGHT = 0.2
LABEL_GAP = 0.035
LABEL_LINE = 0.11
MOST_LABEL_LINES = 3
ROW_GAP = 0.09
MARGIN = 0.02
NOTE_LINE = 0.105
FOOT_GAP = 0.06
TALLEST_PAGE = 9.4
"""Height of a figure in inches that a page still holds with its caption."""

WIDEST_PANEL = 1.7
LARGEST_SIDE = 340
"""Pixels of a panel at 300 dpi: a larger image is shrunk, since neither print nor screen would show more."""

DPI = 300
LABEL_SIZE = 6.5
TITLE_SIZE = 7.5
NOTE_GAP = 5.0
"""Points between a corruption's name and what follows it."""


@dataclass(frozen=True, eq=False)
class PreviewRow:
    """One corruption of the case.

    Parameters
    ----------
    name
        The corruption.
    note
        What its labels' numbers mean, after the name; may be empty.
    images
        By severity (0 is clean), shape (H, W) or (H, W, 3), in [0, 1].
    labels
        What is written below the panel of a severity.
    """

    name: str
    note: str
    images: dict[int, NDArray[np.floating]]
    labels: dict[int, str]


@dataclass(frozen=True)
class _Layout:
    """Measures of a figure in inches."""

    severities: tuple[int, ...]
    panel_width: float
    panel_height: float

    @property
    def used(self) -> float:
        return len(self.severities) * self.panel_width + GAP * (len(self.severities) - 1)

    def left_of(self, severity: int) -> float:
        start = (PAGE_WIDTH - self.used) / 2
        return start + self.severities.index(severity) * (self.panel_width + GAP)

    def label(self, row: PreviewRow, severity: int) -> str:
        return fit_text(row.labels.get(severity, ""), self.panel_width, LABEL_SIZE, most_lines=MOST_LABEL_LINES)

    def height_of(self, row: PreviewRow) -> float:
        lines = max((self.label(row, severity).count("\n") + 1 for severity in row.labels), default=0)
        return TITLE_HEIGHT + self.panel_height + LABEL_GAP + lines * LABEL_LINE + ROW_GAP


def preview_figures(rows: Sequence[PreviewRow], footnote: str, truth: NDArray[np.bool_] | None = None) -> list[Figure]:
    """Draw the rows, as many figures as pages are needed; to be called inside ``paper_style()``.

    Parameters
    ----------
    rows
        One a corruption, with images of one shape.
    footnote
        What is shown: data set, case, window.
    truth
        bool of shape (H, W): outlined in every panel; None for no outline.
    """
    severities = tuple(sorted({severity for row in rows for severity in row.images}))
    panel_width = min(WIDEST_PANEL, (PAGE_WIDTH - 2 * MARGIN - GAP * (len(severities) - 1)) / len(severities))
    height, width = next(iter(rows[0].images.values())).shape[:2]
    layout = _Layout(severities, panel_width, panel_width * height / width)
    room = TALLEST_PAGE - HEAD_HEIGHT - _foot_height(footnote)
    tallest = max(map(layout.height_of, rows))
    pages = -(-len(rows) // max(1, int(room / tallest)))
    return [
        _figure([rows[place] for place in chosen], layout, footnote, truth)
        for chosen in np.array_split(np.arange(len(rows)), pages)
    ]


def write_preview(
    stem: str, rows: Sequence[PreviewRow], footnote: str, folder: Path, truth: NDArray[np.bool_] | None = None
) -> list[Path]:
    """Write the figures as ``STEM.pdf`` and ``STEM.png``; with several pages ``STEM-page-1.pdf`` and so on.

    The same rows give the same bytes. ``rows``, ``footnote`` and ``truth`` are as for :func:`preview_figures`;
    ``folder`` is made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with paper_style():
        figures = preview_figures(rows, footnote, truth)
        stems = [stem] if len(figures) == 1 else [f"{stem}-page-{page + 1}" for page in range(len(figures))]
        return [
            write_atomically(folder / f"{name}.{kind}", render(figure, kind, dpi=DPI))
            for name, figure in zip(stems, figures, strict=True)
            for kind in GALLERY_FORMATS
        ]


def _figure(rows: Sequence[PreviewRow], layout: _Layout, footnote: str, truth: NDArray[np.bool_] | None) -> Figure:
    from matplotlib.figure import Figure

    foot = _foot_height(footnote)
    total = HEAD_HEIGHT + sum(map(layout.height_of, rows)) + foot
    figure = Figure(figsize=(PAGE_WIDTH, total))
    for severity in layout.severities:
        centre = layout.left_of(severity) + layout.panel_width / 2
        head = f"severity {severity}" if severity else "clean"
        figure.text(centre / PAGE_WIDTH, 1 - 0.04 / total, head, ha="center", va="top", fontweight="bold")
    top = total - HEAD_HEIGHT
    for row in rows:
        _add_title(figure, row, layout, top)
        y = top - TITLE_HEIGHT - layout.panel_height
        for severity, image in row.images.items():
            x = layout.left_of(severity)
            place = (x / PAGE_WIDTH, y / total, layout.panel_width / PAGE_WIDTH, layout.panel_height / total)
            axes = figure.add_axes(place)
            draw_image(axes, image, largest_side=LARGEST_SIDE)
            if truth is not None:
                draw_truth(axes, truth, width=0.6)
            figure.text(
                (x + layout.panel_width / 2) / PAGE_WIDTH, (y - LABEL_GAP) / total, layout.label(row, severity),
                ha="center", va="top", fontsize=LABEL_SIZE, linespacing=1.2,
            )  # fmt: skip
        top -= layout.height_of(row)
    figure.text(
        layout.left_of(layout.severities[0]) / PAGE_WIDTH, (foot - FOOT_GAP) / total,
        wrap_footnote(footnote, PAGE_WIDTH),
        ha="left", va="top", fontsize=FOOTNOTE_SIZE, color="#444444", linespacing=1.3,
    )  # fmt: skip
    return figure


def _add_title(figure: Figure, row: PreviewRow, layout: _Layout, top: float) -> None:
    """Write the corruption's name and after it, in grey, what the labels of its panels mean."""
    from matplotlib.text import Annotation

    left, total = layout.left_of(layout.severities[0]), figure.get_figheight()
    title = figure.text(
        left / PAGE_WIDTH, (top - 0.05) / total, row.name, va="top", fontsize=TITLE_SIZE, fontweight="bold"
    )
    room = PAGE_WIDTH - 2 * left - text_width(row.name, TITLE_SIZE, bold=True) - NOTE_GAP / 72
    note = fit_text(row.note, room, LABEL_SIZE)
    place: dict[str, Any] = {"xy": (1, 0), "xycoords": title, "xytext": (NOTE_GAP, 0.3), "textcoords": "offset points"}
    figure.add_artist(Annotation(note, va="bottom", fontsize=LABEL_SIZE, color="#444444", **place))


def _foot_height(footnote: str) -> float:
    return FOOT_GAP + NOTE_LINE * (wrap_footnote(footnote, PAGE_WIDTH).count("\n") + 1)
