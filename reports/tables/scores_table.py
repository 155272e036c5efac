"""The further scores: what Dice alone does not tell."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import corruption_names, joined, labels_text, severities_text
from .captions import caption, trained_note
from .marks import HIGHER, LOWER, NEITHER, blind_models, mark_best, model_labels
from .number_cells import cell_of
from .result_table import ResultTable, TableRow
from .signs import marks_note

COLUMNS = {
    "dice_worst_decile": ("Worst tenth", HIGHER, 100.0),
    "sensitivity_mean": ("Sensitivity", HIGHER, 100.0),
    "precision_mean": ("Precision", HIGHER, 100.0),
    "area_error_mean": ("Area bias", NEITHER, 100.0),
    "area_error_absolute": ("Area error", LOWER, 100.0),
    "ece_mean": ("ECE", LOWER, 100.0),
    "nsd_mean": ("NSD", HIGHER, 100.0),
    "hd95_mean": ("HD95", LOWER, 1.0),
}
"""Heading, which way is better, and the factor from the analysis' unit."""

DIGITS = {"area_error_mean": 2, "area_error_absolute": 2}


def scores_table(scores: pd.DataFrame, details: ReportDetails) -> ResultTable | None:
    """Build the table of the further scores on clean images and, for each corruption, as mean over its severities.

    Columns without any number are left out.

    Parameters
    ----------
    scores
        The analysis' condition scores.
    details
        Order, setting, and the unit and tolerance of distances.

    Returns
    -------
    ResultTable or None
        None where no further score was computed.
    """
    shown = [column for column in COLUMNS if column in scores and scores[column].notna().any()]
    if not shown:
        return None
    blind = blind_models(details)
    groups = []
    for corruption in [CLEAN, *details.order_corruptions(corruption_names(scores))]:
        block = scores[scores["corruption"] == corruption]
        if block.empty:
            continue
        severities = " ".join(str(severity) for severity in sorted(set(block["severity"])))
        heading = corruption if corruption == CLEAN else f"{corruption} (mean over {severities_text(severities)})"
        rows = [
            TableRow(
                model,
                labels_text(labels),
                details.trained_for(model, corruption),
                tuple(
                    cell_of(
                        means,
                        name,
                        factor=COLUMNS[name][2],
                        digits=DIGITS.get(name, 1),
                        signed=name == "area_error_mean",
                    )
                    for name in shown
                ),
            )
            for model, labels in model_labels(block, details)
            for means in [_means(block, model, labels, shown)]
        ]
        groups.append((heading, mark_best(rows, [COLUMNS[name][1] for name in shown], blind)))
    every = [row for _, rows in groups for row in rows]
    unit = details.scoring.distance_unit
    meanings = {
        "dice_worst_decile": "Worst tenth is the mean Dice of the worst tenth of the cases",
        "sensitivity_mean": "Sensitivity leaves out cases without a lesion",
        "precision_mean": "Precision leaves out cases in which nothing was predicted",
        "area_error_mean": "Area bias is predicted minus true area in percent of the image",
        "area_error_absolute": "Area error is its absolute value, averaged",
        "ece_mean": "ECE is the expected calibration error of the foreground probability over 15 bins",
        "nsd_mean": f"NSD is the normalised surface Dice at {details.scoring.tolerance:g} {unit}",
        "hd95_mean": f"HD95 is the 95th percentile distance between outlines in {unit}",
    }
    # Metrics Reloaded (Maier-Hein et al. 2024) gives the worst value where one of the two masks is empty.
    one_empty = "Where one of the two masks is empty, NSD is 0 and HD95 the image's diagonal."
    lower = [COLUMNS[name][0] for name in shown if COLUMNS[name][1] == LOWER]
    text = [
        f"{'; '.join(meanings[name] for name in shown)}.",
        f"Lower is better for {', '.join(lower)}." if lower else "",
        one_empty if {"nsd_mean", "hd95_mean"} & set(shown) else "",
    ]
    return ResultTable(
        "further-scores",
        "Further scores",
        caption(f"Means over cases (%{f', HD95 in {unit}' if 'hd95_mean' in shown else ''})", scores, details),
        tuple(COLUMNS[name][0] for name in shown),
        tuple(groups),
        joined(
            *text,
            trained_note(
                any(row.trained_for for row in every),
                details.untold_training(scores["model"].tolist()) if corruption_names(scores) else [],
            ),
            marks_note(every, None, blind),
        ),
        grouping="Condition",
    )


def _means(block: pd.DataFrame, model: str, labels: float, columns: list[str]) -> dict[str, Any]:
    """Average over severities; NaN where one of them has no value, since other severities are another condition."""
    rows = block[(block["model"] == model) & (block["labels"] == labels)]
    if len(rows) != len(set(block["severity"])):
        return dict.fromkeys(columns, math.nan)
    means: dict[str, Any] = {column: float(rows[column].mean(skipna=False)) for column in columns}
    if len(rows) == 1:
        means |= {
            f"{column}_{end}": rows[f"{column.removesuffix('_mean')}_{end}"].iloc[0]
            for column in columns
            for end in ("low", "high")
            if f"{column.removesuffix('_mean')}_{end}" in rows
        }
    return means
