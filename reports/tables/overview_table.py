"""The overview: one row per model and label fraction, over all corruptions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.analysis import Analysis
from ..inference.targets import ALL
from ..wording import NO_VALUE, corruption_names, joined, labels_text
from .captions import caption, trained_note
from .marks import HIGHER, LOWER, blind_models, mark_best, model_labels, records
from .number_cells import cell_of, number_text
from .result_table import ResultTable, TableCell, TableRow
from .signs import PairedTests, marks_note, with_signs


class Column(NamedTuple):
    """A heading, the analysis' column behind it, which way is better, and its interval's columns."""

    heading: str
    source: str
    better: str
    interval: str = "none"


COLUMNS = (
    Column("Clean", "dice_clean", HIGHER),
    Column("Corrupted", "dice_corrupted", HIGHER, interval="dice_corrupted"),
    Column("Retention", "dice_retention", HIGHER),
    Column("Area", "dice_area", HIGHER),
    Column("Drop", "dice_drop", LOWER),
    Column("mCE", "mean_corruption_error", LOWER),
)

MEANINGS = {
    "Corrupted": "Corrupted is the mean over severities and corruptions, with its {level:g}% bootstrap interval",
    "Retention": "Retention is Corrupted as a share of Clean",
    "Area": "Area is that under the severity curve",
    "Drop": "Drop is the Dice lost per severity step in percentage points",
    "mCE": "mCE is the mean corruption error relative to {reference} (100), higher is worse",
    "Below {bar}": "Below {bar} is the first severity of any corruption at which the mean Dice lies below {bar}",
    "Rank": "Rank is that of the mean Dice, with its bootstrap interval",
}


def overview_table(analysis: Analysis, details: ReportDetails, tests: PairedTests) -> ResultTable | None:
    """Build the overview from the analysis' table ``overall``.

    Columns without any number are left out.

    Parameters
    ----------
    analysis
        The numbers.
    details
        Order and setting.
    tests
        Paired tests, for the signs of the clean and the corrupted Dice.

    Returns
    -------
    ResultTable or None
        None where the analysis has no such table.
    """
    overall = analysis.overall
    if overall.empty:
        return None
    blind = blind_models(details)
    keys = model_labels(overall, details)
    found = {(row["model"], row["labels"]): row for row in records(overall)}
    shown = [column for column in COLUMNS if column.source in overall and overall[column.source].notna().any()]
    bar = f"{100 * analysis.options.bar:g}"
    extra = _below_bar(analysis.summary), _ranks(analysis.ranks)
    rows = []
    for model, labels in keys:
        cells = [cell_of(found[(model, labels)], c.source, c.interval) for c in shown]
        cells += [column.get((model, labels), TableCell(NO_VALUE)) for column in extra if column]
        rows.append(TableRow(model, labels_text(labels), _trained_for_any(model, analysis, details), tuple(cells)))
    headings = [*(column.heading for column in shown)]
    headings += [name for name, column in zip((f"Below {bar}", "Rank"), extra, strict=True) if column]
    better = [*(column.better for column in shown), *([""] * sum(bool(column) for column in extra))]
    marked = mark_best(rows, better, blind)
    corruptions = corruption_names(analysis.scores)
    for heading, condition in {"Clean": CLEAN, "Corrupted": corruptions[0] if len(corruptions) == 1 else ALL}.items():
        if heading in headings:
            marked = with_signs(marked, headings.index(heading), condition, tests, blind)
    untold = details.untold_training(analysis.scores["model"].tolist()) if corruptions else []
    words = {
        "reference": analysis.reference,
        "bar": bar,
        "level": 100 * analysis.options.level,
    }
    meanings = [text.format(**words) for name, text in MEANINGS.items() if name.format(**words) in headings]
    return ResultTable(
        "overview",
        "Overview",
        caption(
            "Dice, mean over cases (%), over all corruptions",
            analysis.scores,
            details,
        ),
        tuple(headings),
        (("", marked),),
        joined(
            f"{'; '.join(meanings)}." if meanings else "",
            trained_note(any(row.trained_for for row in marked), untold),
            marks_note(marked, tests, blind),
        ),
        intervals=True,
    )


def _trained_for_any(model: str, analysis: Analysis, details: ReportDetails) -> bool:
    return any(details.trained_for(model, corruption) for corruption in corruption_names(analysis.scores))


def _below_bar(summary: pd.DataFrame) -> dict[tuple[str, float], TableCell]:
    if "severity_below_bar" not in summary:
        return {}
    cells = {}
    earliest = summary.groupby(["model", "labels"])[["severity_below_bar"]].min().reset_index()
    for row in records(earliest):
        first = float(row["severity_below_bar"])
        cells[(row["model"], row["labels"])] = (
            TableCell("never", value=math.inf) if math.isnan(first) else TableCell(f"{first:.0f}", value=first)
        )
    return cells


def _ranks(ranks: pd.DataFrame) -> dict[tuple[str, float], TableCell]:
    if ranks.empty:
        return {}
    corruptions = set(ranks["corruption"]) - {CLEAN}
    wanted = ALL if ALL in corruptions else min(corruptions, default=CLEAN)
    return {(row["model"], row["labels"]): _rank(row) for row in records(ranks[ranks["corruption"] == wanted])}


def _rank(row: dict[str, Any]) -> TableCell:
    if math.isnan(row["rank"]):
        return TableCell(NO_VALUE)
    low, high = float(row["rank_low"]), float(row["rank_high"])
    text = number_text(row["rank"], 0)
    if math.isnan(low) or math.isnan(high):
        return TableCell(text, value=float(row["rank"]))
    interval = f"{number_text(low, 0)}\u2013{number_text(high, 0)}"
    return TableCell(f"{text} ({interval})", value=float(row["rank"]), low=low, high=high)
