"""What models are compared on: clean images, each corruption, and all corruptions together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..frame import CELL, CLEAN, CONDITION, combined_codes
from .estimates import Terms, mean_terms

FAMILY = ("dataset", "labels")

ALL = "all"
"""Name of the mean over the corruptions."""


@dataclass(frozen=True)
class Target:
    """One number of every model: a mean of conditions that are the same for all of them.

    Parameters
    ----------
    dataset, labels
        The family that the comparison belongs to.
    corruption
        ``"clean"``, a corruption (the mean over its severities) or ``"all"`` (the mean over the corruptions).
    terms
        By model, the places of the conditions and their weights.
    """

    dataset: str
    labels: float
    corruption: str
    terms: dict[str, Terms]

    @property
    def family(self) -> tuple[str, float]:
        """Data set and label fraction."""
        return self.dataset, self.labels


def targets_of(conditions: pd.DataFrame, without: Sequence[str] = ()) -> list[Target]:
    """List the targets of every data set and label fraction.

    A corruption's severities are those at which every model that has the corruption was run. ``"all"`` is there with
    two corruptions or more that every model of the family has.

    Parameters
    ----------
    conditions
        One row per condition.
    without
        Models to leave out.
    """
    targets: list[Target] = []
    families: dict[tuple[str, float], dict[str, dict[str, dict[int, int]]]] = {}
    rows = conditions[list(CONDITION)].itertuples(index=False, name=None)
    for place, (dataset, model, labels, corruption, severity) in enumerate(rows):
        if model not in without:
            family = families.setdefault((dataset, labels), {})
            family.setdefault(corruption, {}).setdefault(model, {})[severity] = place
    for (dataset, labels), family in sorted(families.items()):
        found: dict[str, dict[str, Terms]] = {}
        for corruption, models in sorted(family.items(), key=lambda item: (item[0] != CLEAN, item[0])):
            shared = sorted(set.intersection(*(set(places) for places in models.values())))
            if shared:
                found[corruption] = {
                    model: mean_terms([places[severity] for severity in shared]) for model, places in models.items()
                }
        everyone = {model for models in family.values() for model in models}
        common = shared_corruptions(found, everyone)
        if len(common) > 1:
            found[ALL] = {model: mean_of_terms([found[name][model] for name in common]) for model in sorted(everyone)}
        targets += [Target(dataset, labels, corruption, terms) for corruption, terms in found.items()]
    return targets


def shared_corruptions(found: dict[str, dict[str, Terms]], models: set[str]) -> list[str]:
    """Name the corruptions that every one of the models has."""
    return [name for name, terms in found.items() if name not in (CLEAN, ALL) and set(terms) >= models]


def mean_of_terms(terms: Sequence[Terms]) -> Terms:
    """Weigh several sums equally."""
    columns = np.concatenate([columns for columns, _ in terms])
    return columns, np.concatenate([weights for _, weights in terms]) / len(terms)


def complete_cases(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the cases that every model of a data set and label fraction was scored on under all its conditions.

    Parameters
    ----------
    frame
        A validated frame; returned as it is where nothing is missing.
    """
    family = combined_codes(frame, FAMILY)
    first_of_cell = np.unique(combined_codes(frame, (*FAMILY, *CELL)), return_index=True)[1]
    cells = np.bincount(family[first_of_cell], minlength=int(family.max()) + 1)
    case, rows = np.unique(combined_codes(frame, (*FAMILY, "case")), return_inverse=True, return_counts=True)[1:]
    complete = rows[case] == cells[family]
    return frame if complete.all() else frame[complete].reset_index(drop=True)
