"""Bootstrap intervals that keep their promise with few patients: BCa, with its level expanded by Student's t."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .resampling import Replicates


def expanded_quantile(level: float, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Student's t for a two-sided level: how many standard errors an interval reaches to each side.

    Hesterberg (2015, The American Statistician 69(4), section 5.3.2) expands the level of a percentile interval so that
    its normal quantile is that of Student's t.
    """
    from scipy import stats

    quantiles: NDArray[np.float64] = stats.t.ppf((1 + level) / 2, degrees)
    return quantiles


UNDERESTIMATED = 0.2
"""Probability with which the variance of the trainings may exceed what the degrees of freedom allow for.

Few trainings that happen to agree would else seem to tell much. In 3,000 to 6,000 simulated data sets of three methods
of equal mean, 20 patients and 5 trainings, 95% intervals of a difference cover 93.5% where trainings vary most and
96.8% where they do not vary, and one or more of six comparisons is called significant in at most 3.7% of the data sets.
"""


@dataclass(frozen=True)
class Spread:
    """How statistics spread over samples like this one.

    Parameters
    ----------
    replicates
        Shape (resamples, statistics).
    degrees
        Degrees of freedom of their variance for an interval, shape (statistics,).
    error
        Standard error for a test, shape (statistics,): it counts the interaction twice rather than ever too little,
        since Holm's correction rests on small p values.
    error_degrees
        Its degrees of freedom.
    """

    replicates: NDArray[np.float64]
    degrees: NDArray[np.float64]
    error: NDArray[np.float64]
    error_degrees: NDArray[np.float64]


def spread_of(
    points: NDArray[np.float64],
    resampled: Replicates,
    patients: NDArray[np.float64],
    trainings: NDArray[np.int64],
) -> Spread:
    """Join what patients and trainings contribute, each once.

    Resampling patients and trainings together counts their interaction (that a training does better on some patients)
    three times (Owen 2007, Annals of Applied Statistics 1(2), theorem 3): once in each factor's own replicates, once in
    what is left. So the two factors' deviations from the statistic are added, and those of the trainings shrunk until
    their variance holds no interaction, whose own variance is that of what is left.

    The degrees of freedom are Satterthwaite's (1946, Biometrics Bulletin 2(6)): the square of the sum of the two
    variances over the sum of their squares, each divided by its own degrees of freedom. For this the variance of the
    trainings is taken at an upper bound (``UNDERESTIMATED``).

    Parameters
    ----------
    points
        The statistics, shape (statistics,).
    resampled
        Their replicates.
    patients
        Patients that count in each statistic.
    trainings
        Levels of the training factor that was resampled; 0 where only patients are to count.
    """
    from scipy import stats

    degrees = np.maximum(patients - 1, 1)
    counted = trainings > 0
    if not counted.any() or len(resampled.crossed) == 0:
        return Spread(resampled.of_patients, degrees, np.sqrt(_variance(resampled.of_patients)), degrees)
    own, training = resampled.of_patients - points, resampled.of_trainings - points
    of_own, of_training, of_rest = (
        _variance(values) for values in (own, training, resampled.crossed - points - own - training)
    )
    net = np.maximum(of_training - of_rest, 0)
    few = np.maximum(trainings - 1, 1)
    counted &= of_own + of_training > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        shrunk = np.where(counted & (of_training > 0), np.sqrt(net / of_training), 0)
        most = of_training * few / stats.chi2.ppf(UNDERESTIMATED, few)
        joined, safe = (
            np.where(counted, (of_own + part) ** 2 / (of_own**2 / degrees + part**2 / few), degrees)
            for part in (np.maximum(most - of_rest, 0), most)
        )
    error = np.sqrt(of_own + np.where(counted, of_training, 0))
    return Spread(resampled.of_patients + shrunk * training, joined, error, safe)


def two_sided_p(points: NDArray[np.float64], spread: Spread) -> NDArray[np.float64]:
    """Two-sided p value of Student's t: each statistic over its standard error, against zero.

    1 where the statistic is zero, NaN without replicates.
    """
    from scipy import stats

    if len(spread.replicates) == 0:
        return np.full(len(points), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.abs(points) / spread.error
    p_values: NDArray[np.float64] = np.where(np.abs(points) < 1e-12, 1, 2 * stats.t.sf(ratio, spread.error_degrees))
    return p_values


def bca_interval(
    points: NDArray[np.float64],
    replicates: NDArray[np.float64],
    degrees: NDArray[np.float64],
    level: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute bias-corrected and accelerated bootstrap intervals (Efron 1987, JASA 82(397)) of several statistics.

    The acceleration is a sixth of the skewness of the replicates, which for a mean is what the jackknife gives and
    which also holds where two factors are resampled.

    Parameters
    ----------
    points
        The statistics themselves, shape (statistics,).
    replicates
        Shape (resamples, statistics); NaN where a resample has no value.
    degrees
        Degrees of freedom of each statistic's standard error; infinity gives the usual BCa interval.
    level
        Confidence level in (0, 1).

    Returns
    -------
    low, high
        Shape (statistics,); NaN where there are no replicates or no point.
    """
    from scipy import stats

    low, high = np.full((2, len(points)), np.nan)
    known = np.isfinite(replicates).sum(axis=0)
    usable = np.flatnonzero((known > 1) & np.isfinite(points))
    if len(usable) == 0:
        return low, high
    ordered, count = np.sort(replicates[:, usable], axis=0), known[usable]
    centre = np.nanmean(ordered, axis=0)
    deviation = ordered - centre
    spread = np.nanmean(deviation**2, axis=0)
    # Below this the replicates differ by rounding alone.
    constant = spread <= (1e-12 * np.maximum(np.abs(centre), 1e-3)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        acceleration = np.where(constant, 0, np.nanmean(deviation**3, axis=0) / spread**1.5 / 6)
    below = (ordered < points[usable]).sum(axis=0) + (ordered == points[usable]).sum(axis=0) / 2
    share = np.clip(below / count, 1 / (count + 1), count / (count + 1))
    bias = np.where(constant, 0, stats.norm.ppf(share))
    reach = expanded_quantile(level, degrees[usable])
    for ends, sign in ((low, -1), (high, 1)):
        shifted = bias + sign * reach
        probability = stats.norm.cdf(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-3))
        ends[usable] = _quantile(ordered, count, probability)
    return low, high


def _variance(replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of each column over its known values; NaN where there are none."""
    known = np.isfinite(replicates)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, replicates, 0).sum(axis=0) / known.sum(axis=0)
        variance: NDArray[np.float64] = (np.where(known, replicates - mean, 0) ** 2).sum(axis=0) / known.sum(axis=0)
    return variance


def _quantile(
    ordered: NDArray[np.float64], count: NDArray[np.int64], probability: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate a quantile of each sorted column, of which the first ``count`` values are known."""
    position = probability * (count - 1)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    columns = np.arange(ordered.shape[1])
    share = position - below
    found: NDArray[np.float64] = ordered[below, columns] * (1 - share) + ordered[above, columns] * share
    return found
