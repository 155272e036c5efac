"""Tests and effect sizes of paired differences, one number per patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9
"""Differences of Dice closer to each other than this differ by rounding alone."""

EXACT_UP_TO = 50
"""Most patients for whom the distribution of the signed-rank statistic is computed exactly, as SciPy does it."""


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Two-sided p value of the Wilcoxon signed-rank test; 1 where no difference is other than zero.

    Exact for up to ``EXACT_UP_TO`` patients without ties and zeros, else the normal approximation with correction for
    ties and continuity; zeros are left out (Wilcoxon 1945, Biometrics Bulletin 1(6)).

    Parameters
    ----------
    differences
        One finite number per patient.
    """
    from scipy import stats

    kept = _kept(differences)
    if len(kept) == 0:
        return 1.0
    untied = len(kept) == len(differences) and len(np.unique(np.abs(kept))) == len(kept)
    method = "exact" if untied and len(kept) <= EXACT_UP_TO else "asymptotic"
    return float(min(1.0, stats.wilcoxon(kept, method=method, correction=True).pvalue))


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust the p values of one family (Holm 1979, Scandinavian Journal of Statistics 6(2)).

    The smallest of m is multiplied by m, the next by m - 1, ..., none below the one before, none above 1. NaN stays NaN
    and does not count.
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return adjusted


def rank_biserial(differences: NDArray[np.float64]) -> float:
    """Matched-pairs rank-biserial correlation (Kerby 2014, Comprehensive Psychology 3).

    Sum of the ranks of the positive differences minus that of the negative ones, over the sum of all: 1 where all are
    positive, -1 where all are negative, 0 without a difference, NaN without patients.
    """
    from scipy import stats

    if len(differences) == 0:
        return np.nan
    kept = _kept(differences)
    if len(kept) == 0:
        return 0.0
    ranks = stats.rankdata(np.abs(kept))
    return float(ranks @ np.sign(kept) / ranks.sum())


def superiority(differences: NDArray[np.float64]) -> float:
    """Share of patients with a positive difference, ties counting half; NaN without patients."""
    if len(differences) == 0:
        return np.nan
    rounded = np.where(np.abs(differences) < ROUNDING, 0, differences)
    return float(np.mean((rounded > 0) + 0.5 * (rounded == 0)))


def _kept(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences other than zero, rounded so that equal ones are ties."""
    kept: NDArray[np.float64] = np.round(differences[np.abs(differences) >= ROUNDING], 12)
    return kept
