"""From measures a case to a level's mean with its interval, and to the paired step from the level before."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .calibration import MEASURES
from .cells import CLEAN

STEPS = {"ssim": -1, "rmse": 1}
"""The measures that a step is judged by, with the direction in which a stronger corruption moves them."""

MINIMUM_GROUPS = 8
"""With fewer patients than this no interval is given.

For normal values of n patients a nominal 95% percentile interval covers the truth with probability
P(abs(t) < 1.96 sqrt((n - 1) / n)), t having n - 1 degrees of freedom: 0.94 at 40, 0.89 at 8, 0.85 at 5.
"""

RESAMPLES = 2000
LEVEL = 0.95
SEED = 0


def summarise_levels(cases: pd.DataFrame) -> pd.DataFrame:
    """Average the measures over the cases of each level, and the change since the next milder level.

    Intervals are 95% percentile bootstrap intervals over groups (patients), the same resampled groups at all levels.
    A step is the mean over cases of the paired difference of a case's measure, counted as positive where the image
    moves away from the clean one: SSIM falls, RMSE rises. With fewer than ``MINIMUM_GROUPS`` (8) groups no interval
    is given.

    Parameters
    ----------
    cases
        As :func:`~biclip_bench.benchmark.calibration.measure_cases` gives it.

    Returns
    -------
    DataFrame
        A row a corruption and level, each corruption beginning with its clean row: ``corruption``, ``severity``,
        ``before`` (severity of the level that the step starts from; missing in the clean row), ``n_cases``,
        ``n_groups``, then ``mean``, ``low`` and ``high`` of every measure (``ssim_mean``), of the ``lead`` (SSIM minus
        ``ssim_other``; both over the cases that have another patient's image) and of the steps (``step_ssim_mean``).
    """
    weights = _group_weights(cases)
    clean = cases[cases["corruption"] == CLEAN]
    rows = []
    for corruption in dict.fromkeys(cases["corruption"]):
        if corruption == CLEAN:
            continue
        own = cases[cases["corruption"] == corruption]
        levels = {
            0: clean,
            **{int(severity): own[own["severity"] == severity] for severity in own["severity"].unique()},
        }
        before: int | None = None
        for severity, level in levels.items():
            row: dict[str, object] = {
                "corruption": corruption, "severity": severity, "before": before, "n_cases": len(level),
                "n_groups": level["group"].nunique(),
            }  # fmt: skip
            for measure in MEASURES:
                row |= _estimate(measure, _values(level, measure), weights)
            row |= _estimate("lead", _values(level, "ssim") - _values(level, "ssim_other"), weights)
            for measure, direction in STEPS.items():
                change = np.full(len(level), np.nan)
                if before is not None:
                    change = direction * (_values(level, measure) - _values(levels[before], measure))
                row |= _estimate(f"step_{measure}", change, weights)
            rows.append(row)
            before = severity
    return pd.DataFrame(rows).astype({"before": "Int64"})


def _values(level: pd.DataFrame, measure: str) -> NDArray[np.float64]:
    return level.sort_values("case", kind="stable")[measure].to_numpy(dtype=np.float64)


def _group_weights(cases: pd.DataFrame) -> NDArray[np.float64]:
    """Draw how often each case counts in each resample: (resamples, cases); no resamples with too few groups."""
    clean = cases[cases["corruption"] == CLEAN].sort_values("case", kind="stable")
    group_of_case, groups = pd.factorize(clean["group"], sort=True)
    if len(groups) < MINIMUM_GROUPS:
        return np.empty((0, len(clean)))
    generator = np.random.default_rng(SEED)
    drawn = generator.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=RESAMPLES)
    return np.asarray(drawn[:, group_of_case], dtype=np.float64)


def _estimate(name: str, values: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, float]:
    low, high = np.nan, np.nan
    # An unchanged image has an infinite PSNR, and so has every mean that holds it.
    if len(weights) and np.isfinite(values).all():
        means = (weights @ values) / weights.sum(axis=1)
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    known = values[~np.isnan(values)]
    mean = known.mean() if len(known) else np.nan
    return {f"{name}_mean": float(mean), f"{name}_low": float(low), f"{name}_high": float(high)}
