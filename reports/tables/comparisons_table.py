"""The paired comparisons: who is better than whom, by how much, and whether the data settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.analysis import Analysis
from ..inference.comparisons import METHODS
from ..inference.targets import ALL
from ..wording import NO_VALUE, joined, labels_text
from .captions import caption
from .marks import blind_models, records
from .number_cells import cell_of
from .result_table import ResultTable, TableCell, TableRow
from .signs import scope_note

MOST_MODELS_IN_PAIRS = 4
"""With more models only the pairs with the best are shown: five have ten pairs under every condition."""


def comparisons_table(analysis: Analysis, details: ReportDetails) -> ResultTable | None:
    """Build the table of paired comparisons of mean Dice.

    With a reference its pairs are shown. Without one all pairs are, or, with more than four models, those with the
    model of the highest mean Dice under each condition and label fraction.

    Returns
    -------
    ResultTable or None
        None where the analysis compared nothing.
    """
    comparisons = analysis.comparisons
    if comparisons.empty:
        return None
    reference = analysis.options.reference
    names = sorted(set(comparisons["model_a"]) | set(comparisons["model_b"]))
    leaders_alone = reference is None and len(names) > MOST_MODELS_IN_PAIRS
    conditions = [
        name
        for name in (CLEAN, *details.order_corruptions(sorted(set(comparisons["corruption"]) - {CLEAN, ALL})), ALL)
        if name in set(comparisons["corruption"])
    ]
    several = comparisons["n_patients"].nunique() > 1
    groups = []
    for condition in conditions:
        block = comparisons[comparisons["corruption"] == condition]
        rows = [
            row
            for labels in sorted(set(block["labels"]))
            for row in _rows(block[block["labels"] == labels], details, reference, leaders_alone, several)
        ]
        groups.append(("all corruptions" if condition == ALL else condition, tuple(rows)))
    level = analysis.options.level
    patients = f"{comparisons['n_patients'].iloc[0]:.0f} patients in each pair." if not several else ""
    return ResultTable(
        "comparisons",
        "Paired comparisons",
        caption(
            "Differences of mean Dice (percentage points), the first model minus the second",
            analysis.scores,
            details,
        ),
        ("Difference", "p", "Effect", "Superiority", *(["Patients"] if several else []), "Verdict"),
        tuple(groups),
        joined(
            f"In brackets the {100 * level:g}% bootstrap interval;",
            "p: paired Wilcoxon test over patients (with five trainings or more of both, the larger of this and of a "
            "test over trainings), Holm-adjusted over all pairs and conditions of a label fraction; Effect: "
            "matched-pairs rank-biserial correlation;",
            "Superiority: percent of patients on whom the first is better, ties half.",
            patients,
            "Under a corruption, Dice is the mean over its severities.",
            f"A verdict needs p below {1 - level:.2g} and an interval without zero; not settled is no evidence of a "
            "tie.",
            scope_note(comparisons),
            "Only pairs with the best model of each condition are shown; comparisons.csv has all."
            if leaders_alone
            else "",
        ),
        heads=("Pair", "Labels"),
        intervals=True,
        grouping="Condition",
    )


def _rows(
    block: pd.DataFrame, details: ReportDetails, reference: str | None, leaders_alone: bool, patients: bool
) -> list[TableRow]:
    rows = records(block)
    if leaders_alone:
        reference = _leader(rows, blind_models(details))
    if reference is not None:
        rows = [row for row in rows if reference in (row["model_a"], row["model_b"])]
    order = details.order_models([row[name] for row in rows for name in ("model_a", "model_b")])
    turned = [_turned(row) if row["model_b"] != reference and row["model_a"] == reference else row for row in rows]
    turned.sort(key=lambda row: (order.index(row["model_a"]), order.index(row["model_b"])))
    mixed = len(set(block["scope"])) > 1
    return [
        TableRow(
            f"{row['model_a']} \u2212 {row['model_b']}",
            labels_text(row["labels"]),
            False,
            (
                cell_of(row, "difference", "interval", signed=True),
                _p_cell(float(row["p_holm"])),
                cell_of(row, "effect_size", factor=1.0, digits=2, signed=True),
                cell_of(row, "superiority", digits=0),
                *([TableCell(f"{row['n_patients']:.0f}", value=float(row["n_patients"]))] if patients else []),
                TableCell(_verdict(row, mixed)),
            ),
        )
        for row in ({**row, "interval_low": row["low"], "interval_high": row["high"]} for row in turned)
    ]


def _leader(rows: list[dict[str, Any]], blind: Sequence[str]) -> str:
    """The model, of those that see the image, whose mean Dice is highest: its differences have the largest sum."""
    names = sorted({row[name] for row in rows for name in ("model_a", "model_b")})
    lead = {
        name: sum(
            (row["difference"] if row["model_a"] == name else -row["difference"])
            for row in rows
            if name in (row["model_a"], row["model_b"]) and not math.isnan(row["difference"])
        )
        for name in names
    }
    return str(max([name for name in names if name not in blind] or names, key=lambda name: lead[name]))


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    """The same comparison seen from the other model, so that a reference always stands second."""
    return {
        **row,
        "model_a": row["model_b"],
        "model_b": row["model_a"],
        "difference": -row["difference"],
        "low": -row["high"],
        "high": -row["low"],
        "effect_size": -row["effect_size"],
        "superiority": 1 - row["superiority"],
        "verdict": {"a": "b", "b": "a"}.get(row["verdict"], row["verdict"]),
    }


def _p_cell(p: float) -> TableCell:
    if math.isnan(p):
        return TableCell(NO_VALUE)
    return TableCell("<0.001" if p < 0.001 else f"{p:.3f}", value=p)


def _verdict(row: dict[str, Any], mixed: bool) -> str:
    winner = {"a": row["model_a"], "b": row["model_b"]}.get(row["verdict"])
    if winner is None:
        return str(row["verdict"])
    return f"{winner} better{' (methods)' if mixed and row['scope'] == METHODS else ''}"
