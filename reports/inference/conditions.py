"""Point estimates of every condition: means over cases, pooled scores, spread of the trainings, worst cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import (
    CONDITION,
    COUNT_COLUMNS,
    FURTHER_SCORES,
    SCORE_COLUMNS,
    combined_codes,
    dice_of_counts,
    iou_of_counts,
)

WORST_SHARE = 0.1
"""Share of the cases, rounded up to whole ones, that counts as the worst."""

COUNTED = ("n_cases", "n_groups", "n_draws", "n_seeds", "n_trainings")

ESTIMATES = (
    *(f"{column}_mean" for column in (*SCORE_COLUMNS, *FURTHER_SCORES)),
    "dice_pooled",
    "iou_pooled",
    "sensitivity_pooled",
    "precision_pooled",
    "area_error_absolute",
    "dice_worst_decile",
)
"""Columns computed per trained model and then averaged over the trainings of a condition."""


def cell_table(frame: pd.DataFrame, cell_of_row: NDArray[np.int64]) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Score every cell (one trained model under one condition).

    Parameters
    ----------
    frame
        A validated frame.
    cell_of_row
        Number of each row's cell, in the order of the cells' values.

    Returns
    -------
    cells
        One row per cell: the columns of ``CONDITION``, ``draw``, ``seed`` and ``ESTIMATES``.
    condition_of_cell
        Number of each cell's condition.
    """
    first = np.unique(cell_of_row, return_index=True)[1]
    cells = frame.iloc[first][[*CONDITION, "draw", "seed"]].reset_index(drop=True)
    for column in (*SCORE_COLUMNS, *FURTHER_SCORES):
        cells[f"{column}_mean"] = _mean_of_known(cell_of_row, frame[column].to_numpy())
    cells["area_error_absolute"] = _mean_of_known(cell_of_row, np.abs(frame["area_error"].to_numpy()))
    overlap, extra, missed = (pd.Series(np.bincount(cell_of_row, weights=frame[column])) for column in COUNT_COLUMNS)
    cells["dice_pooled"] = dice_of_counts(overlap, extra + missed)
    cells["iou_pooled"] = iou_of_counts(overlap, extra + missed)
    cells["sensitivity_pooled"] = overlap / (overlap + missed).where(overlap + missed > 0)
    cells["precision_pooled"] = overlap / (overlap + extra).where(overlap + extra > 0)
    cells["dice_worst_decile"] = mean_of_worst(cell_of_row, frame["dice"].to_numpy())
    return cells, np.unique(combined_codes(cells, CONDITION), return_inverse=True)[1]


def condition_table(
    frame: pd.DataFrame,
    cells: pd.DataFrame,
    cell_of_row: NDArray[np.int64],
    condition_of_cell: NDArray[np.int64],
) -> pd.DataFrame:
    """Average the cells of every condition over its trainings.

    Returns
    -------
    DataFrame
        One row per condition: the columns of ``CONDITION``, ``n_cases``, ``n_groups``, ``n_draws``, ``n_seeds``,
        ``n_trainings`` (trained models: draws times seeds in a grid without gaps), ``n_effective`` (patients that
        count, given how unequal their numbers of cases are: the square of the sum over the sum of the squares, Kish
        1965, Survey Sampling), ``ESTIMATES`` and ``dice_seed_sd`` (standard deviation of the trainings' mean Dice; NaN
        with one training).
    """
    first = np.unique(condition_of_cell, return_index=True)[1]
    conditions = cells.iloc[first][list(CONDITION)].reset_index(drop=True)
    condition_of_row = condition_of_cell[cell_of_row]
    for name, column in (("n_cases", "case"), ("n_groups", "group")):
        codes, values = pd.factorize(frame[column])
        pairs, rows = np.unique(condition_of_row * len(values) + codes, return_counts=True)
        conditions[name] = np.bincount(pairs // len(values))
    of_pair = pairs // len(values)
    conditions["n_effective"] = np.bincount(of_pair, weights=rows) ** 2 / np.bincount(of_pair, weights=rows**2)
    trainings = np.bincount(condition_of_cell)
    for name, column in (("n_draws", "draw"), ("n_seeds", "seed")):
        codes, values = pd.factorize(cells[column])
        conditions[name] = np.bincount(np.unique(condition_of_cell * len(values) + codes) // len(values))
    conditions["n_trainings"] = trainings
    for column in ESTIMATES:
        conditions[column] = _mean_of_known(condition_of_cell, cells[column].to_numpy())
    deviation = cells["dice_mean"].to_numpy() - conditions["dice_mean"].to_numpy()[condition_of_cell]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.bincount(condition_of_cell, weights=deviation**2) / (trainings - 1))
    conditions["dice_seed_sd"] = np.where(trainings > 1, spread, np.nan)
    return conditions


def mean_of_worst(place: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the lowest tenth (``WORST_SHARE``, rounded up) of the values of each place.

    Parameters
    ----------
    place
        Number of each value's place, 0, 1, ...; every number occurs.
    values
        Finite.

    Returns
    -------
    array
        One mean per place.
    """
    sizes = np.bincount(place)
    order = np.lexsort((values, place))
    position = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # 0.1 * 30 is a little above 3 in floating point.
    taken = np.ceil(np.round(WORST_SHARE * sizes, 9))
    chosen = order[position < taken[place[order]]]
    means: NDArray[np.float64] = np.bincount(place[chosen], weights=values[chosen]) / taken
    return means


def _mean_of_known(place: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the values that are not NaN at each place; NaN where there is none."""
    known = np.isfinite(values)
    size = int(place.max(initial=-1)) + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        means: NDArray[np.float64] = np.bincount(place[known], weights=values[known], minlength=size) / np.bincount(
            place[known], minlength=size
        )
    return means
