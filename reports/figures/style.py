"""The look of all figures: one style sheet, one colour, marker and dash a model, reproducible files."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

FigureFormat = Literal["pdf", "svg", "png"]
FORMATS: tuple[FigureFormat, ...] = ("pdf", "svg", "png")

PAGE_WIDTH = 7.1
"""Width of a two-column page in inches."""

FOOTNOTE_SIZE = 6.0

# Okabe and Ito (2008), "Color universal design"; its yellow is left out because it is faint on white. The order puts
# colours of unlike lightness next to each other. Markers and dashes repeat after other counts than the colours, so
# that models beyond the seventh still differ.
COLOURS = ("#0072B2", "#E69F00", "#000000", "#CC79A7", "#009E73", "#D55E00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")
DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 1.6), (1.2, 1.2), (6.0, 1.5, 1.2, 1.5), (2.6, 1.2))

# Without these Matplotlib writes the time of day into the file.
FIXED_METADATA = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


@dataclass(frozen=True)
class NamedFigure:
    """A figure, the name of its files without suffix, and the corruptions that it shows (clean apart)."""

    stem: str
    corruptions: tuple[str, ...]
    figure: Figure


@dataclass(frozen=True)
class ModelStyle:
    """How a model is drawn in every figure.

    Parameters
    ----------
    colour
        Hexadecimal colour.
    marker
        Matplotlib marker.
    dashes
        Lengths of dashes and gaps in line widths; empty for a solid line.
    """

    colour: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def linestyle(self) -> tuple[float, tuple[float, ...]]:
        """The dashes as Matplotlib takes them."""
        return (0.0, self.dashes)


def model_styles(models: Sequence[str]) -> dict[str, ModelStyle]:
    """Give each model a style that differs in colour, marker and dash from its neighbours'."""
    looks = zip(cycle(COLOURS), cycle(MARKERS), cycle(DASHES), strict=False)
    return {model: ModelStyle(*look) for model, look in zip(models, islice(looks, len(models)), strict=True)}


def add_model_legend(figure: Figure, entries: Mapping[str, Artist], **where: Any) -> None:
    """Add a legend that reads row by row and is no wider than the figure; ``where`` goes to ``Figure.legend``."""
    entry_width = 0.55 + 0.065 * max(map(len, entries))
    columns = max(1, min(len(entries), int(figure.get_figwidth() / entry_width)))
    # Matplotlib fills a legend column by column.
    names = [name for start in range(columns) for name in list(entries)[start::columns]]
    figure.legend([entries[name] for name in names], names, ncols=columns, **where)


def wrap_footnote(text: str, width: float) -> str:
    """Break small print into lines of a width in inches; a character is about 0.53 of the font's size wide."""
    return "\n".join(textwrap.wrap(text, int(width * 72 / (0.53 * FOOTNOTE_SIZE))))


def add_footnote(figure: Figure, text: str) -> None:
    """Add small print below the panels of a figure with constrained layout, wrapped to its width."""
    figure.supxlabel(
        wrap_footnote(text, figure.get_figwidth()),
        x=0.01,
        horizontalalignment="left",
        fontsize=FOOTNOTE_SIZE,
        color="#444444",
        linespacing=1.3,
    )


@contextmanager
def paper_style() -> Iterator[None]:
    """Use the style sheet, and nothing of the user's own Matplotlib settings, inside a ``with`` block."""
    import matplotlib

    with matplotlib.rc_context(fname=Path(__file__).with_name("paper.mplstyle")):
        yield


def render(figure: Figure, kind: FigureFormat, *, dpi: int = 300) -> bytes:
    """Draw a figure into a file's bytes, the same on every run; to be called inside :func:`paper_style`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=FIXED_METADATA[kind])
    return buffer.getvalue()
