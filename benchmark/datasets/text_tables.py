"""Workbooks that give texts to images: a name and a text in every row."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from biclip_bench.errors import UserError

from .case_files import Defect

_NAME, _TEXT = "image", "description"


@dataclass(frozen=True)
class TextRow:
    """One row of a workbook.

    Parameters
    ----------
    book
        The workbook.
    number
        The row as a spreadsheet counts it: the header is row 1.
    name
        What the column ``Image`` holds.
    text
        What the column ``Description`` holds, without white space at its ends.
    """

    book: Path
    number: int
    name: str
    text: str

    @property
    def where(self) -> str:
        """The row in words, for messages."""
        return f"Row {self.number} of {self.book}"


def read_text_table(book: Path, defects: list[Defect]) -> list[TextRow]:
    """Read the first sheet of a workbook. Wholly empty rows are skipped; one without name or text is a defect.

    Raises
    ------
    UserError
        If the file is not a workbook, or a column is missing.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        workbook = openpyxl.load_workbook(book, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, InvalidFileException) as error:
        raise UserError(f"The workbook {book} cannot be read ({error}): it should be a whole .xlsx file.") from error
    try:
        sheet = workbook.worksheets[0]
        # Some writers state a wrong extent of the sheet, and read-only mode would believe it.
        sheet.reset_dimensions()
        cells = list(sheet.iter_rows(values_only=True))
    finally:
        workbook.close()

    header = [str(cell).strip().lower() if cell is not None else "" for cell in cells[0]] if cells else []
    for column in (_NAME, _TEXT):
        if header.count(column) != 1:
            found = ", ".join(repr(title) for title in header if title) or "nothing"
            raise UserError(
                f"The workbook {book} should have one column {column.capitalize()} in its first row, and has {found}."
            )
    name_at, text_at = header.index(_NAME), header.index(_TEXT)
    rows = []
    for number, row in enumerate(cells[1:], start=2):
        name, text = (_as_text(row[at]) if at < len(row) else "" for at in (name_at, text_at))
        if not name and not text:
            continue
        if not name:
            message = f"Row {number} of {book} has a text and no name: its column Image should name a mask."
            defects.append(Defect("row-without-name", message))
        elif not text:
            message = f"Row {number} of {book} ({name}) has no text: fill its column Description."
            defects.append(Defect("row-without-text", message))
        else:
            rows.append(TextRow(book, number, name, text))
    return rows


def _as_text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
