"""The robustness table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.statistics import robustness_summary
from ..wording import FEW_PATIENTS, MEASURE_NAMES, few_patients, sample_text
from .captions import trained_note
from .result_table import TableCell
from .robustness_table import robustness_table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def summary_table(
    scores: pd.DataFrame,
    corruption: str,
    details: ReportDetails | None = None,
    *,
    measure: str = "dice",
    summary: pd.DataFrame | None = None,
) -> Table:
    """Build the table of one corruption: a row per model and label fraction, in percent.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    corruption
        Which corruption; ``"clean"`` for the clean scores alone.
    details
        Order of the models and which of them were trained for the corruption; None for alphabetical order and no
        marks.
    measure
        ``"dice"``, ``"iou"`` (means over cases), ``"dice_pooled"`` or ``"iou_pooled"``.
    summary
        The robustness summary of these scores, where it is there already; else it is made here.

    Returns
    -------
    Table
        No wider than 80 columns with five severities: long names fold.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    notes = details or ReportDetails("", "", True, "", "")
    content = robustness_table(
        scores, robustness_summary(scores) if summary is None else summary, notes, measure, [corruption]
    )
    note = trained_note(
        any(row.trained_for for _, rows in content.groups for row in rows),
        notes.untold_training(scores["model"].tolist()) if corruption != CLEAN else [],
    )
    table = Table(
        title=Text(f"{corruption}: {MEASURE_NAMES[measure]} (%)"),
        caption=Text(
            "\n".join(filter(None, [sample_text(scores), FEW_PATIENTS if few_patients(scores) else "", note]))
        ),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Model", overflow="fold", min_width=8)
    table.add_column("Labels", justify="right", no_wrap=True)
    for column in content.columns:
        table.add_column(column, justify="right", no_wrap=True)
    for _, rows in content.groups:
        for row in rows:
            # Text, not str: a name in square brackets is not markup.
            table.add_row(Text(row.title), Text(row.labels), *map(_styled, row.cells))
    return table


def _styled(cell: TableCell) -> Text:
    from rich.text import Text

    return Text(cell.text, style={"best": "bold", "second": "underline"}.get(cell.mark, ""))
