"""Who is better than whom: paired differences with intervals, tests and effect sizes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frame import CONDITION, combined_codes
from .estimates import Estimates, estimates_of
from .intervals import two_sided_p
from .paired_tests import holm, rank_biserial, superiority, wilcoxon_p
from .resampling import MINIMUM_GROUPS, ResampledScores, runs
from .targets import Target, targets_of

COMPARISON_COLUMNS = (
    "dataset",
    "labels",
    "corruption",
    "model_a",
    "model_b",
    "difference",
    "low",
    "high",
    "p_value",
    "p_training",
    "p_holm",
    "effect_size",
    "superiority",
    "n_patients",
    "n_trainings",
    "scope",
    "significant",
    "verdict",
)

METHODS, TRAINED_MODELS = "methods", "trained models"
"""Scopes: what another training would give, too, or what holds for the trained models at hand."""

NOT_SETTLED, TOO_FEW = "not settled", "too few patients"


def compare_models(
    frame: pd.DataFrame,
    resampled: ResampledScores,
    *,
    level: float,
    reference: str | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Compare the mean Dice of models on the same patients.

    The p value is that of the two-sided Wilcoxon signed-rank test over patients, of each patient's mean difference
    (over cases, trainings, severities). Where both models have enough trainings to resample (scope ``"methods"``), a
    second p value, ``p_training``, sets the mean difference against a standard error that holds the trainings'
    variance, by Student's t: the signed-rank test alone takes a lucky training for a better method. Holm's correction
    is of the larger of the two (both tests must reject), over all pairs and conditions of one data set and label
    fraction. A difference is significant where the corrected p value lies below one minus the level and the interval
    excludes zero.

    Parameters
    ----------
    frame
        The cases that all models were scored on (:func:`~biclip_bench.reports.inference.targets.complete_cases`).
    resampled
        Of that frame.
    level
        Confidence level of the intervals; one minus it is the level of the tests.
    reference
        Compare every other model with this one; None compares every pair.
    without
        Models to leave out.

    Returns
    -------
    DataFrame
        One row per (``dataset``, ``labels``, ``corruption``, ``model_a``, ``model_b``) with ``difference`` (Dice of a
        minus b), ``low``, ``high``, ``p_value``, ``p_training`` (NaN for ``"trained models"``), ``p_holm``,
        ``effect_size`` (matched-pairs rank-biserial correlation), ``superiority`` (share of patients on whom a is
        better, ties half), ``n_patients``, ``n_trainings`` (of the model that has fewer), ``scope``, ``significant``
        and ``verdict`` (``"a"``, ``"b"``, ``"not settled"``, ``"too few patients"``). With fewer than
        ``MINIMUM_GROUPS`` patients there is no interval and no p value.
    """
    estimates = estimates_of(resampled, "dice")
    patients = patient_means(frame, resampled.conditions)
    trainings = resampled.conditions["n_trainings"].to_numpy()
    parts = [
        _compare(target, estimates, patients, trainings, level, reference)
        for target in targets_of(resampled.conditions, without)
    ]
    rows = [row for part in parts for row in part]
    if not rows:
        return pd.DataFrame(columns=list(COMPARISON_COLUMNS))
    return judge(pd.DataFrame(rows), level)


def judge(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Correct the p values of each family (a data set and a label fraction) for their number, and give verdicts.

    Parameters
    ----------
    rows
        Comparisons without corrected p values and verdicts; further columns stay, at the end.
    level
        As for :func:`compare_models`.
    """
    table = rows.copy()
    larger = table[["p_value", "p_training"]].max(axis=1)
    table["p_holm"] = larger.groupby([table["dataset"], table["labels"]]).transform(
        lambda family: holm(family.to_numpy())
    )
    apart = (table["low"] > 0) | (table["high"] < 0)
    table["significant"] = apart & (table["p_holm"] < 1 - level)
    winner = np.where(table["significant"], np.where(table["difference"] > 0, "a", "b"), NOT_SETTLED)
    table["verdict"] = np.where(table["n_patients"] < MINIMUM_GROUPS, TOO_FEW, winner)
    more = [column for column in rows.columns if column not in COMPARISON_COLUMNS]
    return table[[*COMPARISON_COLUMNS, *more]]


def patient_means(frame: pd.DataFrame, conditions: pd.DataFrame) -> dict[str, tuple[int, NDArray[np.float64]]]:
    """Average each patient's Dice over cases and trainings.

    Returns
    -------
    dict
        By data set, the place of its first condition and an array (its conditions, its patients); NaN where a patient
        has no case under a condition.
    """
    condition_of_row = np.unique(combined_codes(frame, CONDITION), return_inverse=True)[1]
    found = {}
    for dataset, own in runs(conditions["dataset"]):
        rows = slice(*np.searchsorted(condition_of_row, [own.start, own.stop]))
        codes, groups = pd.factorize(frame["group"].iloc[rows], sort=True)
        shape = (own.stop - own.start, len(groups))
        place = (condition_of_row[rows] - own.start) * len(groups) + codes
        sums = np.bincount(place, weights=frame["dice"].to_numpy()[rows], minlength=shape[0] * shape[1])
        with np.errstate(invalid="ignore"):
            found[dataset] = own.start, (sums / np.bincount(place, minlength=len(sums))).reshape(shape)
    return found


def _compare(
    target: Target,
    estimates: Estimates,
    patients: dict[str, tuple[int, NDArray[np.float64]]],
    n_trainings: NDArray[np.int64],
    level: float,
    reference: str | None,
) -> list[dict[str, object]]:
    models = sorted(target.terms)
    if reference is None:
        pairs = list(combinations(range(len(models)), 2))
    else:
        pairs = [(i, models.index(reference)) for i, name in enumerate(models) if reference in models]
        pairs = [(a, b) for a, b in pairs if a != b]
    if not pairs:
        return []
    own = estimates.sums([target.terms[model] for model in models])
    differences = own.take([a for a, _ in pairs]).minus(own.take([b for _, b in pairs]))
    low, high = differences.interval(level)
    p_training = np.where(
        differences.trainings > 0,
        two_sided_p(differences.points, differences.spread),
        np.nan,
    )
    start, means = patients[target.dataset]
    by_model = {model: weights @ means[columns - start] for model, (columns, weights) in target.terms.items()}
    rows = []
    for number, (a, b) in enumerate(pairs):
        paired = by_model[models[a]] - by_model[models[b]]
        paired = paired[np.isfinite(paired)]
        enough = len(paired) >= MINIMUM_GROUPS
        methods = differences.trainings[number] > 0
        rows.append(
            {
                "dataset": target.dataset,
                "labels": target.labels,
                "corruption": target.corruption,
                "model_a": models[a],
                "model_b": models[b],
                "difference": differences.points[number],
                "low": low[number],
                "high": high[number],
                "p_value": wilcoxon_p(paired) if enough else np.nan,
                "p_training": p_training[number] if enough else np.nan,
                "effect_size": rank_biserial(paired),
                "superiority": superiority(paired),
                "n_patients": len(paired),
                "n_trainings": min(int(n_trainings[target.terms[models[i]][0]].min()) for i in (a, b)),
                "scope": METHODS if methods else TRAINED_MODELS,
            }
        )
    return rows
