"""Cells of a workbook: text that stays text, numbers that look as the table prints them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

from .result_table import TableCell

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
_NUMBER = re.compile(r"([+-]?)\d+(?:\.(\d+))?(.*)")


def write_text(sheet: Worksheet, line: int, place: int, text: str) -> Cell:
    """Write text that stays text: never a formula, not even after a reader has edited the cell.

    Characters that the format cannot hold are left out.

    Parameters
    ----------
    sheet
        Where to.
    line, place
        Row and column, counted from 1.
    text
        Any text.
    """
    cell = cast("Cell", sheet.cell(line, place))
    cell.value = _ILLEGAL.sub("", text)
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    return cell


def write_number(sheet: Worksheet, line: int, place: int, cell: TableCell, value: float) -> Cell:
    """Write a number in full precision, shown with the decimals and the sign of a table's cell.

    A value that is not finite is written as the cell's text.

    Parameters
    ----------
    sheet
        Where to.
    line, place
        Row and column, counted from 1.
    cell
        How it is shown.
    value
        The number: the cell's own, or an end of its interval.
    """
    from openpyxl.styles import Alignment, Font

    if math.isfinite(value):
        written = cast("Cell", sheet.cell(line, place))
        written.value = value
        written.number_format = number_format(cell)
    else:
        written = write_text(sheet, line, place, cell.text)
    written.alignment = Alignment(horizontal="right")
    if cell.mark:
        written.font = Font(bold=True) if cell.mark == "best" else Font(underline="single")
    return written


def number_format(cell: TableCell) -> str:
    """Write the format that shows a number as the table prints it: its decimals, its plus, and what follows."""
    found = _NUMBER.fullmatch(cell.text)
    if found is None:
        return _literal(cell.text)
    sign, decimals, rest = found.groups()
    digits = "0" + (f".{'0' * len(decimals)}" if decimals else "")
    after = _literal(f"{rest}{cell.significance}")
    return f"+{digits}{after};-{digits}{after};{digits}{after}" if sign else f"{digits}{after}"


def _literal(text: str) -> str:
    return '"{}"'.format(text.replace('"', "")) if text else ""
