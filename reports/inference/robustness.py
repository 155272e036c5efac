"""What is left of a model under each corruption: one row per model, label fraction and corruption."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import CLEAN, CONDITION, SCORE_COLUMNS
from .corruption_error import ERROR_COLUMNS, corruption_errors, reference_model
from .estimates import Estimates, Terms, estimates_of, mean_terms
from .resampling import ResampledScores

SUMMARY_KEY = ("dataset", "model", "labels", "corruption")

MEASURES = {"dice": "dice_mean", "iou": "iou_mean", "dice_pooled": "dice_pooled", "iou_pooled": "iou_pooled"}
"""Prefix of a measure's columns in the robustness summary, and its column among the condition scores."""

FURTHER_MEANS = {"dice_worst_decile": "dice_worst_decile", "nsd": "nsd_mean", "hd95": "hd95_mean"}
"""Prefix of what the summary gives clean and as a mean over severities, and its column among the condition scores."""

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
    "dice_drop",
    "dice_drop_low",
    "dice_drop_high",
    *(f"{prefix}_{name}" for prefix in FURTHER_MEANS for name in ("clean", "corrupted")),
    "severity_below_bar",
    "bar_crossing",
    *ERROR_COLUMNS,
]


def summary_of(
    resampled: ResampledScores, *, level: float, bar: float = 0.7, reference: str | None = None
) -> pd.DataFrame:
    """Turn replicates into the table of :func:`~biclip_bench.reports.inference.statistics.robustness_summary`."""
    conditions = resampled.conditions
    curves = severity_curves(conditions)
    if not curves:
        return pd.DataFrame(columns=SUMMARY_COLUMNS)
    rows = []
    for (key, clean), (severities, corrupted) in curves.items():
        row: dict[str, object] = dict(zip(SUMMARY_KEY, key, strict=True))
        row["severities"] = " ".join(str(severity) for severity in severities)
        for prefix, column in MEASURES.items():
            row |= _curve_summary(prefix, *_curve(conditions, column, clean, corrupted), severities)
        for prefix, column in FURTHER_MEANS.items():
            start, curve = _curve(conditions, column, clean, corrupted)
            row |= {f"{prefix}_clean": start, f"{prefix}_corrupted": _mean(curve)}
        start, curve = _curve(conditions, "dice_mean", clean, corrupted)
        row["severity_below_bar"], row["bar_crossing"] = crossing(bar, start, curve, severities)
        row |= {"error": np.sum(1 - curve), "loss": np.sum(start - curve)}
        rows.append(row)
    summary = pd.DataFrame(rows)
    for column in SCORE_COLUMNS:
        _add_intervals(summary, estimates_of(resampled, column), column, curves, level)
    chosen = reference_model(conditions["model"].tolist(), reference)
    return summary.join(corruption_errors(summary, chosen))[SUMMARY_COLUMNS]


Curves = dict[tuple[tuple[str, str, float, str], int | None], tuple[list[int], list[int]]]
"""By summary key and place of the clean condition: the severities and the places of their conditions."""


def severity_curves(conditions: pd.DataFrame) -> Curves:
    """Find the conditions of every severity curve, sorted by its key."""
    places: dict[tuple[str, str, float, str], list[tuple[int, int]]] = {}
    clean = {}
    for place, (*key, severity) in enumerate(conditions[list(CONDITION)].itertuples(index=False, name=None)):
        if key[3] == CLEAN:
            clean[tuple(key[:3])] = place
        else:
            places.setdefault((key[0], key[1], key[2], key[3]), []).append((severity, place))
    return {
        (key, clean.get(key[:3])): ([s for s, _ in sorted(curve)], [place for _, place in sorted(curve)])
        for key, curve in sorted(places.items())
    }


def crossing(bar: float, clean: float, curve: NDArray[np.float64], severities: list[int]) -> tuple[float, float]:
    """Find where a curve first lies below a bar.

    Returns
    -------
    severity
        The first severity below the bar; 0 if the clean score is, NaN if none is.
    position
        The same by linear interpolation from the severity before. Without a clean score, a curve that begins below
        the bar crosses at its first severity.
    """
    positions, heights = [0.0, *map(float, severities)], [clean, *curve]
    below = [number for number, height in enumerate(heights) if height < bar]
    if not below:
        return np.nan, np.nan
    first = below[0]
    if first == 0 or np.isnan(heights[first - 1]):
        return positions[first], positions[first]
    before, after = heights[first - 1], heights[first]
    step = (before - bar) / (before - after)
    return positions[first], float(positions[first - 1] + step * (positions[first] - positions[first - 1]))


def drop_terms(clean: int, corrupted: list[int], severities: list[int]) -> Terms:
    """Weights that give the least-squares loss per severity step, the clean score being severity 0."""
    positions = np.array([0, *severities], dtype=np.float64)
    centred = positions - positions.mean()
    return np.array([clean, *corrupted], dtype=np.int64), -centred / (centred @ centred)


def _curve(
    conditions: pd.DataFrame, column: str, clean: int | None, corrupted: list[int]
) -> tuple[float, NDArray[np.float64]]:
    if column not in conditions:
        return np.nan, np.full(len(corrupted), np.nan)
    values = conditions[column].to_numpy(dtype=np.float64)
    return (float(values[clean]) if clean is not None else np.nan), values[corrupted]


def _curve_summary(prefix: str, clean: float, curve: NDArray[np.float64], severities: list[int]) -> dict[str, object]:
    heights, positions = np.concatenate([[clean], curve]), np.array([0.0, *severities])
    area = np.sum((heights[1:] + heights[:-1]) / 2 * np.diff(positions)) / positions[-1]
    return {
        f"{prefix}_clean": clean,
        f"{prefix}_corrupted": curve.mean(),
        f"{prefix}_retention": curve.mean() / clean if clean > 0 else np.nan,
        f"{prefix}_area": area,
    }


def _add_intervals(summary: pd.DataFrame, estimates: Estimates, column: str, curves: Curves, level: float) -> None:
    """Add the intervals of the mean under the corruption, of retention and (for Dice) of the drop per severity."""
    corrupted = estimates.sums([mean_terms(places) for _, places in curves.values()])
    summary[f"{column}_corrupted_low"], summary[f"{column}_corrupted_high"] = corrupted.interval(level, 0, 1)
    whole = [number for number, (_, clean) in enumerate(curves) if clean is not None]
    added = {f"{column}_retention": np.full((2, len(curves)), np.nan)}
    if column == "dice":
        added["dice_drop"] = np.full((2, len(curves)), np.nan)
        summary["dice_drop"] = np.nan
    if whole:
        chosen = [(clean, *curve) for (_, clean), curve in curves.items() if clean is not None]
        mean = estimates.sums([mean_terms(places) for _, _, places in chosen])
        start = estimates.sums([mean_terms([clean]) for clean, _, _ in chosen])
        added[f"{column}_retention"][:, whole] = mean.over(start).interval(level, 0)
        if column == "dice":
            drop = estimates.sums([drop_terms(clean, places, severities) for clean, severities, places in chosen])
            summary.loc[whole, "dice_drop"] = drop.points
            added["dice_drop"][:, whole] = drop.interval(level)
    for name, (low, high) in added.items():
        summary[f"{name}_low"], summary[f"{name}_high"] = low, high


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())
