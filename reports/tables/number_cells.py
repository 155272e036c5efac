"""Numbers as cells: digits, unit and interval in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..wording import NO_VALUE
from .result_table import TableCell


def number_cell(
    value: float,
    *,
    low: float = math.nan,
    high: float = math.nan,
    factor: float = 100.0,
    digits: int = 1,
    signed: bool = False,
) -> TableCell:
    """Make a cell of a number.

    Parameters
    ----------
    value
        As computed; NaN becomes a dash.
    low, high
        Its interval; NaN where there is none.
    factor
        From ``value`` to the unit shown: 100 from a share to percent.
    digits
        Decimals printed.
    signed
        Whether a plus is printed before positive numbers.
    """
    if not np.isfinite(value):
        return TableCell(NO_VALUE)
    text = number_text(factor * value, digits, signed=signed)
    if not (np.isfinite(low) and np.isfinite(high)):
        return TableCell(text, value=factor * float(value))
    interval = (
        f"{number_text(factor * low, digits, signed=signed)} to {number_text(factor * high, digits, signed=signed)}"
    )
    return TableCell(text, interval, factor * float(value), low=factor * float(low), high=factor * float(high))


def number_text(value: float, digits: int, *, signed: bool = False) -> str:
    """Print a number with the given decimals and never as ``-0.0``."""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def cell_of(
    row: Mapping[str, Any] | None,
    column: str,
    interval: str = "",
    *,
    factor: float = 100.0,
    digits: int = 1,
    signed: bool = False,
) -> TableCell:
    """Make a cell of a table's column, with the interval ``{interval}_low`` to ``{interval}_high`` where there is one.

    Parameters
    ----------
    row
        The row's values by column; None where there is no such row, which becomes a dash.
    column
        Which value; a missing column is a missing number.
    interval
        What the interval's columns are called before ``_low`` and ``_high``; by default as ``column``.
    factor, digits, signed
        As for :func:`number_cell`.
    """
    if row is None:
        return TableCell(NO_VALUE)
    ends = (row.get(f"{interval or column}_{end}", math.nan) for end in ("low", "high"))
    low, high = (math.nan if end is None else float(end) for end in ends)
    value = row.get(column, math.nan)
    return number_cell(
        math.nan if value is None else float(value), low=low, high=high, factor=factor, digits=digits, signed=signed
    )
