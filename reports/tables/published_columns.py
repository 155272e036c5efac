"""Published numbers in a table of measured ones: columns of their own, and a table of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import NO_VALUE, joined, labels_text
from .published import (
    CONVENTIONS,
    NOT_STATED,
    PUBLISHED_MEASURES,
    PublishedScore,
    convention_text,
    published_note,
    same_model,
    sources_of,
)
from .result_table import ResultTable, TableCell, TableRow

PUBLISHED = "Published"
MEASURED = "Measured here"


def published_columns(table: ResultTable, published: Sequence[PublishedScore], measure: str) -> ResultTable:
    """Set the published scores on clean images beside a table's rows, a column a source, under a heading of their own.

    A number stands beside a model of the same name at the same label fraction, whatever its convention, which its
    letter tells. Marks and signs of the measured columns stay as they are, and no published number gets any.

    Parameters
    ----------
    table
        Rows of models.
    published
        Published numbers of the table's data set.
    measure
        ``"dice"``, ``"iou"``, ``"dice_pooled"`` or ``"iou_pooled"``.

    Returns
    -------
    ResultTable
        The table as it was where no number belongs to one of its rows.
    """
    shares = {(row.model, row.labels) for _, rows in table.groups for row in rows}
    used = [
        score
        for score in published
        if score.corruption == CLEAN
        and score.measure == measure.removesuffix("_pooled")
        and any(_belongs(score, model, labels) for model, labels in shares)
    ]
    if not used:
        return table
    sources = sources_of(used)
    groups = tuple(
        (heading, tuple(replace(row, cells=(*row.cells, *_cells(row, used, list(sources)))) for row in rows))
        for heading, rows in table.groups
    )
    return replace(
        table,
        columns=(*table.columns, *(f"Clean [{key}]" for key in sources.values())),
        groups=groups,
        spans=(*(table.spans or ((MEASURED, len(table.columns)),)), (PUBLISHED, len(sources))),
        note=joined(table.note, published_note(used)),
    )


def _belongs(score: PublishedScore, model: str, labels: str) -> bool:
    return bool(score.labels) and labels_text(float(score.labels)) == labels and same_model(score.model, model)


def _cells(row: TableRow, used: Sequence[PublishedScore], sources: Sequence[str]) -> list[TableCell]:
    found = {score.source: score for score in used if _belongs(score, row.model, row.labels)}
    return [published_cell(found.get(source)) for source in sources]


def published_cell(score: PublishedScore | None) -> TableCell:
    """Make a cell of a published number with its convention's letter; a dash where there is none."""
    if score is None:
        return TableCell(NO_VALUE)
    remark = f"published, {convention_text(score.convention)}; {score.source}"
    return TableCell(f"{score.value} ({CONVENTIONS[score.convention]})", value=float(score.value), remark=remark)


def published_table(published: Sequence[PublishedScore], details: ReportDetails) -> ResultTable | None:
    """List every published number of the data set, whether or not its method was run here.

    Returns
    -------
    ResultTable or None
        A group a condition, a row a method, label fraction and source; None without any number.
    """
    if not published:
        return None
    sources = sources_of(published)
    groups = []
    for condition in dict.fromkeys(score.condition for score in published):
        here = [score for score in published if score.condition == condition]
        rows = []
        for key in dict.fromkeys((score.model, score.labels, score.source) for score in here):
            found = {s.measure: s for s in here if (s.model, s.labels, s.source) == key}
            cells = [
                *(published_cell(found.get(name)) for name in PUBLISHED_MEASURES),
                TableCell(f"[{sources[key[2]]}]"),
            ]
            labels = labels_text(float(key[1])) if key[1] else NOT_STATED
            rows.append(TableRow(key[0], labels, False, tuple(cells)))
        groups.append((condition, tuple(rows)))
    return ResultTable(
        "published",
        "Published numbers",
        f"Numbers (%) that papers printed for {details.dataset}; none of them was measured here.",
        ("Dice", "IoU", "Source"),
        tuple(groups),
        published_note(published),
        heads=("Method", "Labels"),
        spans=((PUBLISHED, 3),),
        grouping="Condition",
    )
