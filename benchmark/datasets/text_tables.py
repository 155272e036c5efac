"""Tables that give texts to images: a name and a text in every row, and what else is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .case_files import Defect
from .table_files import read_table

IMAGE_COLUMN, TEXT_COLUMN = "Image", "Description"


@dataclass(frozen=True)
class TextRow:
    """One row of a table.

    Parameters
    ----------
    book
        The workbook, CSV or JSON Lines file.
    number
        The row as a spreadsheet counts it: the header is row 1. In JSON Lines, the line.
    name
        What the column of names holds.
    text
        What the column of texts holds, without white space at its ends.
    others
        Further columns that were asked for.
    """

    book: Path
    number: int
    name: str
    text: str
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The row in words, for messages."""
        return f"Row {self.number} of {self.book}"


def read_text_table(
    book: Path,
    defects: list[Defect],
    *,
    image_column: str = IMAGE_COLUMN,
    text_column: str | None = TEXT_COLUMN,
    others: Sequence[str] = (),
) -> list[TextRow]:
    """Read a table; a row without name or text is a defect.

    Parameters
    ----------
    book
        XLSX, CSV or JSON Lines; see :func:`~.table_files.read_table`.
    defects
        Gets the rows that lack something.
    image_column, text_column
        Their names; without a column of texts every text is empty.
    others
        Further columns, each of which every row must fill.

    Raises
    ------
    UserError
        If the file is not a table, or a column is missing.
    """
    columns = [image_column, *([text_column] if text_column else []), *others]
    rows = []
    for row in read_table(book, list(dict.fromkeys(columns))):
        where = f"Row {row.number} of {book}"
        name = row.cells[image_column]
        empty = next((column for column in columns if not row.cells[column]), None)
        if empty == image_column:
            message = f"{where} has a text and no name: its column {image_column} should name an image or its mask."
            defects.append(Defect("row-without-name", message))
        elif empty is not None:
            what, kind = ("text", "row-without-text") if empty == text_column else (empty, "row-without-value")
            defects.append(Defect(kind, f"{where} ({name}) has no {what}: fill its column {empty}."))
        else:
            text = row.cells[text_column] if text_column else ""
            rows.append(TextRow(book, row.number, name, text, {column: row.cells[column] for column in others}))
    return rows
