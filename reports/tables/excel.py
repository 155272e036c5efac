"""Tables as an Excel workbook, a sheet a table."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .excel_cells import write_number, write_text
from .result_table import ResultTable, TableCell, TableRow

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

LONGEST_SHEET_NAME = 31

SPAN_LINE, HEAD_LINE = 4, 5
"""Rows of the two lines of headings, below the title and the caption."""

WIDEST_COLUMN = 40

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the workbook: the earliest that the format can hold."""


def to_excel(tables: Sequence[ResultTable]) -> bytes:
    """Print tables as a workbook: a sheet each, with its caption above and its note below.

    Numbers are numbers, to the 15 digits that Excel keeps, shown with the table's decimals; the best of a column is
    bold, the second underlined, a sign part of the number's format. Text stays text whatever it begins with. The same
    tables give the same bytes: no time is stored.

    Parameters
    ----------
    tables
        At least one.

    Returns
    -------
    bytes
        An ``.xlsx`` file.
    """
    from openpyxl import Workbook

    book = Workbook()
    del book[book.sheetnames[0]]
    for name, table in zip(sheet_names(tables), tables, strict=True):
        _fill(book.create_sheet(name), table)
    book.properties.creator = "biclip-bench"
    content = io.BytesIO()
    book.save(content)
    return _without_times(content.getvalue())


def sheet_names(tables: Sequence[ResultTable]) -> list[str]:
    """Name the sheets after the tables, within what Excel allows, and each another name."""
    names: list[str] = []
    for table in tables:
        base = re.sub(r"[\[\]:*?/\\']", "-", table.name)[:LONGEST_SHEET_NAME] or "table"
        name, number = base, 1
        while name.lower() in (known.lower() for known in names):
            number += 1
            name = f"{base[: LONGEST_SHEET_NAME - len(f'-{number}')]}-{number}"
        names.append(name)
    return names


@dataclass(frozen=True)
class _Layout:
    """Where a table's columns lie: an interval's ends have columns of their own, so that they stay numbers."""

    heads: tuple[str, ...]
    grouped: bool
    places: tuple[int, ...]
    with_ends: tuple[bool, ...]
    width: int

    def titles(self, table: ResultTable) -> dict[int, str]:
        titles = dict(enumerate(self.heads, start=1))
        for place, column, ends in zip(self.places, table.columns, self.with_ends, strict=True):
            titles[place] = column
            if ends:
                titles |= {place + 1: f"{column}, low", place + 2: f"{column}, high"}
        return titles

    def head_texts(self, table: ResultTable, heading: str, row: TableRow) -> list[str]:
        return [*([heading] if self.grouped else []), *table.head_texts(row)]


def _layout(table: ResultTable) -> _Layout:
    rows = [row for _, rows in table.groups for row in rows]
    grouped = any(heading for heading, _ in table.groups)
    heads = (*([table.grouping] if grouped else []), *table.heads)
    with_ends = [
        table.intervals and any(row.cells[place].interval for row in rows) for place in range(len(table.columns))
    ]
    places, at = [], len(heads) + 1
    for ends in with_ends:
        places.append(at)
        at += 3 if ends else 1
    return _Layout(heads, grouped, tuple(places), tuple(with_ends), max(at - 1, 2))


def _fill(sheet: Worksheet, table: ResultTable) -> None:
    from openpyxl.styles import Font

    layout = _layout(table)
    characters = _fit_columns(sheet, table, layout)
    write_text(sheet, 1, 1, table.title).font = Font(bold=True, size=12)
    _paragraph(sheet, 2, layout.width, characters, table.caption)
    _headings(sheet, table, layout)
    line = HEAD_LINE
    for heading, rows in table.groups:
        for row in rows:
            line += 1
            for place, text in enumerate(layout.head_texts(table, heading, row), start=1):
                write_text(sheet, line, place, text)
            for place, cell, ends in zip(layout.places, row.cells, layout.with_ends, strict=True):
                write_number(sheet, line, place, cell, cell.value)
                if ends and not math.isnan(cell.low):
                    write_number(sheet, line, place + 1, TableCell(cell.text), cell.low)
                    write_number(sheet, line, place + 2, TableCell(cell.text), cell.high)
    if table.note:
        _paragraph(sheet, line + 2, layout.width, characters, table.note)
    sheet.freeze_panes = sheet.cell(HEAD_LINE + 1, len(layout.heads) + 1).coordinate


def _headings(sheet: Worksheet, table: ResultTable, layout: _Layout) -> None:
    from openpyxl.styles import Alignment, Border, Font, Side

    rule = Border(bottom=Side(style="thin"))
    at = 0
    for heading, count in table.spans:
        first = layout.places[at]
        at += count
        last = layout.places[at] - 1 if at < len(layout.places) else layout.width
        if heading:
            cell = write_text(sheet, SPAN_LINE, first, heading)
            cell.font, cell.alignment, cell.border = Font(bold=True), Alignment(horizontal="center"), rule
            if last > first:
                sheet.merge_cells(start_row=SPAN_LINE, start_column=first, end_row=SPAN_LINE, end_column=last)
    for place, title in layout.titles(table).items():
        cell = write_text(sheet, HEAD_LINE, place, title)
        cell.font, cell.border = Font(bold=True), rule
        cell.alignment = Alignment(horizontal="left" if place <= len(layout.heads) else "right")


def _fit_columns(sheet: Worksheet, table: ResultTable, layout: _Layout) -> int:
    """Make the columns as wide as their texts; returns the characters that a row holds."""
    from openpyxl.utils import get_column_letter

    longest = dict.fromkeys(range(1, layout.width + 1), 6)
    longest |= {place: len(title) for place, title in layout.titles(table).items()}
    for heading, rows in table.groups:
        for row in rows:
            texts = dict(enumerate(layout.head_texts(table, heading, row), start=1))
            texts |= {
                place: f"{cell.text}{cell.significance}" for place, cell in zip(layout.places, row.cells, strict=True)
            }
            for place, text in texts.items():
                longest[place] = max(longest[place], len(text))
    for place, length in longest.items():
        sheet.column_dimensions[get_column_letter(place)].width = min(length + 2, WIDEST_COLUMN)
    return sum(min(length + 2, WIDEST_COLUMN) for length in longest.values())


def _paragraph(sheet: Worksheet, line: int, width: int, characters: int, text: str) -> None:
    from openpyxl.styles import Alignment

    write_text(sheet, line, 1, text).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.merge_cells(start_row=line, start_column=1, end_row=line, end_column=width)
    # Merged cells do not grow with their text: 15 points a line.
    sheet.row_dimensions[line].height = 15.0 * math.ceil(1.1 * len(text) / characters + 0.2)


def _without_times(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>", b"", data)
            item = zipfile.ZipInfo(name, EPOCH)
            item.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(item, data)
    return out.getvalue()
