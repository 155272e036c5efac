"""Tables as CSV: the numbers in full precision."""

from __future__ import annotations

import csv
import io
import math
import re

from .markup import plain_headings
from .result_table import ResultTable, TableCell, TableRow

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(table: ResultTable) -> str:
    """Print a table as CSV: a line a row, a column a number, in full precision and the unit of the table.

    Intervals follow their number as ``NAME_low`` and ``NAME_high``, what holds for a single number (a published one's
    convention and source) as ``NAME_remark``. Marks and signs are left out, and so are numbers that do not exist.
    Text that a spreadsheet would take for a formula begins with an apostrophe; numbers never do.

    Returns
    -------
    str
        UTF-8 text with Unix line ends.
    """
    grouped = any(heading for heading, _ in table.groups)
    rows = [(heading, row) for heading, rows in table.groups for row in rows]
    daggers = any(row.trained_for for _, row in rows)
    columns = [
        _Column(_key(name), [row.cells[place] for _, row in rows]) for place, name in enumerate(plain_headings(table))
    ]
    head = [*([_key(table.grouping)] if grouped else []), *map(_key, table.heads)]
    lines = [[*head, *(["trained_for"] if daggers else []), *(name for column in columns for name in column.names)]]
    for place, (heading, row) in enumerate(rows):
        lines.append(
            [
                *([plain_text(heading)] if grouped else []),
                *_heads(table, row),
                *([str(row.trained_for).lower()] if daggers else []),
                *(value for column in columns for value in column.values(place)),
            ]
        )
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def plain_text(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class _Column:
    """A column of cells with the columns of text that belong to it."""

    def __init__(self, key: str, cells: list[TableCell]) -> None:
        self.cells = cells
        self.is_words = all(math.isnan(cell.value) for cell in cells) and any(len(cell.text) > 1 for cell in cells)
        self.has_interval = any(not math.isnan(cell.low) for cell in cells)
        self.has_remark = any(cell.remark for cell in cells)
        self.names = [
            key,
            *([f"{key}_low", f"{key}_high"] if self.has_interval else []),
            *([f"{key}_remark"] if self.has_remark else []),
        ]

    def values(self, place: int) -> list[str]:
        cell = self.cells[place]
        return [
            plain_text(cell.text) if self.is_words else _full(cell.value),
            *([_full(cell.low), _full(cell.high)] if self.has_interval else []),
            *([plain_text(cell.remark)] if self.has_remark else []),
        ]


def _heads(table: ResultTable, row: TableRow) -> list[str]:
    return [plain_text(row.model), *([row.labels.removesuffix("%")] if len(table.heads) > 1 else [])]


def _full(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _key(heading: str) -> str:
    if heading.isdecimal():
        return f"severity_{heading}"
    return re.sub(r"[^\w%]+", "_", heading.lower()).strip("_")
