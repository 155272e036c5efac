"""Where models fail: their worst cases, the bar, the error against a reference, and the labels that they need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.analysis import Analysis
from ..wording import labels_text, listed, percent

MOST_NAMED = 3
"""Corruptions named for each model; of more, only their number is given."""


def worst_cases(analysis: Analysis, models: Sequence[str], labels: float) -> list[str]:
    """Say whose worst tenth of the cases is worst."""
    column = "dice_worst_decile_corrupted"
    table = _at(analysis.overall, models, labels).dropna(subset=[column])
    if table.empty:
        return []
    ordered = table.sort_values([column, "model"])
    lowest, highest = ordered.iloc[0], ordered.iloc[-1]
    where = "In the worst tenth of the corrupted cases"
    if len(table) == 1:
        return [f"{where}, the Dice of {lowest['model']} is {percent(lowest[column])}% on average."]
    return [
        f"{where}, {lowest['model']} fails most: Dice {percent(lowest[column])}% on average, "
        f"against {percent(highest[column])}% for {highest['model']}, which fails least."
    ]


def below_bar(analysis: Analysis, models: Sequence[str], labels: float, details: ReportDetails) -> list[str]:
    """Say where the mean Dice of each model falls below the bar."""
    table = _at(analysis.summary, models, labels)
    if table.empty:
        return []
    parts, above = [], []
    for model in models:
        own = table[table["model"] == model].set_index("corruption")["severity_below_bar"].dropna()
        names = [name for name in details.order_corruptions(list(own.index)) if own[name] > 0]
        if (own == 0).any():
            parts.append(f"{model} on clean images already")
        elif names:
            named = [f"under {name} from severity {own[name]:g}" for name in names[:MOST_NAMED]]
            more = [f"under {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
            parts.append(f"{model} {listed([*named, *more])}")
        elif model in set(table["model"]):
            above.append(model)
    bar = f"the bar of {100 * analysis.options.bar:g}% mean Dice"
    if not parts:
        return [f"No model falls below {bar} under any condition tested."]
    stays = f" {listed(above)} stay{'s' if len(above) == 1 else ''} above it throughout." if above else ""
    return [f"Below {bar} fall{'s' if len(parts) == 1 else ''}: {'; '.join(parts)}.{stays}"]


def errors(analysis: Analysis, models: Sequence[str], labels: float) -> list[str]:
    """Say whose corruption error is lowest, relative to the reference."""
    reference = analysis.reference
    table = _at(analysis.overall, models, labels).dropna(subset=["mean_corruption_error"])
    if reference not in models or not (table["model"] != reference).any():
        return []
    ordered = table.sort_values(["mean_corruption_error", "model"])
    lowest, highest = ordered.iloc[0], ordered.iloc[-1]
    return [
        f"Relative to {reference} (100%), the mean corruption error is lowest for {lowest['model']} "
        f"({percent(lowest['mean_corruption_error'])}%) and highest for {highest['model']} "
        f"({percent(highest['mean_corruption_error'])}%); higher is worse."
    ]


def labels_needed(analysis: Analysis, models: Sequence[str]) -> list[str]:
    """Say what share of the labels each model needs to match the reference at its most labels, on clean images."""
    table = analysis.efficiency
    if table.empty:
        return []
    clean = table[(table["corruption"] == CLEAN) & table["model"].isin(models)]
    reference = analysis.reference
    if clean.empty or reference not in models:
        return []
    most = max((float(share) for share in clean["fractions"].iloc[0].split()), default=np.nan)
    parts, never = [], []
    for model, needed in zip(clean["model"], clean["labels_to_match"], strict=True):
        if model == reference:
            continue
        if np.isfinite(needed):
            parts.append(f"{model} matches it with {needed:.2g}% of them")
        else:
            never.append(model)
    if never:
        parts.append(f"{listed(never)} {'does' if len(never) == 1 else 'do'} not reach it")
    area = clean.sort_values(["dice_area", "model"], ascending=[False, True]).iloc[0]
    best = (
        f"Averaged over the label fractions (on a log scale), the highest clean Dice is that of {area['model']}: "
        f"{percent(area['dice_area'])}%."
    )
    if not parts:
        return [best]
    return [f"The clean Dice that {reference} has with {labels_text(most)} of the labels: {'; '.join(parts)}. {best}"]


def _at(table: pd.DataFrame, models: Sequence[str], labels: float) -> pd.DataFrame:
    return table[(table["labels"] == labels) & table["model"].isin(models)]
