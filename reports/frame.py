"""The one table that a report is made from: a row per test case and condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biclip_bench.errors import UserError

CLEAN = "clean"
"""Name of the corruption at severity 0."""

HIGHEST_SEVERITY = 5

TEXT_COLUMNS = ("dataset", "model", "corruption", "case", "group")
SCORE_COLUMNS = ("dice", "iou")
COUNT_COLUMNS = ("true_positive", "false_positive", "false_negative")
FURTHER_SCORES = ("hd95", "nsd", "sensitivity", "precision", "area_error", "ece")
"""Scores that a row may lack: they are NaN where they have no meaning, and where they were not computed."""

KEY_COLUMNS = ("dataset", "model", "labels", "draw", "seed", "corruption", "severity", "case", "group")
COLUMNS = (*KEY_COLUMNS, *SCORE_COLUMNS, *COUNT_COLUMNS)
"""What every frame has; the further scores may be missing."""

CONDITION = ("dataset", "model", "labels", "corruption", "severity")
"""What a score is reported for; the rows of a condition differ in case, label draw and seed."""

CELL = (*CONDITION, "draw", "seed")
"""One trained model under one corruption at one severity."""

Counts = pd.Series | NDArray[np.int64]
"""Pixels counted, one number a row or case."""

FURTHER_RANGES = dict.fromkeys(FURTHER_SCORES, (0.0, 1.0)) | {"hd95": (0.0, np.inf), "area_error": (-1.0, 1.0)}

SCORE_TOLERANCE = 1e-4
"""How far a stored score may lie from its own counts: well above float32 rounding, below any printed digit."""


def validate_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a frame of per-case scores and bring it into one order.

    The columns, in this order (others are dropped):

    ==================  =====  ====================================================================
    ``dataset``         str    name of the data set
    ``model``           str    name of the model
    ``labels``          float  percent of the training labels that the model saw, in (0, 100]
    ``draw``            int    number of the draw of the labelled cases, 0 or more; 0 where the column is missing
    ``seed``            int    seed of the training, 0 or more
    ``corruption``      str    ``"clean"`` at severity 0, else the name of the corruption
    ``severity``        int    0 (clean) to 5
    ``case``            str    the test case, unique in the data set
    ``group``           str    its patient (or study): the unit that intervals resample
    ``dice``, ``iou``   float  scores of the case in [0, 1]; 1 where truth and prediction are empty
    ``true_positive``   int    pixels on the case's native mask grid
    ``false_positive``  int    likewise
    ``false_negative``  int    likewise
    ``hd95``            float  95th percentile of the distance between the outlines, 0 or more
    ``nsd``             float  normalised surface Dice in [0, 1]
    ``sensitivity``     float  share of the lesion that was found, in [0, 1]; NaN where there is no lesion
    ``precision``       float  share of the prediction that is lesion, in [0, 1]; NaN where nothing was predicted
    ``area_error``      float  predicted minus true area as a share of the image, in [-1, 1]
    ``ece``             float  expected calibration error in [0, 1]; NaN where there are masks and no probabilities
    ==================  =====  ====================================================================

    The last six are the further scores: a missing column is taken as NaN, for scores from before they existed.

    Parameters
    ----------
    frame
        Rows in any order, with at least these columns (the further scores apart).

    Returns
    -------
    DataFrame
        A copy with exactly these columns and dtypes, sorted by dataset, model, labels, corruption, severity, draw,
        seed and case, so that nothing made from it depends on the order of the rows.

    Raises
    ------
    UserError
        If a column is missing, a value is missing or out of range, a case occurs twice in a condition or belongs to
        two groups, a severity and its corruption contradict each other, or a score contradicts its own counts.
    """
    # Scores from before there were draws have none: each of their seeds drew for itself.
    frame = frame.assign(draw=frame["draw"].fillna(0) if "draw" in frame.columns else 0)
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise UserError(
            f"The table of scores lacks the column(s) {', '.join(missing)}. "
            f"It needs one row per test case and condition with: {', '.join(COLUMNS)}."
        )
    if len(frame) == 0:
        raise UserError("The table of scores has no rows: evaluate at least one model on one condition first.")

    columns = {column: _typed(frame, column) for column in COLUMNS}
    columns |= {column: _further(frame, column) for column in FURTHER_SCORES}
    checked = pd.DataFrame(columns)
    _check_ranges(checked)
    _check_scores_against_counts(checked)

    key = combined_codes(checked, (*CELL, "case"))
    order = np.argsort(key, kind="stable")
    repeated = np.flatnonzero(np.diff(key[order]) == 0)
    if len(repeated):
        row = checked.iloc[order[repeated[0]]]
        raise UserError(
            f"Case {row['case']!r} occurs twice for {_condition_text(row)}: each test case has one row per condition."
        )
    checked = checked.iloc[order].reset_index(drop=True)
    _check_one_group_a_case(checked)
    return checked


def _typed(frame: pd.DataFrame, column: str) -> pd.Series:
    values = frame[column].reset_index(drop=True)
    _refuse(values.isna(), column, values, "is empty: every row needs a value")
    if column in TEXT_COLUMNS:
        words = values.astype(str)
        _refuse(words.str.strip() == "", column, values, "is empty: every row needs a value")
        return words
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    _refuse(pd.Series(~np.isfinite(numbers.to_numpy())), column, values, "is not a finite number")
    if column in ("labels", *SCORE_COLUMNS):
        return numbers
    _refuse(numbers != np.round(numbers), column, values, "is not a whole number")
    return numbers.astype(np.int64)


def _further(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame.columns:
        return pd.Series(np.full(len(frame), np.nan))
    values = frame[column].reset_index(drop=True)
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    _refuse(numbers.isna() & values.notna(), column, values, "is not a number")
    low, high = FURTHER_RANGES[column]
    _refuse((numbers < low) | (numbers > high), column, values, f"is not in [{low:g}, {high:g}]")
    return numbers


def _check_ranges(frame: pd.DataFrame) -> None:
    labels, severity = frame["labels"], frame["severity"]
    _refuse((labels <= 0) | (labels > 100), "labels", labels, "is not a percentage in (0, 100]")
    _refuse(
        (severity < 0) | (severity > HIGHEST_SEVERITY), "severity", severity, f"is not between 0 and {HIGHEST_SEVERITY}"
    )
    _refuse(
        (frame["corruption"] == CLEAN) != (severity == 0),
        "corruption",
        frame["corruption"],
        f"contradicts the row's severity: {CLEAN!r} goes with severity 0, every other corruption with 1 or more",
    )
    for column in SCORE_COLUMNS:
        _refuse((frame[column] < 0) | (frame[column] > 1), column, frame[column], "is not in [0, 1]")
    for column in ("draw", "seed", *COUNT_COLUMNS):
        _refuse(frame[column] < 0, column, frame[column], "is negative")


def _check_scores_against_counts(frame: pd.DataFrame) -> None:
    overlap, errors = frame["true_positive"], frame["false_positive"] + frame["false_negative"]
    for column, expected in (("dice", dice_of_counts(overlap, errors)), ("iou", iou_of_counts(overlap, errors))):
        _refuse(
            pd.Series(np.abs(frame[column].to_numpy() - expected) > SCORE_TOLERANCE),
            column,
            frame[column],
            "contradicts the row's true_positive, false_positive and false_negative counts "
            "(both must come from the native mask grid, and two empty masks score 1)",
        )


def _check_one_group_a_case(frame: pd.DataFrame) -> None:
    pairs = frame[["dataset", "case", "group"]].drop_duplicates()
    twice = pairs[pairs.duplicated(["dataset", "case"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        groups = sorted(twice.loc[(twice["dataset"] == first["dataset"]) & (twice["case"] == first["case"]), "group"])
        raise UserError(
            f"Case {first['case']!r} of data set {first['dataset']!r} belongs to the groups {', '.join(groups)}: "
            "a case has one group (its patient) in all rows."
        )


def _refuse(bad: pd.Series, column: str, values: pd.Series, why: str) -> None:
    """Raise for the first bad row, counted from 1."""
    rows = np.flatnonzero(bad.to_numpy())
    if len(rows):
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        raise UserError(
            f"In row {rows[0] + 1} of the table of scores, {column} = {values.iloc[rows[0]]!r} {why}{more}."
        )


def _condition_text(row: pd.Series) -> str:
    model, labels = row["model"], row["labels"]
    trained = f"draw {row['draw']}, seed {row['seed']}" if row["draw"] else f"seed {row['seed']}"
    return f"model {model!r} at {labels:g}% labels, {trained}, {row['corruption']} {row['severity']}"


def combined_codes(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    """Give each row's combination of values a number, so that the numbers sort as the values do."""
    key = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        codes, values = pd.factorize(frame[column], sort=True)
        key = key * len(values) + codes
    return key


def dice_of_counts(overlap: Counts, errors: Counts) -> NDArray[np.float64]:
    """Compute Dice = 2 TP / (2 TP + FP + FN), and 1 where there is nothing to find and nothing was found.

    Parameters
    ----------
    overlap
        True positive pixels.
    errors
        False positive plus false negative pixels.
    """
    total = 2 * overlap + errors
    return np.where(total > 0, 2 * overlap / np.maximum(total, 1), 1.0)


def iou_of_counts(overlap: Counts, errors: Counts) -> NDArray[np.float64]:
    """Compute IoU = TP / (TP + FP + FN), and 1 where there is nothing to find and nothing was found.

    Parameters
    ----------
    overlap
        True positive pixels.
    errors
        False positive plus false negative pixels.
    """
    total = overlap + errors
    return np.where(total > 0, overlap / np.maximum(total, 1), 1.0)
