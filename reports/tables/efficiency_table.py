"""Label efficiency: what a model makes of few labels."""

from __future__ import annotations

import math

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.analysis import Analysis
from ..wording import joined, labels_text
from .captions import caption, trained_note
from .marks import HIGHER, LOWER, blind_models, mark_best, records
from .number_cells import cell_of, number_cell
from .result_table import ResultTable, TableCell, TableRow
from .signs import marks_note


def efficiency_table(analysis: Analysis, details: ReportDetails) -> ResultTable | None:
    """Build the table of Dice by label fraction, its area, and the labels needed to match the reference.

    Returns
    -------
    ResultTable or None
        None with one label fraction.
    """
    efficiency = analysis.efficiency
    if efficiency.empty:
        return None
    fractions = sorted(set(analysis.scores["labels"]))
    dice = _dice(analysis)
    blind = blind_models(details)
    found = {(row["model"], row["corruption"]): row for row in records(efficiency)}
    corruptions = sorted({corruption for _, corruption in found} - {CLEAN})
    groups = []
    for corruption in [CLEAN, *details.order_corruptions(corruptions)]:
        rows = []
        for model in details.order_models([model for model, name in found if name == corruption]):
            row = found[(model, corruption)]
            cells = [number_cell(dice.get((model, share, corruption), math.nan)) for share in fractions]
            cells += [cell_of(row, "dice_area"), _match_cell(float(row["labels_to_match"]))]
            rows.append(TableRow(model, "", details.trained_for(model, corruption), tuple(cells)))
        groups.append((corruption, mark_best(rows, [HIGHER] * (len(fractions) + 1) + [LOWER], blind)))
    every = [row for _, rows in groups for row in rows]
    reference = " or ".join(sorted({str(row["reference"]) for row in found.values()}))
    return ResultTable(
        "label-efficiency",
        "Label efficiency",
        caption(
            "Dice, mean over cases (%), by percent of the training labels",
            analysis.scores,
            details,
        ),
        (*(labels_text(share) for share in fractions), "Area", "To match"),
        tuple(groups),
        joined(
            "Under a corruption, Dice is the mean over its severities. Area is that under Dice against the logarithm "
            "of the label percentage, divided by its range. To match is the percent of the labels at which a model "
            f"reaches the Dice of {reference} at its most labels (interpolated); lower is better.",
            trained_note(
                any(row.trained_for for row in every),
                details.untold_training(analysis.scores["model"].tolist()) if corruptions else [],
            ),
            marks_note(every, None, blind),
        ),
        heads=("Model",),
        grouping="Condition",
    )


def _dice(analysis: Analysis) -> dict[tuple[str, float, str], float]:
    clean = analysis.scores[analysis.scores["corruption"] == CLEAN]
    parts = [
        clean[["model", "labels", "corruption"]].assign(dice=clean["dice_mean"]),
        analysis.summary[["model", "labels", "corruption"]].assign(dice=analysis.summary["dice_corrupted"]),
    ]
    return {(row["model"], row["labels"], row["corruption"]): float(row["dice"]) for row in records(pd.concat(parts))}


def _match_cell(labels: float) -> TableCell:
    if math.isnan(labels):
        return TableCell("never", value=math.inf)
    return TableCell(f"{labels:.3g}" if labels < 100 else f"{labels:.0f}", value=labels)
