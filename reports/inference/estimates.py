"""Numbers with their bootstrap replicates, and what is made from them: sums, ratios, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .intervals import Spread, bca_interval, spread_of
from .resampling import MINIMUM_GROUPS, Replicates, ResampledScores

Terms = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Which estimates a sum is made of, and the weight of each."""

Combination = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Estimates:
    """Several statistics of one frame, resampled together.

    Parameters
    ----------
    points
        The statistics, shape (statistics,).
    resampled
        Their replicates.
    groups
        Patients of each statistic; the fewest where it rests on several conditions.
    effective
        Patients that count, given how unequal their numbers of cases are.
    trainings
        Levels of the training factor that was resampled; 0 where the statistic holds for the trained models at hand.
    """

    points: NDArray[np.float64]
    resampled: Replicates
    groups: NDArray[np.int64]
    effective: NDArray[np.float64]
    trainings: NDArray[np.int64]

    def sums(self, terms: Sequence[Terms]) -> Estimates:
        """Make a weighted sum for each of the terms.

        Where one of its parts holds its trainings fixed, the sum does so in all of them.
        """

        def weighted(values: NDArray[np.float64]) -> NDArray[np.float64]:
            made = np.empty((len(values), len(terms)))
            for number, (columns, weights) in enumerate(terms):
                made[:, number] = values[:, columns] @ weights
            return made

        return Estimates(
            weighted(self.points[None])[0],
            _each(weighted, self.resampled),
            np.array([self.groups[columns].min() for columns, _ in terms], dtype=np.int64),
            np.array([self.effective[columns].min() for columns, _ in terms]),
            np.array([self.trainings[columns].min() for columns, _ in terms], dtype=np.int64),
        )

    def take(self, places: Sequence[int]) -> Estimates:
        """Choose some of the statistics."""
        chosen = np.array(places, dtype=np.int64)
        return Estimates(
            self.points[chosen],
            _each(lambda values: values[:, chosen], self.resampled),
            self.groups[chosen],
            self.effective[chosen],
            self.trainings[chosen],
        )

    def over(self, other: Estimates) -> Estimates:
        """Divide by other estimates of the same shape; NaN where these are not above zero."""
        return self._with(other, _ratio)

    def minus(self, other: Estimates) -> Estimates:
        """Subtract other estimates of the same shape."""
        return self._with(other, np.subtract)

    def _with(self, other: Estimates, function: Combination) -> Estimates:
        return Estimates(
            function(self.points, other.points),
            _each(function, self.resampled, other.resampled),
            np.minimum(self.groups, other.groups),
            np.minimum(self.effective, other.effective),
            np.minimum(self.trainings, other.trainings),
        )

    @cached_property
    def spread(self) -> Spread:
        """Replicates from which the interval is read, and the degrees of freedom of their variance."""
        return spread_of(self.points, self.resampled, self.effective, self.trainings)

    def interval(
        self, level: float, lowest: float = -np.inf, highest: float = np.inf
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """BCa intervals with expanded level, kept inside what is possible.

        Parameters
        ----------
        level
            Confidence level in (0, 1).
        lowest, highest
            Bounds of the statistics.

        Returns
        -------
        low, high
            Shape (statistics,); NaN with fewer than ``MINIMUM_GROUPS`` patients or without resamples.
        """
        low, high = np.full((2, len(self.points)), np.nan)
        trusted = self.groups >= MINIMUM_GROUPS
        if len(self.spread.replicates) and trusted.any():
            low[trusted], high[trusted] = bca_interval(
                self.points[trusted], self.spread.replicates[:, trusted], self.spread.degrees[trusted], level
            )
        return np.clip(low, lowest, highest), np.clip(high, lowest, highest)


def estimates_of(resampled: ResampledScores, column: str) -> Estimates:
    """Take the means of a score, one estimate per condition.

    Where the frame lacks the score, or the resamples were not kept, the replicates have no rows.
    """
    conditions = resampled.conditions
    size = len(conditions)
    none = np.empty((0, size))
    levels = resampled.training_levels
    return Estimates(
        conditions[f"{column}_mean"].to_numpy(dtype=np.float64),
        resampled.replicates.get(column, Replicates(none, none, none)),
        conditions["n_groups"].to_numpy(),
        (conditions["n_effective"] if "n_effective" in conditions else conditions["n_groups"]).to_numpy(np.float64),
        levels if len(levels) == size else np.zeros(size, dtype=np.int64),
    )


def mean_terms(columns: Sequence[int]) -> Terms:
    """Weigh the estimates equally."""
    return np.array(columns, dtype=np.int64), np.full(len(columns), 1 / len(columns))


def _each(function: Callable[..., NDArray[np.float64]], *replicates: Replicates) -> Replicates:
    """Apply a function to all three arrays, once where they are the same."""
    of_patients = function(*(one.of_patients for one in replicates))
    if all(one.crossed is one.of_patients for one in replicates):
        return Replicates(of_patients, of_patients, of_patients)
    crossed = function(*(one.crossed for one in replicates))
    return Replicates(crossed, of_patients, function(*(one.of_trainings for one in replicates)))


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: NDArray[np.float64] = np.where(under > 0, over / under, np.nan)
    return ratio
