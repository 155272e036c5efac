"""Bootstrap over patients: one set of resampled patients for every model and condition of a data set."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import CELL, CONDITION, COUNT_COLUMNS, SCORE_COLUMNS, combined_codes, dice_of_counts, iou_of_counts

MINIMUM_GROUPS = 8
"""With fewer patients than this a percentile interval is too narrow to be shown.

For normal scores of n patients a nominal 95% interval covers the truth with probability
P(abs(t) < 1.96 sqrt((n - 1) / n)), t having n - 1 degrees of freedom: 0.94 at 40, 0.89 at 8, 0.85 at 5.
"""

WEIGHTS_A_BLOCK = 2_000_000
"""Most weights (resamples x groups) held at once: 16 MB."""


@dataclass(frozen=True)
class ResampledScores:
    """Scores of every condition with their bootstrap replicates.

    Parameters
    ----------
    conditions
        One row per condition, sorted: the columns of ``CONDITION``, ``n_cases``, ``n_groups``, ``n_draws``, ``n_seeds``
        and the point estimates ``dice_mean``, ``iou_mean``, ``dice_pooled``, ``iou_pooled``.
    replicates
        For ``"dice"`` and ``"iou"`` an array (resamples, conditions): the mean over cases (and seeds) in each
        resample. A row of it belongs to the same resampled patients in all conditions of a data set, so that
        differences and ratios of columns are paired.
    """

    conditions: pd.DataFrame
    replicates: dict[str, NDArray[np.float64]]


def resample_scores(frame: pd.DataFrame, *, resamples: int, seed: int) -> ResampledScores:
    """Bootstrap the mean scores of every condition over groups (patients) and, where there are several, trainings.

    A resample draws as many groups as there are, with replacement, and takes the mean over all their cases (a ratio
    of sums, so a patient with more slices weighs more, as in the mean over cases itself). Patients and seeds are
    crossed (every seed's model sees every patient), hence both are drawn independently and the resampled patients
    are shared by the seeds (the crossed or "pigeonhole" bootstrap: Owen 2007, Annals of Applied Statistics 1(2)).
    Draws of the labelled cases are a third factor, crossed in the same way where every draw has every seed; where the
    grid has gaps, its trainings are drawn as one factor.

    Parameters
    ----------
    frame
        A frame as returned by :func:`~biclip_bench.reports.frame.validate_frame`.
    resamples
        Number of bootstrap resamples; 0 for the point estimates alone.
    seed
        Seed of the resampling. Each data set has a stream of its own: another data set, model or condition in the
        frame changes nothing.
    """
    cell_of_row = np.unique(combined_codes(frame, CELL), return_inverse=True)[1]
    cells = _cell_table(frame, cell_of_row)
    condition_of_cell = np.unique(combined_codes(cells, CONDITION), return_inverse=True)[1]
    conditions = _condition_table(frame, cells, condition_of_cell)

    replicates = {column: np.full((resamples, len(conditions)), np.nan) for column in SCORE_COLUMNS}
    for dataset in conditions["dataset"].unique() if resamples else ():
        rows = (frame["dataset"] == dataset).to_numpy()
        inside = np.flatnonzero((cells["dataset"] == dataset).to_numpy())
        stream = (seed, zlib.crc32(dataset.encode()))
        means = _replicate_cells(frame[rows], cell_of_row[rows] - inside[0], len(inside), resamples, stream)
        for column in SCORE_COLUMNS:
            _replicate_conditions(replicates[column], means[column], condition_of_cell[inside], conditions, stream)
    return ResampledScores(conditions, replicates)


def _cell_table(frame: pd.DataFrame, cell_of_row: NDArray[np.int64]) -> pd.DataFrame:
    first = np.unique(cell_of_row, return_index=True)[1]
    cells = frame.iloc[first][list(CELL)].reset_index(drop=True)
    rows = np.bincount(cell_of_row)
    for column in SCORE_COLUMNS:
        cells[f"{column}_mean"] = np.bincount(cell_of_row, weights=frame[column]) / rows
    overlap, *errors = (pd.Series(np.bincount(cell_of_row, weights=frame[column])) for column in COUNT_COLUMNS)
    cells["dice_pooled"] = dice_of_counts(overlap, errors[0] + errors[1])
    cells["iou_pooled"] = iou_of_counts(overlap, errors[0] + errors[1])
    return cells


def _condition_table(frame: pd.DataFrame, cells: pd.DataFrame, condition_of_cell: NDArray[np.int64]) -> pd.DataFrame:
    first = np.unique(condition_of_cell, return_index=True)[1]
    conditions = cells.iloc[first][list(CONDITION)].reset_index(drop=True)
    condition_of_row = np.unique(combined_codes(frame, CONDITION), return_inverse=True)[1]
    for name, column in (("n_cases", "case"), ("n_groups", "group")):
        codes, values = pd.factorize(frame[column])
        pairs = np.unique(condition_of_row * len(values) + codes)
        conditions[name] = np.bincount(pairs // len(values))
    trainings = np.bincount(condition_of_cell)
    for name, column in (("n_draws", "draw"), ("n_seeds", "seed")):
        codes, values = pd.factorize(cells[column])
        conditions[name] = np.bincount(np.unique(condition_of_cell * len(values) + codes) // len(values))
    for column in ("dice_mean", "iou_mean", "dice_pooled", "iou_pooled"):
        conditions[column] = np.bincount(condition_of_cell, weights=cells[column]) / trainings
    return conditions


def _replicate_cells(
    frame: pd.DataFrame, cell_of_row: NDArray[np.int64], n_cells: int, resamples: int, stream: tuple[int, int]
) -> dict[str, NDArray[np.float64]]:
    """Compute every cell's mean score in every resample: arrays (resamples, cells) of one data set."""
    group_of_row, groups = pd.factorize(frame["group"], sort=True)
    n_groups = len(groups)

    def summed(weights: pd.Series | None) -> NDArray[np.float64]:
        flat = np.bincount(group_of_row * n_cells + cell_of_row, weights=weights, minlength=n_groups * n_cells)
        return flat.reshape(n_groups, n_cells).astype(np.float64)

    counts = summed(None)
    if (counts == counts[:, :1]).all():
        counts = counts[:, :1]
    sums = {column: summed(frame[column]) for column in SCORE_COLUMNS}

    means = {column: np.empty((resamples, n_cells)) for column in SCORE_COLUMNS}
    generator = np.random.default_rng([*stream, 1])
    block = max(1, WEIGHTS_A_BLOCK // n_groups)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        weights = _multinomial_weights(generator, stop - start, n_groups)
        drawn = weights @ counts
        for column in SCORE_COLUMNS:
            # A condition that lacks most groups may draw none of its own: such a resample has no mean.
            with np.errstate(invalid="ignore", divide="ignore"):
                means[column][start:stop] = (weights @ sums[column]) / drawn
    return means


def _replicate_conditions(
    out: NDArray[np.float64],
    means: NDArray[np.float64],
    condition_of_cell: NDArray[np.int64],
    table: pd.DataFrame,
    stream: tuple[int, int],
) -> None:
    """Average the cells of each condition over its trainings, resampled where there are several; fills ``out``."""
    conditions, first, n_cells = np.unique(condition_of_cell, return_index=True, return_counts=True)
    draws, seeds = (table[name].to_numpy()[conditions] for name in ("n_draws", "n_seeds"))
    gaps = draws * seeds != n_cells
    draws, seeds = np.where(gaps, 1, draws), np.where(gaps, n_cells, seeds)
    for n_draws, n_seeds in sorted(set(zip(draws.tolist(), seeds.tolist(), strict=True))):
        chosen = (draws == n_draws) & (seeds == n_seeds)
        # Cells are sorted by condition, then draw, then seed: those of a condition lie side by side.
        columns = first[chosen, None] + np.arange(n_draws * n_seeds)
        of_seeds = _factor_weights(n_seeds, len(means), [*stream, n_seeds])
        of_draws = _factor_weights(n_draws, len(means), [*stream, n_draws, 0])
        weights = (of_draws[:, :, None] * of_seeds[:, None]).reshape(len(means), -1)
        out[:, conditions[chosen]] = np.einsum("rct,rt->rc", means[:, columns], weights)


def _factor_weights(levels: int, resamples: int, stream: list[int]) -> NDArray[np.float64]:
    """Draw the weights (resamples, levels) of a factor's levels, which sum to one."""
    if levels == 1:
        return np.ones((resamples, 1))
    return _multinomial_weights(np.random.default_rng(stream), resamples, levels) / levels


def _multinomial_weights(generator: np.random.Generator, resamples: int, size: int) -> NDArray[np.float64]:
    """Draw how often each of ``size`` units is taken in ``size`` draws with replacement: (resamples, size)."""
    drawn = generator.integers(0, size, size=(resamples, size))
    drawn += np.arange(resamples)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size).astype(np.float64)
