"""Which test cases a report shows as pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd

TYPICAL = 3
"""Cases in a picture grid."""


def typical_cases(cases: pd.DataFrame, count: int) -> list[str]:
    """Choose cases with small, middling and large lesions: evenly spaced quantiles of the lesion's area.

    Chosen from the truth alone, so that no model's successes or failures are picked. Each is of another patient where
    there are enough; normal cases come only where there is no other.

    Parameters
    ----------
    cases
        One row a case: ``case``, ``group`` (its patient) and ``area`` (of the lesion, in any unit).
    count
        How many; fewer where there are fewer cases.
    """
    if cases.empty:
        return []
    ranked = cases[cases["area"] > 0] if (cases["area"] > 0).any() else cases
    ranked = ranked.sort_values(["area", "case"], kind="stable")
    if ranked["group"].nunique() >= count:
        ranked = ranked.drop_duplicates("group")
    positions = np.linspace(0, len(ranked) - 1, count + 2).round().astype(int)[1:-1]
    return list(dict.fromkeys(ranked["case"].iloc[positions]))


def case_areas(frame: pd.DataFrame) -> pd.DataFrame:
    """List the cases of a frame of scores with their patients and true areas in pixels, as above."""
    cases = frame.drop_duplicates("case")
    area = cases["true_positive"] + cases["false_negative"]
    return pd.DataFrame({"case": cases["case"].astype(str), "group": cases["group"].astype(str), "area": area})


def chosen_cases(frame: pd.DataFrame, count: int, typical: int = TYPICAL) -> list[str]:
    """Choose the cases of a report: typical ones first, then in turn the worst and evenly spread ones.

    Parameters
    ----------
    frame
        Per-case scores as :func:`~biclip_bench.reports.frame.validate_frame` returns them, of one data set.
    count
        How many in all; every case where there are no more.
    typical
        How many typical ones lead the list.

    Returns
    -------
    list[str]
        Ids of cases. "Worst" is the lowest mean Dice over models, trainings and conditions.
    """
    dice = frame.groupby("case", observed=True)["dice"].mean().sort_index()
    worst = [str(case) for case in dice.sort_values(kind="stable").index]
    names = sorted(worst)
    if len(names) <= count:
        first = typical_cases(case_areas(frame), typical)
        return [*first, *(name for name in names if name not in set(first))]
    spread = [names[position] for position in np.linspace(0, len(names) - 1, count).round().astype(int)]
    turns = [case for pair in zip(worst, spread, strict=False) for case in pair]
    return list(dict.fromkeys([*typical_cases(case_areas(frame), typical), *turns]))[:count]
