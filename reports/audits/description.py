"""A data set's description as tables, for the terminal and for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .check import CheckPicture

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class FactTable:
    """A table of text cells.

    Parameters
    ----------
    title
        What it shows.
    columns
        Heads; the first column names the rows.
    rows
        Cells, as many in each as there are columns.
    note
        What the numbers mean; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, eq=False)
class PictureRow:
    """Pictures under a title; each picture's ``case`` stands in bold under it, and its ``text`` beside that."""

    title: str
    note: str
    pictures: tuple[CheckPicture, ...]


@dataclass(frozen=True, eq=False)
class Description:
    """Everything about a data set.

    Parameters
    ----------
    name
        The data set.
    facts
        What it is, by name.
    findings
        What is worth knowing first, a sentence each.
    tables
        The numbers.
    pictures
        For the page alone.
    """

    name: str
    facts: dict[str, str]
    findings: tuple[str, ...]
    tables: tuple[FactTable, ...]
    pictures: tuple[PictureRow, ...] = ()


def terminal_table(content: FactTable) -> Table:
    """Build a table for the terminal, without its note: the first column at the left, all others at the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(content.title),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title_justify="left",
    )
    for place, column in enumerate(content.columns):
        table.add_column(Text(column), justify="left" if place == 0 else "right", overflow="fold")
    for row in content.rows:
        # Text, not str: a report in square brackets is not markup.
        table.add_row(*map(Text, row))
    return table


def description_page(description: Description) -> str:
    """Write a page that needs nothing else: no script, no address outside, everything from users escaped.

    Returns
    -------
    str
        HTML.
    """
    from ..page.html import render_page
    from ..page.page_figures import data_address
    from .check_page import outlined_jpeg

    rows = [
        (row, [(picture, data_address("image/jpeg", outlined_jpeg(picture))) for picture in row.pictures])
        for row in description.pictures
    ]
    return render_page("description.html.j2", description=description, picture_rows=rows)


def plain_rows(rows: Sequence[Sequence[object]]) -> tuple[tuple[str, ...], ...]:
    """Turn cells into text."""
    return tuple(tuple(str(cell) for cell in row) for row in rows)
