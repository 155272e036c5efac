"""Differences between models in sentences: how large, between which bounds, and whether the data settle them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..inference.analysis import Analysis
from ..inference.comparisons import METHODS, NOT_SETTLED, TOO_FEW
from ..wording import listed, p_text, percent_interval, points, too_few_trainings

MOST_NAMED = 4
"""Models named in one sentence; of more, only their number is given."""


@dataclass(frozen=True)
class Difference:
    """One comparison seen from the model that leads.

    Parameters
    ----------
    leader, other
        The two models.
    difference, low, high
        Dice of the leader minus that of the other, with its interval.
    p_holm
        Corrected p value.
    verdict
        ``"leader"``, ``"other"``, ``"not settled"`` or ``"too few patients"``.
    scope
        ``"methods"`` or ``"trained models"``.
    n_patients
        On whom the two were compared.
    """

    leader: str
    other: str
    difference: float
    low: float
    high: float
    p_holm: float
    verdict: str
    scope: str
    n_patients: int


def differences_from(
    analysis: Analysis, leader: str, others: Sequence[str], corruption: str, labels: float
) -> list[Difference]:
    """Find the comparisons of one model with others under a condition, in the order of the others."""
    table = analysis.comparisons
    own = table[(table["corruption"] == corruption) & (table["labels"] == labels)]
    rows = {(row["model_a"], row["model_b"]): row for _, row in own.iterrows()}
    found = []
    for other in others:
        if (leader, other) in rows:
            found.append(_oriented(rows[leader, other], leader, other, 1))
        elif (other, leader) in rows:
            found.append(_oriented(rows[other, leader], leader, other, -1))
    return found


def _oriented(row: pd.Series, leader: str, other: str, sign: int) -> Difference:
    low, high = (row["low"], row["high"]) if sign > 0 else (-row["high"], -row["low"])
    winner = {"a": "leader" if sign > 0 else "other", "b": "other" if sign > 0 else "leader"}
    return Difference(
        leader,
        other,
        sign * row["difference"],
        low,
        high,
        row["p_holm"],
        winner.get(row["verdict"], row["verdict"]),
        row["scope"],
        int(row["n_patients"]),
    )


def lead_text(found: Difference) -> str:
    """Say how far the leader is ahead: ``"5.4 points (4.2 to 6.4) ahead of model B"``."""
    interval = percent_interval(found.low, found.high)
    bracket = f" ({interval})" if interval else ""
    if found.difference < 0:
        return f"{points(-found.difference)} behind {found.other} on the patients that both were scored on"
    return f"{points(found.difference)}{bracket} ahead of {found.other}"


def settled_text(found: Difference, scores: pd.DataFrame, *, brief: bool = False) -> str:
    """Say whether a lead is real, and of what, as the end of the sentence that names the lead.

    Parameters
    ----------
    found
        The comparison.
    scores
        Condition scores, for the number of trainings.
    brief
        Leave out why trained models are not methods.
    """
    tested = f"Holm-adjusted {p_text(found.p_holm)}, {found.n_patients} patients"
    if found.verdict == TOO_FEW:
        count = f"{found.n_patients} patient{' is' if found.n_patients == 1 else 's are'}"
        return f", but {count} too few to settle that."
    if found.verdict == NOT_SETTLED:
        why = f" ({tested})" if p_text(found.p_holm) else ""
        return f", but the data do not settle which of the two is better{why}."
    if found.scope == METHODS:
        return f", a significant difference between the methods ({tested})."
    significant = f", a significant difference between these trained models ({tested})"
    if brief:
        return f"{significant}."
    own = scores[scores["model"].isin([found.leader, found.other])]
    return f"{significant}; {too_few_trainings(own)}."


def rest_text(found: Sequence[Difference]) -> str:
    """Say of the models after the second whether the lead over them is settled."""
    sure = [one.other for one in found if one.verdict == "leader"]
    open_ones = [one.other for one in found if one.verdict != "leader"]
    parts = []
    if sure:
        parts.append(f"Its lead over {_named(sure)} is significant")
    if open_ones:
        parts.append(f"{'that' if sure else 'Its lead'} over {_named(open_ones)} is not settled")
    return f"{', '.join(parts)}." if parts else ""


def _named(models: Sequence[str]) -> str:
    return listed(models) if len(models) <= MOST_NAMED else f"{len(models)} other models"
