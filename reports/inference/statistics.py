"""Scores per condition with intervals, and what is left of a model under corruption."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import CLEAN, CONDITION, SCORE_COLUMNS, validate_frame
from .resampling import MINIMUM_GROUPS, ResampledScores, resample_scores

SUMMARY_KEY = ("dataset", "model", "labels", "corruption")

MEASURES = {"dice": "dice_mean", "iou": "iou_mean", "dice_pooled": "dice_pooled", "iou_pooled": "iou_pooled"}
"""Prefix of a measure's columns in the robustness summary, and its column among the condition scores."""

SUMMARY_COLUMNS = [
    *SUMMARY_KEY,
    "severities",
    *(f"{prefix}_{name}" for prefix in MEASURES for name in ("clean", "corrupted", "retention", "area")),
    *(
        f"{column}_{name}_{end}"
        for column in SCORE_COLUMNS
        for name in ("corrupted", "retention")
        for end in ("low", "high")
    ),
]


def condition_scores(frame: pd.DataFrame, *, resamples: int = 2000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Score every condition: mean over cases with an interval, and the pooled score.

    For ``x`` being ``dice`` and ``iou``:

    - ``x_mean``: the mean over cases (the convention of LViT); with several seeds, the mean of the seeds' means
    - ``x_low``, ``x_high``: percentile bootstrap interval of ``x_mean`` that resamples groups (patients) and, as a
      second level, seeds where there are several; NaN with fewer than ``MINIMUM_GROUPS`` (8) groups, where no
      interval can be trusted
    - ``x_pooled``: one score from the pixel counts summed over all cases (the convention of torchmetrics), per seed,
      then averaged over the seeds: it weighs large lesions more

    All models and conditions of a data set are resampled with the same patients.

    Parameters
    ----------
    frame
        Per-case scores as described at :func:`~biclip_bench.reports.frame.validate_frame`.
    resamples
        Number of bootstrap resamples; 0 leaves the intervals NaN.
    seed
        Seed of the resampling: the same frame and seed give the same numbers.
    level
        Confidence level of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``model``, ``labels``, ``corruption``, ``severity``), sorted by them, with
        ``n_cases``, ``n_groups``, ``n_draws``, ``n_seeds`` and the columns above.

    Raises
    ------
    UserError
        If the frame is not valid.
    """
    return scores_of(resample_scores(validate_frame(frame), resamples=resamples, seed=seed), level=level)


def robustness_summary(
    table: pd.DataFrame, *, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Summarise each model's robustness to each corruption.

    For ``x`` being ``dice``, ``iou`` (means over cases), ``dice_pooled`` and ``iou_pooled``:

    - ``x_clean``: the score at severity 0; NaN where there is none
    - ``x_corrupted``: the mean over the severities 1 to 5 that are present (named in ``severities``)
    - ``x_retention``: ``x_corrupted / x_clean``, the share of the clean score that is left; NaN without a clean score
      or where it is 0. A model that is poor everywhere may retain much: read it beside ``x_corrupted``
    - ``x_area``: area under the severity curve by the trapezoidal rule, from clean (0) to the highest severity
      present, divided by that severity: a curve that stays at its clean score has that score as its area; NaN
      without a clean score

    ``dice`` and ``iou`` also have ``x_corrupted_low``, ``x_corrupted_high``, ``x_retention_low`` and
    ``x_retention_high``: percentile bootstrap intervals in which clean and corrupted scores come from the same
    resampled patients. They need the cases, so they are NaN when ``table`` holds condition scores.

    Parameters
    ----------
    table
        Per-case scores, or the result of :func:`condition_scores`.
    resamples, seed, level
        As in :func:`condition_scores`; without effect on condition scores.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``model``, ``labels``, ``corruption``), sorted by them; no row for the clean
        condition itself.

    Raises
    ------
    UserError
        If ``table`` holds per-case scores that are not valid.
    """
    if "dice_mean" in table.columns:
        empty = {column: np.empty((0, len(table))) for column in SCORE_COLUMNS}
        return summary_of(ResampledScores(table.reset_index(drop=True), empty), level=level)
    return summary_of(resample_scores(validate_frame(table), resamples=resamples, seed=seed), level=level)


def scores_of(resampled: ResampledScores, *, level: float) -> pd.DataFrame:
    """Turn replicates into the table of :func:`condition_scores`."""
    conditions = resampled.conditions
    scores = conditions[[*CONDITION, "n_cases", "n_groups", "n_draws", "n_seeds"]].copy()
    trusted = (conditions["n_groups"] >= MINIMUM_GROUPS).to_numpy()
    for column in SCORE_COLUMNS:
        low, high = _interval(resampled.replicates[column], trusted, level)
        scores[f"{column}_mean"] = conditions[f"{column}_mean"]
        scores[f"{column}_low"] = low
        scores[f"{column}_high"] = high
        scores[f"{column}_pooled"] = conditions[f"{column}_pooled"]
    return scores


def summary_of(resampled: ResampledScores, *, level: float) -> pd.DataFrame:
    """Turn replicates into the table of :func:`robustness_summary`."""
    conditions = resampled.conditions
    keys = conditions[list(CONDITION)].itertuples(index=False, name=None)
    place = {key: position for position, key in enumerate(keys)}
    rows = []
    for key, block in conditions[conditions["corruption"] != CLEAN].groupby(list(SUMMARY_KEY), sort=True):
        severities = sorted(block["severity"].tolist())
        corrupted = [place[(*key, severity)] for severity in severities]
        clean = place.get((*key[:3], CLEAN, 0))
        row: dict[str, object] = dict(zip(SUMMARY_KEY, key, strict=True))
        row["severities"] = " ".join(str(severity) for severity in severities)
        for prefix, column in MEASURES.items():
            scores = conditions[column].to_numpy()
            start = scores[clean] if clean is not None else np.nan
            row |= _curve_summary(prefix, start, scores[corrupted], np.array(severities, dtype=float))
            if prefix in SCORE_COLUMNS:
                row |= _curve_intervals(resampled, prefix, clean, corrupted, level)
        rows.append(row)
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def _curve_summary(
    prefix: str, clean: float, curve: NDArray[np.float64], severities: NDArray[np.float64]
) -> dict[str, object]:
    heights, positions = np.concatenate([[clean], curve]), np.concatenate([[0.0], severities])
    area = np.sum((heights[1:] + heights[:-1]) / 2 * np.diff(positions)) / positions[-1]
    return {
        f"{prefix}_clean": clean,
        f"{prefix}_corrupted": curve.mean(),
        f"{prefix}_retention": curve.mean() / clean if clean > 0 else np.nan,
        f"{prefix}_area": area,
    }


def _curve_intervals(
    resampled: ResampledScores, column: str, clean: int | None, corrupted: list[int], level: float
) -> dict[str, object]:
    replicates = resampled.replicates[column]
    after = replicates[:, corrupted].mean(axis=1)
    before = replicates[:, clean] if clean is not None else np.full_like(after, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        retention = np.where(before > 0, after / before, np.nan)
    involved = corrupted if clean is None else [clean, *corrupted]
    trusted = resampled.conditions["n_groups"].iloc[involved].to_numpy().min(keepdims=True) >= MINIMUM_GROUPS
    found: dict[str, object] = {}
    for name, values in (("corrupted", after), ("retention", retention)):
        low, high = _interval(values[:, None], trusted, level)
        found |= {f"{column}_{name}_low": low[0], f"{column}_{name}_high": high[0]}
    return found


def _interval(
    replicates: NDArray[np.float64], trusted: NDArray[np.bool_], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take the percentile interval of each column, NaN where it is not trusted or has no replicates."""
    low, high = np.full((2, replicates.shape[1]), np.nan)
    usable = trusted & np.isfinite(replicates).any(axis=0)
    if usable.any():
        values, tail = replicates[:, usable], (1 - level) / 2
        # nanquantile walks column by column, quantile does not.
        quantile = np.quantile if np.isfinite(values).all() else np.nanquantile
        low[usable], high[usable] = quantile(values, [tail, 1 - tail], axis=0)
    return low, high
