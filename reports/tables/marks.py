"""Which numbers of a table are best and second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..details import ReportDetails
from .result_table import TableCell, TableRow

HIGHER, LOWER, NEITHER = "higher", "lower", ""


def mark_best(rows: Sequence[TableRow], better: Sequence[str], blind: Sequence[str]) -> tuple[TableRow, ...]:
    """Mark the best and the second of each column, among the models that see the image, at each label fraction.

    Numbers that print alike share their place: two that are best leave no second. Where fewer than two models have a
    number nothing is marked, nor where all print alike.

    Parameters
    ----------
    rows
        The rows of one group.
    better
        ``"higher"``, ``"lower"`` or ``""`` (no order) for each column.
    blind
        Models that never see the image: no competitors.

    Returns
    -------
    tuple[TableRow, ...]
        The rows with ``mark`` set.
    """
    marked = [list(row.cells) for row in rows]
    for column, order in enumerate(better):
        if not order:
            continue
        for labels in dict.fromkeys(row.labels for row in rows):
            rivals = [
                place
                for place, row in enumerate(rows)
                if row.labels == labels and row.model not in blind and not math.isnan(row.cells[column].value)
            ]
            for place, mark in _places({place: rows[place].cells[column] for place in rivals}, order).items():
                marked[place][column] = replace(marked[place][column], mark=mark)
    return tuple(replace(row, cells=tuple(cells)) for row, cells in zip(rows, marked, strict=True))


def _places(cells: Mapping[int, TableCell], order: str) -> dict[int, str]:
    sign = -1 if order == HIGHER else 1
    printed = {place: sign * _as_printed(cell) for place, cell in cells.items()}
    ranked = sorted(set(printed.values()))
    if len(ranked) < 2:
        return {}
    best = [place for place, value in printed.items() if value == ranked[0]]
    second = [place for place, value in printed.items() if value == ranked[1]] if len(best) == 1 else []
    return dict.fromkeys(best, "best") | dict.fromkeys(second, "second")


def _as_printed(cell: TableCell) -> float:
    try:
        return float(cell.text)
    except ValueError:
        return cell.value


def blind_models(details: ReportDetails) -> tuple[str, ...]:
    """Models whose prediction the image does not change."""
    return tuple(note.name for note in details.models if not note.uses_image)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries with text keys."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def model_labels(table: pd.DataFrame, details: ReportDetails) -> list[tuple[str, float]]:
    """Models and label fractions of a table in the order of its rows: by label fraction, then as the notes have them.

    A label fraction's models stand together, because best and second are among them.
    """
    found = set(zip(table["model"], table["labels"], strict=True))
    models = details.order_models(table["model"].tolist())
    return [
        (model, labels)
        for labels in sorted({share for _, share in found})
        for model in models
        if (model, labels) in found
    ]
