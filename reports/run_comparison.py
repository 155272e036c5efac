"""Two runs side by side: the same conditions on the same images, and whether their scores differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from biclip_bench.errors import UserError

from .frame import validate_frame
from .inference.analysis import AnalysisOptions
from .inference.comparisons import compare_models, judge
from .inference.estimates import estimates_of
from .inference.resampling import ResampledScores, resample_scores
from .inference.targets import complete_cases, targets_of
from .material import Material
from .merging import unlike_cases

FIRST, SECOND = "A: ", "B: "
"""Before the models' names, so that one name can stand on both sides."""


@dataclass(frozen=True)
class RunComparison:
    """What two runs have in common, compared.

    Parameters
    ----------
    table
        One row per pair of models, label fraction and corruption: the columns of
        :func:`~biclip_bench.reports.inference.comparisons.compare_models`, model_a being of the first run and model_b
        of the second, and ``dice_a`` and ``dice_b``, the mean Dice of each.
    conditions
        Corruptions and severities that were compared, clean among them.
    skipped
        Conditions of either run that were not, with the reason.
    cases
        Test cases that both runs have.
    """

    table: pd.DataFrame
    conditions: tuple[tuple[str, int], ...]
    skipped: dict[str, str]
    cases: int


def compare_runs(
    first: Material, second: Material, pairs: Sequence[tuple[str, str]], options: AnalysisOptions
) -> RunComparison:
    """Compare pairs of models of two runs wherever both were scored on the same images.

    Parameters
    ----------
    first, second
        The runs.
    pairs
        A model of the first and one of the second run; see :func:`matched_models`.
    options
        Level and bootstrap.

    Raises
    ------
    UserError
        If the runs are of different data or have no condition, case or label fraction in common.
    """
    _check_same_data(first, second)
    conditions, skipped = _conditions(first, second)
    if not conditions:
        raise UserError(
            "The two runs have no condition with the same images in common: "
            + "; ".join(f"{name}: {why}" for name, why in skipped.items())
            + "."
        )
    cases = set(first.frame["case"].astype(str)) & set(second.frame["case"].astype(str))
    tables = []
    for model_a, model_b in pairs:
        a = _rows(first.frame, model_a, conditions, cases, FIRST)
        b = _rows(second.frame, model_b, conditions, cases, SECOND)
        shared = sorted(set(a["labels"]) & set(b["labels"]))
        if not shared:
            told = [", ".join(f"{labels:g}%" for labels in sorted(set(part["labels"]))) for part in (a, b)]
            raise UserError(
                f"{model_a} ({told[0]} of the labels) and {model_b} ({told[1]}) have no label fraction in common."
            )
        frame = pd.concat([part[part["labels"].isin(shared)] for part in (a, b)], ignore_index=True)
        tables.append(_compared(validate_frame(frame), options))
    return RunComparison(
        judge(pd.concat(tables, ignore_index=True), options.level), tuple(conditions), skipped, len(cases)
    )


def matched_models(
    first: Material, second: Material, model_a: str | None, model_b: str | None
) -> list[tuple[str, str]]:
    """Choose the pairs to compare: the two that are named, the only ones there are, or all of the same name.

    Raises
    ------
    UserError
        If a named model is not there, or nothing can be matched.
    """
    names = [sorted(set(run.frame["model"].astype(str))) for run in (first, second)]
    for place, (flag, wanted) in enumerate((("--model-a", model_a), ("--model-b", model_b))):
        if wanted is not None and wanted not in names[place]:
            raise UserError(
                f"{flag} {wanted}: the {('first', 'second')[place]} run has no such model. "
                f"Known: {', '.join(names[place])}."
            )
    if model_a is not None or model_b is not None:
        return [(model_a or model_b or "", model_b or model_a or "")]
    same = [name for name in names[0] if name in names[1]]
    if same:
        return [(name, name) for name in same]
    if len(names[0]) == len(names[1]) == 1:
        return [(names[0][0], names[1][0])]
    raise UserError(
        f"The runs have no model of one name: {', '.join(names[0])} in the first, {', '.join(names[1])} in the second. "
        "Choose a pair with --model-a and --model-b."
    )


def _check_same_data(first: Material, second: Material) -> None:
    if first.details.dataset != second.details.dataset:
        raise UserError(
            f"The first run is on {first.details.dataset}, the second on {second.details.dataset}: there is nothing to "
            "compare."
        )
    unlike = unlike_cases(first.frame, second.frame)
    if unlike:
        raise UserError(f"The two runs {unlike}: their scores cannot be compared case by case.")


def _conditions(first: Material, second: Material) -> tuple[list[tuple[str, int]], dict[str, str]]:
    """Split the conditions of both into those on the same images and the others."""
    present = [
        set(run.frame[["corruption", "severity"]].drop_duplicates().itertuples(index=False, name=None))
        for run in (first, second)
    ]
    kept, skipped = [], {}
    for corruption, severity in sorted({(str(name), int(level)) for part in present for name, level in part}):
        name = f"{corruption} {severity}" if severity else corruption
        digests = [run.details.provenance.get(f"Images, {name}") for run in (first, second)]
        missing = [place for place, part in enumerate(present) if (corruption, severity) not in part]
        if missing:
            skipped[name] = f"only in the {('second', 'first')[missing[0]]} run"
        elif None not in digests and digests[0] != digests[1]:
            skipped[name] = "the images differ"
        else:
            kept.append((corruption, severity))
    return kept, skipped


def _rows(
    frame: pd.DataFrame, model: str, conditions: Sequence[tuple[str, int]], cases: set[str], prefix: str
) -> pd.DataFrame:
    wanted = pd.MultiIndex.from_tuples(conditions)
    present = pd.MultiIndex.from_arrays([frame["corruption"].astype(str), frame["severity"]])
    rows = frame[(frame["model"] == model) & frame["case"].astype(str).isin(cases) & present.isin(wanted)]
    return rows.assign(model=f"{prefix}{model}")


def _compared(frame: pd.DataFrame, options: AnalysisOptions) -> pd.DataFrame:
    whole = complete_cases(frame)
    resampled = resample_scores(whole, resamples=options.resamples, seed=options.seed)
    table = compare_models(whole, resampled, level=options.level)
    means = _means(resampled)
    for side in ("a", "b"):
        keys = zip(table["labels"], table["corruption"], table[f"model_{side}"], strict=True)
        table[f"dice_{side}"] = [means[labels, corruption, model] for labels, corruption, model in keys]
        table[f"model_{side}"] = table[f"model_{side}"].str[len(FIRST) :]
    return table


def _means(resampled: ResampledScores) -> dict[tuple[float, str, str], float]:
    """Mean Dice by label fraction, corruption (``"all"`` over the corruptions) and model: what is compared."""
    dice = estimates_of(resampled, "dice").points
    return {
        (target.labels, target.corruption, model): float(dice[columns] @ weights)
        for target in targets_of(resampled.conditions)
        for model, (columns, weights) in target.terms.items()
    }
