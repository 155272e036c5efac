"""How many labels a model needs: Dice against the label fraction."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import CLEAN
from .corruption_error import reference_model

EFFICIENCY_COLUMNS = ("dataset", "model", "corruption", "fractions", "dice_area", "labels_to_match", "reference")


def label_efficiency(scores: pd.DataFrame, summary: pd.DataFrame, reference: str | None = None) -> pd.DataFrame:
    """Summarise Dice against the label fraction, on clean images and under each corruption (mean over severities).

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.scores_of`.
    summary
        Result of :func:`~biclip_bench.reports.inference.robustness.summary_of`.
    reference
        Model whose Dice at its most labels is to be matched; None for ``unet``, or the first by name.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``model``, ``corruption``) with two label fractions or more: ``fractions`` (text, such
        as ``"1 5 100"``), ``dice_area`` (area under Dice against log10 of the label percentage by the trapezoidal rule,
        divided by the range: a mean Dice over the range), ``labels_to_match`` (percent of the labels at which the model
        first reaches the reference's Dice at its most labels, by interpolation in log10; its fewest labels where these
        reach it already; NaN where it never does) and ``reference``.
    """
    chosen = reference_model(scores["model"].tolist(), reference)
    clean = scores[scores["corruption"] == CLEAN].rename(columns={"dice_mean": "dice"})
    corrupted = summary.rename(columns={"dice_corrupted": "dice"})
    wanted = ["dataset", "model", "corruption", "labels", "dice"]
    points = pd.concat([clean[wanted], corrupted[wanted]]) if len(corrupted) else clean[wanted]
    points = points.sort_values(["dataset", "model", "corruption", "labels"])
    curves = {
        key: (curve["labels"].to_numpy(dtype=np.float64), curve["dice"].to_numpy(dtype=np.float64))
        for key, curve in points.groupby(["dataset", "model", "corruption"], sort=True)
    }
    rows = []
    for (dataset, model, corruption), (labels, dice) in curves.items():
        if len(labels) > 1:
            goal = curves.get((dataset, chosen, corruption))
            rows.append(
                {
                    "dataset": dataset,
                    "model": model,
                    "corruption": corruption,
                    "fractions": " ".join(f"{fraction:g}" for fraction in labels),
                    "dice_area": area_over_labels(labels, dice),
                    "labels_to_match": labels_to_reach(goal[1][-1], labels, dice) if goal else np.nan,
                    "reference": chosen,
                }
            )
    return pd.DataFrame(rows, columns=list(EFFICIENCY_COLUMNS))


def area_over_labels(labels: NDArray[np.float64], dice: NDArray[np.float64]) -> float:
    """Area under Dice against log10 of the label percentage, divided by the range of the latter."""
    position = np.log10(labels)
    area = np.sum((dice[1:] + dice[:-1]) / 2 * np.diff(position))
    return float(area / (position[-1] - position[0]))


def labels_to_reach(goal: float, labels: NDArray[np.float64], dice: NDArray[np.float64]) -> float:
    """Percentage of the labels at which a curve first reaches a Dice, interpolated in log10; NaN if it never does."""
    reached = np.flatnonzero(dice >= goal)
    if len(reached) == 0:
        return np.nan
    first = int(reached[0])
    if first == 0:
        return float(labels[0])
    start, stop = np.log10(labels[first - 1 : first + 1])
    share = (goal - dice[first - 1]) / (dice[first] - dice[first - 1])
    # At the last step rounding must not lead past the fraction itself.
    return float(labels[first]) if share >= 1 else float(10 ** (start + share * (stop - start)))
