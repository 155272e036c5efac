"""Ranks of the models by mean Dice, and how stable they are over resamples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .estimates import Estimates, estimates_of
from .intervals import expanded_quantile
from .resampling import MINIMUM_GROUPS, ResampledScores
from .targets import targets_of

RANK_COLUMNS = (
    "dataset",
    "labels",
    "corruption",
    "model",
    "rank",
    "rank_low",
    "rank_high",
    "first_share",
    "n_models",
    "n_patients",
)


def rank_models(resampled: ResampledScores, *, level: float, without: Sequence[str] = ()) -> pd.DataFrame:
    """Rank the models on clean images, under each corruption and over all of them.

    Parameters
    ----------
    resampled
        Of the cases that all models were scored on.
    level
        Confidence level of the intervals.
    without
        Models to leave out.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``labels``, ``corruption``, ``model``): ``rank`` (1 = best mean Dice; equal means
        share the better rank), ``rank_low`` and ``rank_high`` (percentile interval of the rank over resamples, its
        level expanded by Student's t), ``first_share`` (share of the resamples in which the model is first; shared
        first places count in part), ``n_models``, ``n_patients``. With fewer than ``MINIMUM_GROUPS`` patients, and
        without resamples, only the rank is given.
    """
    estimates = estimates_of(resampled, "dice")
    parts = []
    for target in targets_of(resampled.conditions, without):
        models = sorted(target.terms)
        own = estimates.sums([target.terms[model] for model in models])
        low, high, first = _stability(own, level)
        parts.append(
            pd.DataFrame(
                {
                    "dataset": target.dataset,
                    "labels": target.labels,
                    "corruption": target.corruption,
                    "model": models,
                    "rank": _ranks(own.points[None])[0],
                    "rank_low": low,
                    "rank_high": high,
                    "first_share": first,
                    "n_models": len(models),
                    "n_patients": own.groups,
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(RANK_COLUMNS))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank every row, the highest value first."""
    from scipy import stats

    # Means that differ by rounding alone are equal.
    return np.asarray(stats.rankdata(-np.round(values, 12), method="min", axis=1), dtype=np.int64)


def _stability(own: Estimates, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    from scipy import stats

    size = len(own.points)
    low, high, first = np.full((3, size), np.nan)
    replicates = own.spread.replicates
    known = replicates[np.isfinite(replicates).all(axis=1)]
    if len(known) == 0 or own.groups.min() < MINIMUM_GROUPS:
        return low, high, first
    ranks = _ranks(known)
    tail = stats.norm.cdf(-expanded_quantile(level, own.spread.degrees.min(keepdims=True)))[0]
    low, high = np.quantile(ranks, [tail, 1 - tail], axis=0, method="inverted_cdf").astype(np.float64)
    leading = ranks == 1
    first = (leading / leading.sum(axis=1, keepdims=True)).mean(axis=0)
    return low, high, first
