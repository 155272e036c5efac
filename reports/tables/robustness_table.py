"""The robustness table as plain cells, from which every printed form is made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from biclip_bench.errors import UserError

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.statistics import MEASURES
from ..wording import (
    DAGGER,
    EMPTY_RULE,
    FEW_PATIENTS,
    MEASURE_NAMES,
    NO_VALUE,
    corruption_names,
    few_patients,
    labels_text,
    percent,
    percent_interval,
    sample_text,
)


@dataclass(frozen=True)
class TableCell:
    """A number in percent and, where there is one, its interval (``"80.1 to 83.5"``)."""

    text: str
    interval: str = ""


@dataclass(frozen=True)
class TableRow:
    """One model at one label fraction; ``trained_for`` marks it with a dagger."""

    model: str
    labels: str
    trained_for: bool
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class RobustnessTable:
    """One measure of every model under every corruption.

    Parameters
    ----------
    measure
        Key of ``MEASURE_NAMES``.
    caption
        What is shown, on which cases, in which setting.
    columns
        Headings of the cells: ``clean``, the severities, ``mean``, ``retention``.
    groups
        The rows of each corruption, by its name.
    note
        Explains the dagger, and names the models whose training is not known; an empty string where there is neither.
    """

    measure: str
    caption: str
    columns: tuple[str, ...]
    groups: tuple[tuple[str, tuple[TableRow, ...]], ...]
    note: str


def robustness_tables(scores: pd.DataFrame, summary: pd.DataFrame, details: ReportDetails) -> list[RobustnessTable]:
    """Build one table per measure: Dice and IoU, as mean over cases and pooled.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    summary
        Result of :func:`~biclip_bench.reports.inference.statistics.robustness_summary` for the same cases.
    details
        Order, profile and which model was trained for which corruption.

    Returns
    -------
    list[RobustnessTable]
        In the order of ``MEASURE_NAMES``, the main measure first.
    """
    return [robustness_table(scores, summary, details, measure) for measure in MEASURE_NAMES]


def robustness_table(
    scores: pd.DataFrame, summary: pd.DataFrame, details: ReportDetails, measure: str, corruptions: Sequence[str] = ()
) -> RobustnessTable:
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
    groups = [
        (corruption, tuple(_rows(scores, summary, details, measure, corruption, severities))) for corruption in shown
    ]
    if not groups:
        groups = [(CLEAN, tuple(_rows(scores, summary, details, measure, CLEAN, severities)))]
    marked = any(row.trained_for for _, rows in groups for row in rows)
    untold = details.untold_training(scores["model"].tolist()) if shown else []
    columns = ("clean", *map(str, severities), "mean", "retention") if shown else ("clean",)
    caption = table_caption(scores, details, measure)
    return RobustnessTable(measure, caption, columns, tuple(groups), trained_note(marked, untold))


def table_caption(scores: pd.DataFrame, details: ReportDetails, measure: str) -> str:
    """Say what a table shows: measure and convention, cases, patients, seeds, setting."""
    sentences = [f"{MEASURE_NAMES[measure]} (%), on {details.dataset} ({details.split}): {sample_text(scores)}."]
    if corruption_names(scores):
        sentences.append("Mean is over the severities; retention is the mean as a share of clean.")
    if few_patients(scores):
        sentences.append(FEW_PATIENTS)
    return " ".join([*sentences, EMPTY_RULE, f"Setting: {details.profile.rstrip('.')}."])


def trained_note(marked: bool, untold: Sequence[str] = ()) -> str:
    """Explain the dagger, where there is one, and name the models whose training may or may not have earned one."""
    sentences = []
    if marked:
        sentences.append(
            f"{DAGGER} This model's training saw the corruption's family: its robustness to it was trained for."
        )
    if untold:
        sentences.append(
            f"Whether the training of {' and '.join(untold)} saw a tested corruption's family is not stated."
        )
    return " ".join(sentences)


def _rows(
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    details: ReportDetails,
    measure: str,
    corruption: str,
    severities: Sequence[int],
) -> list[TableRow]:
    conditions = {(row["model"], row["labels"], row["corruption"], row["severity"]): row for row in _records(scores)}
    curves = {(row["model"], row["labels"], row["corruption"]): row for row in _records(summary)}
    rows = []
    for model in details.order_models(scores["model"].tolist()):
        for labels in sorted(set(scores.loc[scores["model"] == model, "labels"])):
            wanted = [(model, labels, CLEAN, 0), *((model, labels, corruption, severity) for severity in severities)]
            cells = [_cell(conditions.get(key), MEASURES[measure], measure) for key in wanted]
            curve = curves.get((model, labels, corruption))
            if curve is None and corruption != CLEAN:
                continue
            if curve is not None:
                cells += [_cell(curve, f"{measure}_{name}", f"{measure}_{name}") for name in ("corrupted", "retention")]
            rows.append(TableRow(model, labels_text(labels), details.trained_for(model, corruption), tuple(cells)))
    return rows


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _cell(row: Mapping[str, Any] | None, column: str, interval: str) -> TableCell:
    if row is None:
        return TableCell(NO_VALUE)
    low, high = row.get(f"{interval}_low", math.nan), row.get(f"{interval}_high", math.nan)
    return TableCell(percent(row[column]), percent_interval(low, high))
