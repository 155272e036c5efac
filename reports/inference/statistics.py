"""Scores per condition with intervals, and the robustness summary, from per-case scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..frame import CONDITION, SCORE_COLUMNS, validate_frame
from .conditions import COUNTED, ESTIMATES
from .estimates import estimates_of
from .resampling import INTERVAL_COLUMNS, ResampledScores, resample_scores
from .robustness import MEASURES, SUMMARY_COLUMNS, SUMMARY_KEY, summary_of

__all__ = [
    "MEASURES",
    "SUMMARY_COLUMNS",
    "SUMMARY_KEY",
    "condition_scores",
    "robustness_summary",
    "scores_of",
    "summary_of",
]


def condition_scores(frame: pd.DataFrame, *, resamples: int = 2000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Score every condition: mean over cases with an interval, and the pooled score.

    For ``x`` being ``dice``, ``iou``, ``hd95`` and ``nsd``:

    - ``x_mean``: the mean over cases (the convention of LViT); with several trainings, the mean of their means
    - ``x_low``, ``x_high``: bootstrap interval of ``x_mean``, bias-corrected and accelerated, its level expanded by
      Student's t. It resamples groups (patients) and, where there are ``MINIMUM_TRAININGS`` (5) or more, seeds and
      draws of the labelled cases; with fewer it holds for the trained models at hand. NaN with fewer than
      ``MINIMUM_GROUPS`` (10) groups, where no interval can be trusted

    Further:

    - ``dice_pooled``, ``iou_pooled``, ``sensitivity_pooled``, ``precision_pooled``: one score from the pixel counts
      summed over all cases (the convention of torchmetrics), per training, then averaged over the trainings: it weighs
      large lesions more
    - ``sensitivity_mean``, ``precision_mean``, ``ece_mean``: means over the cases where they have a meaning
    - ``area_error_mean``: predicted minus true area as a share of the image, signed: the bias of the area
    - ``area_error_absolute``: the mean of its absolute value
    - ``dice_worst_decile``: mean Dice of the worst tenth of the cases (rounded up to whole cases) of each training,
      averaged over the trainings
    - ``dice_seed_sd``: standard deviation of the trainings' mean Dice; NaN with one training

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
        ``n_cases``, ``n_groups``, ``n_draws``, ``n_seeds``, ``n_trainings`` and the columns above.

    Raises
    ------
    UserError
        If the frame is not valid.
    """
    return scores_of(resample_scores(validate_frame(frame), resamples=resamples, seed=seed), level=level)


def robustness_summary(
    table: pd.DataFrame,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    bar: float = 0.7,
    reference: str | None = None,
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
    ``x_retention_high``: intervals as in :func:`condition_scores` in which clean and corrupted scores come from the
    same resampled patients. They need the cases, so they are NaN when ``table`` holds condition scores.

    Further, of Dice:

    - ``dice_drop`` with ``dice_drop_low`` and ``dice_drop_high``: least-squares loss per severity step, clean included
    - ``dice_worst_decile_clean``, ``dice_worst_decile_corrupted`` (mean over severities); likewise ``nsd`` and ``hd95``
    - ``severity_below_bar``: the first severity at which the mean lies below ``bar``; 0 for clean already, NaN for
      never. ``bar_crossing``: the same by linear interpolation between severities
    - ``corruption_error``, ``relative_corruption_error``: as
      :func:`~biclip_bench.reports.inference.corruption_error.corruption_errors` says

    Parameters
    ----------
    table
        Per-case scores, or the result of :func:`condition_scores`.
    resamples, seed, level
        As in :func:`condition_scores`; without effect on condition scores.
    bar
        Dice in [0, 1] below which a segmentation is no longer of use.
    reference
        Model that corruption errors are relative to; None for ``unet``, or the first by name where there is none.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``model``, ``labels``, ``corruption``), sorted by them; no row for the clean
        condition itself.

    Raises
    ------
    UserError
        If ``table`` holds per-case scores that are not valid, or the reference has no scores.
    """
    if "dice_mean" in table.columns:
        resampled = ResampledScores(table.reset_index(drop=True), {})
    else:
        resampled = resample_scores(validate_frame(table), resamples=resamples, seed=seed, columns=SCORE_COLUMNS)
    return summary_of(resampled, level=level, bar=bar, reference=reference)


def scores_of(resampled: ResampledScores, *, level: float) -> pd.DataFrame:
    """Turn replicates into the table of :func:`condition_scores`."""
    conditions = resampled.conditions
    scores = conditions[[*CONDITION, *COUNTED]].copy()
    for column in INTERVAL_COLUMNS:
        low, high = estimates_of(resampled, column).interval(level, 0, np.inf if column == "hd95" else 1)
        scores[f"{column}_mean"] = conditions[f"{column}_mean"]
        scores[f"{column}_low"] = low
        scores[f"{column}_high"] = high
        if column in SCORE_COLUMNS:
            scores[f"{column}_pooled"] = conditions[f"{column}_pooled"]
    rest = [column for column in (*ESTIMATES, "dice_seed_sd") if column not in scores]
    return scores.join(conditions[rest])
