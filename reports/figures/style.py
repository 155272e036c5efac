"""The look of all figures: one style sheet, one colour, marker and dash a model, reproducible files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from biclip_bench.errors import UserError

from .text_width import shorten_text, text_width, wrap_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

FigureFormat = Literal["pdf", "svg", "png"]
FORMATS: tuple[FigureFormat, ...] = ("pdf", "svg", "png")

StyleName = Literal["plain", "neurips", "miccai", "ieee"]
STYLES: tuple[StyleName, ...] = ("plain", "neurips", "miccai", "ieee")


@dataclass(frozen=True)
class Layout:
    """How large a venue lets a figure be, in inches.

    A figure is drawn at the width at which it is printed: included without scaling, its text has the size that the
    style sheet says.

    Parameters
    ----------
    one_column
        Width of a column; of the text where a venue has one column.
    two_columns
        Width of the page's text.
    height
        Height of the page's text; a figure leaves an inch of it to its caption.
    """

    one_column: float
    two_columns: float
    height: float

    @property
    def has_columns(self) -> bool:
        """Whether a figure may be narrower than the page's text."""
        return self.one_column < self.two_columns


LAYOUTS: Mapping[StyleName, Layout] = {
    "plain": Layout(3.5, 7.1, 9.4),
    "neurips": Layout(5.5, 5.5, 9.0),
    "miccai": Layout(12.2 / 2.54, 12.2 / 2.54, 19.3 / 2.54),
    "ieee": Layout(3.5, 7.16, 9.4),
}

PLAIN = LAYOUTS["plain"]

PAGE_WIDTH = PLAIN.two_columns
"""Width of a two-column page in inches."""

BASE_SIZE = 7.5
FOOTNOTE_SIZE = 6.0
"""Sizes in points of the text and the small print of the plain style."""

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
    """A figure and what goes with it.

    Parameters
    ----------
    stem
        Name of its files without suffix.
    corruptions
        What it shows, clean apart.
    figure
        Matplotlib's figure.
    caption
        Plain text: what is shown, the metric and how it is averaged, the sample, what the bands are.
    alternative
        Plain text for those who do not see it.
    """

    stem: str
    corruptions: tuple[str, ...]
    figure: Figure
    caption: str = ""
    alternative: str = ""


FigurePlan = Callable[[Layout], NamedFigure]
"""A figure still to be drawn. Plans hold no more than their own data and can be sent to another process."""


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


def text_scale() -> float:
    """Size of the current style's text relative to the plain style's."""
    import matplotlib

    return float(matplotlib.rcParams["font.size"]) / BASE_SIZE


def small_size() -> float:
    """Size of small print in points in the current style."""
    return FOOTNOTE_SIZE * text_scale()


def legend_columns(names: Sequence[str], width: float) -> int:
    """Count how many entries of a legend fit side by side into a width in inches."""
    import matplotlib

    size = float(matplotlib.rcParams["legend.fontsize"])
    parts = float(matplotlib.rcParams["legend.handlelength"]) + float(matplotlib.rcParams["legend.handletextpad"])
    gap = float(matplotlib.rcParams["legend.columnspacing"]) * size / 72
    entry = max(text_width(name, size) for name in names) + parts * size / 72
    return max(1, min(len(names), int((width - 0.1 + gap) / (entry + gap))))


def legend_names(names: Sequence[str], width: float) -> list[str]:
    """Shorten names to what a legend of a width in inches can hold, in one line each."""
    import matplotlib

    size = float(matplotlib.rcParams["legend.fontsize"])
    return [shorten_text(name, min(2.6, width - 0.8), size) for name in names]


def legend_height(names: Sequence[str], width: float) -> float:
    """Height in inches that :func:`add_model_legend` needs for these names."""
    import matplotlib

    rows = -(-len(names) // legend_columns(legend_names(names, width), width))
    return (rows * 1.5 + 0.9) * float(matplotlib.rcParams["legend.fontsize"]) / 72


def add_model_legend(figure: Figure, entries: Mapping[str, Artist], **where: Any) -> None:
    """Add a legend that reads row by row and is no wider than the figure; ``where`` goes to ``Figure.legend``."""
    names = legend_names(list(entries), figure.get_figwidth())
    columns = legend_columns(names, figure.get_figwidth())
    # Matplotlib fills a legend column by column.
    order = [place for start in range(columns) for place in range(start, len(names), columns)]
    artists = list(entries.values())
    figure.legend([artists[place] for place in order], [names[place] for place in order], ncols=columns, **where)


def wrap_footnote(text: str, width: float) -> str:
    """Break small print into lines of a width in inches, measured with the font."""
    return wrap_text(text, width - 0.1, small_size())


def footnote_height(text: str, width: float) -> float:
    """Height in inches that :func:`add_footnote` needs for a text in a figure of a width."""
    return 0.06 + (wrap_footnote(text, width).count("\n") + 1) * 1.35 * small_size() / 72


def add_footnote(figure: Figure, text: str) -> None:
    """Add small print below the panels of a figure with constrained layout, wrapped to its width."""
    figure.supxlabel(
        wrap_footnote(text, figure.get_figwidth()),
        x=0.01,
        horizontalalignment="left",
        fontsize=small_size(),
        color="#444444",
        linespacing=1.3,
    )


@contextmanager
def paper_style(name: StyleName = "plain") -> Iterator[Layout]:
    """Use the style sheet, and nothing of the user's own Matplotlib settings, inside a ``with`` block.

    Parameters
    ----------
    name
        Venue whose fonts, sizes and widths are used: ``"plain"``, ``"neurips"``, ``"miccai"`` or ``"ieee"``.

    Yields
    ------
    Layout
        The venue's widths.

    Raises
    ------
    UserError
        If there is no such style.
    """
    import matplotlib

    if name not in LAYOUTS:
        raise UserError(f"There is no figure style {name!r}. The styles are {', '.join(STYLES)}.")
    folder = Path(__file__).parent
    with matplotlib.rc_context(fname=folder / "paper.mplstyle"):
        if name != "plain":
            venue = matplotlib.rc_params_from_file(folder / f"{name}.mplstyle", use_default_template=False)
            matplotlib.rcParams.update(venue)
        yield LAYOUTS[name]


def render(figure: Figure, kind: FigureFormat, *, dpi: int = 300) -> bytes:
    """Draw a figure into a file's bytes, the same on every run; to be called inside :func:`paper_style`."""
    if figure.get_layout_engine() is not None:
        # Panels are arranged once, not again for every format: it takes longer than drawing.
        figure.draw_without_rendering()
        figure.set_layout_engine(None)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=FIXED_METADATA[kind])
    return buffer.getvalue()
