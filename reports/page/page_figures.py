"""The printed figures inside the page."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..figures.style import PAGE_WIDTH

FIGURE_BYTES = 2_000_000
"""Most bytes of the figures in a page, so that the cases have room."""

MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
"""What browsers show of the formats in which figures are written."""


HEAD_BYTES = 4096
"""In base64: holds the size of a figure, which SVG has in its first element."""


@dataclass(frozen=True)
class PageFigure:
    """A figure inside the page.

    Parameters
    ----------
    source
        Its ``data:`` address.
    alternative
        What it shows, for those who do not see it.
    caption
        What a reader must know to read it.
    texts
        Cases that it shows, each with its text.
    name
        Of its file beside the page, for when the page has no room for it.
    """

    source: str
    alternative: str
    caption: str
    texts: tuple[tuple[str, str], ...] = ()
    name: str = ""

    @property
    def share(self) -> float:
        """Share of the page's width at which it is printed, so that all figures have letters of one size here, too."""
        kind, _, content = self.source.partition(";base64,")
        if kind != "data:image/svg+xml":
            return 1.0
        head = base64.b64decode(content[:HEAD_BYTES])
        width = re.search(rb'<svg[^>]*? width="([\d.]+)pt"', head)
        return min(1.0, float(width[1]) / (72 * PAGE_WIDTH)) if width else 1.0


def fitting_figures(figures: Sequence[PageFigure]) -> tuple[list[PageFigure], list[str]]:
    """Take figures in their order as long as the page stays small; name the files of the others."""
    shown: list[PageFigure] = []
    left_out: list[str] = []
    room = FIGURE_BYTES
    for figure in figures:
        if len(figure.source) <= room:
            room -= len(figure.source)
            shown.append(figure)
        else:
            left_out.append(figure.name or "a figure without a name")
    return shown, left_out


def data_address(kind: str, content: bytes) -> str:
    """Write a file's content as an address, so that the page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
