"""One row per model and label fraction, over all corruptions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..frame import CLEAN
from .estimates import Estimates, Terms, estimates_of
from .resampling import ResampledScores
from .targets import ALL, Target, mean_of_terms, shared_corruptions, targets_of

FROM_SUMMARY = {
    "dice_area": "dice_area",
    "dice_drop": "dice_drop",
    "dice_worst_decile_corrupted": "dice_worst_decile_corrupted",
    "mean_corruption_error": "corruption_error",
    "mean_relative_corruption_error": "relative_corruption_error",
    "nsd_corrupted": "nsd_corrupted",
    "hd95_corrupted": "hd95_corrupted",
}
"""Columns that are means over the corruptions of a column of the robustness summary."""

OVERALL_COLUMNS = (
    "dataset",
    "model",
    "labels",
    "n_corruptions",
    "dice_clean",
    "dice_corrupted",
    "dice_corrupted_low",
    "dice_corrupted_high",
    "dice_retention",
    "dice_retention_low",
    "dice_retention_high",
    "iou_clean",
    "iou_corrupted",
    *FROM_SUMMARY,
)


def overall_of(resampled: ResampledScores, summary: pd.DataFrame, *, level: float) -> pd.DataFrame:
    """Average over the corruptions that every model of a label fraction has.

    The mean corruption error is the mCE of Hendrycks and Dietterich (2019, ICLR, section 4): the mean of the corruption
    errors, as a share (1 for the reference model).

    Parameters
    ----------
    resampled
        All conditions.
    summary
        Result of :func:`~biclip_bench.reports.inference.robustness.summary_of`.
    level
        Confidence level of the intervals.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``model``, ``labels``), sorted by them: ``n_corruptions``, Dice and IoU clean and
        corrupted (mean over corruptions of the mean over the severities that all models have), retention of Dice with
        intervals, and means over the corruptions of area, drop, worst decile, corruption errors, NSD and HD95. Without
        a shared corruption these are NaN.
    """
    rows, corrupted, clean, means = [], [], [], []
    of_model = dict(list(summary.groupby(["dataset", "labels", "model"])))
    for key, targets in _by_family(targets_of(resampled.conditions)).items():
        found = {target.corruption: target.terms for target in targets}
        models = sorted({model for terms in found.values() for model in terms})
        common = shared_corruptions(found, set(models))
        for model in models:
            rows.append({"dataset": key[0], "model": model, "labels": key[1], "n_corruptions": len(common)})
            corrupted.append(mean_of_terms([found[name][model] for name in common]) if common else None)
            clean.append(found.get(CLEAN, {}).get(model))
            own = of_model.get((*key, model), summary.iloc[:0])
            own = own.loc[own["corruption"].isin(common), list(FROM_SUMMARY.values())].astype(np.float64)
            means.append(own.to_numpy().mean(axis=0) if common else np.full(len(FROM_SUMMARY), np.nan))
    table = pd.DataFrame(rows).join(pd.DataFrame(means, columns=list(FROM_SUMMARY)))
    for column in ("dice", "iou"):
        _add(table, resampled, column, clean, corrupted, level)
    return table[list(OVERALL_COLUMNS)].sort_values(["dataset", "model", "labels"], ignore_index=True)


def _by_family(targets: list[Target]) -> dict[tuple[str, float], list[Target]]:
    families: dict[tuple[str, float], list[Target]] = {}
    for target in targets:
        if target.corruption != ALL:
            families.setdefault(target.family, []).append(target)
    return families


def _add(
    table: pd.DataFrame,
    resampled: ResampledScores,
    column: str,
    clean: list[Terms | None],
    corrupted: list[Terms | None],
    level: float,
) -> None:
    estimates = estimates_of(resampled, column)
    for name, terms in ((f"{column}_clean", clean), (f"{column}_corrupted", corrupted)):
        known = [number for number, term in enumerate(terms) if term is not None]
        _fill(table, name, known, estimates.sums([term for term in terms if term is not None]), level)
    both = [(i, start, end) for i, (start, end) in enumerate(zip(clean, corrupted, strict=True)) if start and end]
    retention = estimates.sums([end for _, _, end in both]).over(estimates.sums([start for _, start, _ in both]))
    _fill(table, f"{column}_retention", [i for i, _, _ in both], retention, level)


def _fill(table: pd.DataFrame, name: str, rows: list[int], estimates: Estimates, level: float) -> None:
    values = np.full((3, len(table)), np.nan)
    highest = np.inf if name.endswith("retention") else 1
    values[:, rows] = np.stack([estimates.points, *estimates.interval(level, 0, highest)])
    table[name], table[f"{name}_low"], table[f"{name}_high"] = values
