"""The robustness tables: one measure of every model under every corruption."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from biclip_bench.errors import UserError

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.statistics import MEASURES
from ..wording import MEASURE_NAMES, corruption_names, joined, labels_text
from .captions import caption, trained_note
from .marks import HIGHER, blind_models, mark_best, model_labels, records
from .number_cells import cell_of
from .published import PublishedScore
from .published_columns import published_columns
from .result_table import ResultTable, TableRow
from .signs import PairedTests, marks_note, with_signs

TESTED_MEASURE = "dice"
"""The comparisons test the Dice of each patient: no other measure and no pooled score has a sign from them."""


def robustness_tables(
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    details: ReportDetails,
    tests: PairedTests | None = None,
    published: Sequence[PublishedScore] = (),
) -> list[ResultTable]:
    """Build one table per measure: Dice and IoU, as mean over cases and pooled.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    summary
        Result of :func:`~biclip_bench.reports.inference.statistics.robustness_summary` for the same cases.
    details
        Order, profile and which model was trained for which corruption.
    tests
        Paired tests, for the signs in the table of mean Dice.
    published
        Published numbers of this data set; those of clean images stand in columns of their own.

    Returns
    -------
    list[ResultTable]
        In the order of ``MEASURE_NAMES``, the main measure first.
    """
    return [robustness_table(scores, summary, details, measure, (), tests, published) for measure in MEASURE_NAMES]


def robustness_table(
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    details: ReportDetails,
    measure: str,
    corruptions: Sequence[str] = (),
    tests: PairedTests | None = None,
    published: Sequence[PublishedScore] = (),
) -> ResultTable:
    """Build the table of one measure, for the given corruptions or for all; without any, the clean scores alone.

    Raises
    ------
    UserError
        If a given corruption has no scores.
    """
    shown = [name for name in corruptions or details.order_corruptions(corruption_names(scores)) if name != CLEAN]
    unknown = set(shown) - set(scores["corruption"])
    if unknown:
        known = ", ".join(corruption_names(scores))
        raise UserError(f"There are no scores for the corruption {min(unknown)!r}. Known: {known}.")
    severities = sorted(set(scores.loc[scores["corruption"].isin(shown), "severity"]))
    columns = ("Clean", *map(str, severities), "Mean", "Retention") if shown else ("Clean",)
    untested = "Only the mean Dice was tested for differences." if tests and measure != TESTED_MEASURE else ""
    tests = tests if measure == TESTED_MEASURE else None
    blind = blind_models(details)
    groups = []
    for corruption in shown or [CLEAN]:
        rows = _rows(scores, summary, details, measure, corruption, severities)
        rows = mark_best(rows, [HIGHER] * len(columns), blind)
        for heading, condition in (("Clean", CLEAN), ("Mean", corruption)):
            if tests and heading in columns:
                rows = with_signs(rows, columns.index(heading), condition, tests, blind)
        groups.append((corruption, rows))
    note = joined(
        trained_note(
            any(row.trained_for for _, rows in groups for row in rows),
            details.untold_training(scores["model"].tolist()) if shown else [],
        ),
        marks_note([row for _, rows in groups for row in rows], tests, blind),
        untested,
    )
    text = caption(
        f"{MEASURE_NAMES[measure]} (%)",
        scores,
        details,
        "Mean is over the severities; retention is the mean as a share of clean." if corruption_names(scores) else "",
    )
    table = ResultTable(measure, MEASURE_NAMES[measure], text, columns, tuple(groups), note)
    return published_columns(table, published, measure)


def _rows(
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    details: ReportDetails,
    measure: str,
    corruption: str,
    severities: Sequence[int],
) -> tuple[TableRow, ...]:
    conditions = {(row["model"], row["labels"], row["corruption"], row["severity"]): row for row in records(scores)}
    curves = {(row["model"], row["labels"], row["corruption"]): row for row in records(summary)}
    column, interval = MEASURES[measure], measure
    rows = []
    for model, labels in model_labels(scores, details):
        wanted = [(model, labels, CLEAN, 0), *((model, labels, corruption, severity) for severity in severities)]
        cells = [cell_of(conditions.get(key), column, interval) for key in wanted]
        curve = curves.get((model, labels, corruption))
        if curve is None and corruption != CLEAN:
            continue
        if curve is not None:
            cells += [cell_of(curve, f"{measure}_{name}") for name in ("corrupted", "retention")]
        rows.append(TableRow(model, labels_text(labels), details.trained_for(model, corruption), tuple(cells)))
    return tuple(rows)
