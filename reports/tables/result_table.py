"""A table of results as plain cells, from which every printed form is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..wording import DAGGER


@dataclass(frozen=True)
class TableCell:
    """A number as it is printed, and what the other forms need of it.

    Parameters
    ----------
    text
        The number or word as every form prints it.
    interval
        Its interval in the same unit (``"80.1 to 83.5"``); empty where there is none.
    value
        The number in full precision, in the unit shown (percent unless the heading says otherwise); NaN for words and
        where there is none, infinite for "never".
    mark
        ``"best"`` or ``"second"`` of its column, else empty: bold and underlined where a form can do so.
    significance
        A sign, such as ``"*"``, that the table's note explains; empty where no test found a difference, or none was
        made.
    low, high
        Ends of the interval in full precision, in the unit shown; NaN where there is none.
    remark
        What holds for this number alone, such as a published number's convention and source.
    """

    text: str
    interval: str = ""
    value: float = math.nan
    mark: str = ""
    significance: str = ""
    low: float = math.nan
    high: float = math.nan
    remark: str = ""


@dataclass(frozen=True)
class TableRow:
    """One model at one label fraction, or one pair of models.

    Parameters
    ----------
    model
        The row's name.
    labels
        Its label fraction (``"10%"``); empty in a table that has no such column.
    trained_for
        Whether the model's training saw the family of the group's corruption: marked with a dagger.
    cells
        As many as the table has columns.
    """

    model: str
    labels: str
    trained_for: bool
    cells: tuple[TableCell, ...]

    @property
    def title(self) -> str:
        """The row's name with its dagger."""
        return f"{self.model}{DAGGER}" if self.trained_for else self.model


@dataclass(frozen=True)
class ResultTable:
    """A table of results.

    Parameters
    ----------
    name
        Short and stable, for file names, sheets and labels: ``"dice"``, ``"overview"``.
    title
        Its heading, without a full stop.
    caption
        Sentences: what is shown, in which convention and unit, on which cases, in which setting.
    columns
        Headings of the cells.
    groups
        Heading and rows of each group, such as a corruption's; a single group without a heading where the rows need
        no grouping.
    note
        Sentences that explain daggers, marks and signs; may be empty.
    heads
        Headings of the columns before the cells: of the row's name and, where there is a second, of its labels.
    spans
        Headings above the columns and how many columns each stands over, in order; empty without such a line. An
        empty heading stands over columns that need none.
    intervals
        Whether printed forms give each number's interval beside it.
    grouping
        What the groups are, as the heading of a column.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    groups: tuple[tuple[str, tuple[TableRow, ...]], ...]
    note: str = ""
    heads: tuple[str, ...] = ("Model", "Labels")
    spans: tuple[tuple[str, int], ...] = ()
    intervals: bool = False
    grouping: str = "Corruption"

    def head_texts(self, row: TableRow) -> tuple[str, ...]:
        """Texts of a row before its cells, one for each of ``heads``."""
        return (row.title, row.labels)[: len(self.heads)]

    def cell_text(self, cell: TableCell) -> str:
        """A cell in plain characters: the number, its sign, and its interval where the table prints it."""
        interval = f" ({cell.interval})" if self.intervals and cell.interval else ""
        return f"{cell.text}{cell.significance}{interval}"

    @property
    def span_of_columns(self) -> tuple[str, ...]:
        """The heading above each column; empty where there is none."""
        named = tuple(heading for heading, width in self.spans for _ in range(width))
        return named or ("",) * len(self.columns)
