"""Bootstrap over patients: one set of resampled patients for every model and condition of a data set."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import CELL, SCORE_COLUMNS, combined_codes
from .conditions import cell_table, condition_table

MINIMUM_GROUPS = 10
"""With fewer patients than this no interval is given.

Coverage of the nominal 95% interval in percent, over 1,500 simulated data sets each (standard error 0.6):

=====================================================  ====  ====  ====  ====  ====  ====
patients                                                  6     8    10    14    20    40
=====================================================  ====  ====  ====  ====  ====  ====
normal                                                 92.9  94.9  94.5  95.2  94.7  94.7
Beta(5, 1.2), one case a patient                       91.4  93.5  93.5  95.1  95.2  94.7
three slices a patient, zeros and ones among them      92.2  93.7  94.7  94.2  94.2  95.1
one to twelve slices a patient, zeros and ones         88.5  92.9  94.1  94.9  95.1  93.0
three in four cases lost, one case a patient           82.5  89.8  91.8  95.1  95.2  97.1
one case in twelve lost, one case a patient            83.8  85.2  86.8  86.1  90.4  95.7
=====================================================  ====  ====  ====  ====  ====  ====

The last row is the limit of any such method: ten patients hold no lost case as often as not, and then nothing in them
tells that such cases exist.
"""

MINIMUM_TRAININGS = 5
"""With fewer trainings (seeds, or draws of the labelled cases) than this, trainings are not resampled.

A variance from four values has three degrees of freedom: its 95% interval runs from a third of it to fourteen times it.
With fewer trainings an interval holds for the trained models at hand alone, and every sentence that prints it says so.
"""

INTERVAL_COLUMNS = (*SCORE_COLUMNS, "hd95", "nsd")
"""The scores whose mean over cases has an interval."""

WEIGHTS_A_BLOCK = 2_000_000
"""Most weights (resamples x groups) held at once: 16 MB."""

CELLS_A_BLOCK = 2_000
"""Cells whose replicates are held at once, give or take a condition's: 32 MB with 2,000 resamples."""


@dataclass(frozen=True)
class Replicates:
    """Bootstrap replicates of several statistics: arrays (resamples, statistics).

    A row belongs to the same resampled patients in all conditions of a data set, so that differences and ratios of
    columns are paired. Where no trainings are resampled, all three are the same.

    Parameters
    ----------
    crossed
        Patients and trainings resampled.
    of_patients
        The same resampled patients with the trainings held fixed.
    of_trainings
        The same resampled trainings with the patients held fixed.
    """

    crossed: NDArray[np.float64]
    of_patients: NDArray[np.float64]
    of_trainings: NDArray[np.float64]


@dataclass(frozen=True)
class ResampledScores:
    """Scores of every condition with their bootstrap replicates.

    Parameters
    ----------
    conditions
        One row per condition, sorted, as :func:`~biclip_bench.reports.inference.conditions.condition_table` makes it.
    replicates
        For every score of ``INTERVAL_COLUMNS`` that the frame has: the mean over cases (and trainings) of every
        condition in each resample. Trainings are resampled where there are ``MINIMUM_TRAININGS`` or more.
    training_levels
        Of each condition, the number of levels of the training factor that was resampled, the smaller one where both
        draws and seeds were; 0 where the trainings were held fixed. int64 of shape (conditions,).
    """

    conditions: pd.DataFrame
    replicates: dict[str, Replicates]
    training_levels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def resample_scores(
    frame: pd.DataFrame, *, resamples: int, seed: int, columns: Sequence[str] = INTERVAL_COLUMNS
) -> ResampledScores:
    """Bootstrap the mean scores of every condition over groups (patients) and, where there are enough, trainings.

    A resample draws n - 1 of the n groups with replacement, which makes the variance of the replicates an unbiased
    estimate (Rao and Wu 1988, JASA 83(401); McCarthy and Snowden 1985), and takes the mean over all their cases (a
    ratio of sums, so a patient with more slices weighs more, as in the mean over cases itself). Patients and seeds are
    crossed (every seed's model sees every patient), hence both are drawn independently and the resampled patients
    are shared by the seeds (the crossed or "pigeonhole" bootstrap: Owen 2007, Annals of Applied Statistics 1(2)). Few
    seeds drawn with replacement would have tails too short, so seeds get normal weights of the same variance (the
    multiplier bootstrap: van der Vaart and Wellner 1996, Weak Convergence and Empirical Processes, section 2.9).
    Draws of the labelled cases are a third factor, crossed in the same way where every draw has every seed; where the
    grid has gaps, its trainings are drawn as one factor. A factor with fewer than ``MINIMUM_TRAININGS`` levels is held
    fixed.

    Parameters
    ----------
    frame
        A frame as returned by :func:`~biclip_bench.reports.frame.validate_frame`.
    resamples
        Number of bootstrap resamples; 0 for the point estimates alone.
    seed
        Seed of the resampling. Each data set has a stream of its own: another data set, model or condition in the
        frame changes nothing.
    columns
        The scores to resample, among ``INTERVAL_COLUMNS``.
    """
    cell_of_row = np.unique(combined_codes(frame, CELL), return_inverse=True)[1]
    cells, condition_of_cell = cell_table(frame, cell_of_row)
    conditions = condition_table(frame, cells, cell_of_row, condition_of_cell)
    draws, seeds = _training_grid(conditions)
    levels = training_levels(conditions)

    present = [column for column in columns if frame[column].notna().any()]
    replicates = {column: _empty(resamples, len(conditions), crossed=bool(levels.any())) for column in present}
    for dataset, own in runs(conditions["dataset"]) if resamples else ():
        # Conditions, cells and rows are sorted alike, so that a run of conditions is a run of cells and of rows.
        in_cells = slice(*np.searchsorted(condition_of_cell, [own.start, own.stop]))
        rows = slice(*np.searchsorted(cell_of_row, [in_cells.start, in_cells.stop]))
        stream = (seed, zlib.crc32(dataset.encode()))
        of_dataset = _Patients(frame.iloc[rows], cell_of_row[rows], resamples, stream)
        for block in _blocks(np.arange(own.start, own.stop), np.bincount(condition_of_cell[in_cells] - own.start)):
            start, stop = np.searchsorted(condition_of_cell, [block[0], block[-1] + 1])
            first = np.searchsorted(condition_of_cell[start:stop], block)
            for column in present:
                means = of_dataset.means(column, int(start), int(stop - start))
                points = cells[f"{column}_mean"].to_numpy()[start:stop]
                made = replicates[column]
                for n_draws, n_seeds in sorted(set(zip(draws[block].tolist(), seeds[block].tolist(), strict=True))):
                    chosen = (draws[block] == n_draws) & (seeds[block] == n_seeds)
                    # Cells are sorted by condition, then draw, then seed: those of a condition lie side by side.
                    members = first[chosen, None] + np.arange(n_draws * n_seeds)
                    made.of_patients[:, block[chosen]] = means[:, members].mean(axis=2)
                    if levels.any():
                        weights = _training_weights(n_draws, n_seeds, resamples, stream)
                        made.crossed[:, block[chosen]] = np.einsum("rct,rt->rc", means[:, members], weights)
                        made.of_trainings[:, block[chosen]] = weights @ points[members].T
    return ResampledScores(conditions, replicates, levels)


def _empty(resamples: int, size: int, *, crossed: bool) -> Replicates:
    of_patients = np.full((resamples, size), np.nan)
    return (
        Replicates(of_patients.copy(), of_patients, of_patients.copy()) if crossed else Replicates(*[of_patients] * 3)
    )


class _Patients:
    """The resampled patients of one data set, and the mean scores of its cells over them."""

    def __init__(
        self,
        frame: pd.DataFrame,
        cell_of_row: NDArray[np.int64],
        resamples: int,
        stream: tuple[int, int],
    ) -> None:
        group_of_row, groups = pd.factorize(frame["group"], sort=True)
        self._group_of_row, self._n_groups = group_of_row, len(groups)
        self._frame, self._cell_of_row = frame, cell_of_row
        self._weights = _multinomial_weights(np.random.default_rng([*stream, 1]), resamples, len(groups))

    def means(self, column: str, first: int, n_cells: int) -> NDArray[np.float64]:
        """Compute the mean score in every resample of a run of cells: (resamples, n_cells)."""
        start, stop = np.searchsorted(self._cell_of_row, [first, first + n_cells])
        values = self._frame[column].to_numpy()[start:stop]
        known = np.isfinite(values)
        place = (self._group_of_row[start:stop] * n_cells + self._cell_of_row[start:stop] - first)[known]

        def summed(weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
            flat = np.bincount(place, weights=weights, minlength=self._n_groups * n_cells)
            return flat.reshape(self._n_groups, n_cells).astype(np.float64)

        counts, sums = summed(None), summed(values[known])
        if (counts == counts[:, :1]).all():
            counts = counts[:, :1]
        means = np.empty((len(self._weights), n_cells))
        block = max(1, WEIGHTS_A_BLOCK // self._n_groups)
        for begin in range(0, len(means), block):
            weights = self._weights[begin : begin + block].astype(np.float64)
            # A condition that lacks most groups may draw none of its own: such a resample has no mean.
            with np.errstate(invalid="ignore", divide="ignore"):
                means[begin : begin + block] = (weights @ sums) / (weights @ counts)
        return means


def training_levels(conditions: pd.DataFrame) -> NDArray[np.int64]:
    """Levels of the training factor that intervals resample in each condition, 0 where trainings are held fixed.

    Parameters
    ----------
    conditions
        With ``n_draws``, ``n_seeds`` and ``n_trainings``, as condition scores have them.
    """
    levels = np.stack([np.where(n >= MINIMUM_TRAININGS, n, 0) for n in _training_grid(conditions)])
    chosen: NDArray[np.int64] = np.where((levels > 0).all(axis=0), levels.min(axis=0), levels.max(axis=0))
    return chosen


def _training_grid(conditions: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of draws and of seeds to resample over; a grid with gaps counts as one draw of that many seeds."""
    draws, seeds = (conditions[name].to_numpy() for name in ("n_draws", "n_seeds"))
    # Tables of scores from before trainings were counted have a whole grid or none that can be told.
    trainings = conditions["n_trainings"].to_numpy() if "n_trainings" in conditions else draws * seeds
    gaps = draws * seeds != trainings
    return np.where(gaps, 1, draws), np.where(gaps, trainings, seeds)


def runs(values: pd.Series) -> list[tuple[str, slice]]:
    """List the runs of equal values of a sorted column with their places."""
    codes, names = pd.factorize(values)
    ends = np.cumsum(np.bincount(codes, minlength=len(names))).tolist()
    return [(str(name), slice(start, stop)) for name, start, stop in zip(names, [0, *ends], ends, strict=False)]


def _blocks(conditions: NDArray[np.int64], cells: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Split a run of conditions so that no part has many more than ``CELLS_A_BLOCK`` cells."""
    part = (np.cumsum(cells) - cells) // CELLS_A_BLOCK
    return [conditions[part == number] for number in np.unique(part)]


def _training_weights(n_draws: int, n_seeds: int, resamples: int, stream: tuple[int, int]) -> NDArray[np.float64]:
    """Draw the weights (resamples, trainings) of a grid of draws and seeds, which sum to one."""
    of_seeds = _factor_weights(n_seeds, resamples, [*stream, n_seeds])
    of_draws = _factor_weights(n_draws, resamples, [*stream, n_draws, 0])
    return (of_draws[:, :, None] * of_seeds[:, None]).reshape(resamples, -1)


def _factor_weights(levels: int, resamples: int, stream: list[int]) -> NDArray[np.float64]:
    """Draw the weights (resamples, levels) of a factor's levels, which sum to one; equal ones for a fixed factor.

    The variance of the weighted mean is the unbiased one, the levels' variance (n - 1 below the fraction) over n.
    """
    if levels < MINIMUM_TRAININGS:
        return np.full((resamples, levels), 1 / levels)
    drawn = np.random.default_rng(stream).standard_normal((resamples, levels))
    weights: NDArray[np.float64] = 1 / levels + (drawn - drawn.mean(axis=1, keepdims=True)) / np.sqrt(
        levels * (levels - 1)
    )
    return weights


def _multinomial_weights(generator: np.random.Generator, resamples: int, size: int) -> NDArray[np.uint16]:
    """Draw how often each of ``size`` units is taken in ``size - 1`` draws with replacement: (resamples, size)."""
    weights = np.empty((resamples, size), dtype=np.uint16)
    block = max(1, WEIGHTS_A_BLOCK // size)
    for start in range(0, resamples, block):
        n = min(block, resamples - start)
        drawn = generator.integers(0, size, size=(n, max(size - 1, 1)))
        drawn += np.arange(n)[:, None] * size
        weights[start : start + n] = np.bincount(drawn.ravel(), minlength=n * size).reshape(n, size)
    return weights
