"""The scores of every condition in the form from which the page's script draws curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..details import ReportDetails, ScoringNote
from ..figures.panel import on_grey
from ..figures.style import model_styles
from ..frame import CLEAN
from ..wording import MEASURE_NAMES, corruption_names, labels_text

COUNTS = ("n_cases", "n_groups", "n_draws", "n_seeds")


def curve_measures(scoring: ScoringNote) -> dict[str, tuple[str, str]]:
    """Name the measures that may be drawn and their units, by the prefix of their columns among the scores."""
    unit = scoring.distance_unit
    return {
        **{key: (name, "%") for key, name in MEASURE_NAMES.items()},
        "dice_worst_decile": ("Dice, mean of the worst tenth of the cases", "%"),
        "nsd": (f"Normalised surface Dice at {scoring.tolerance:g} {unit}", "%"),
        "hd95": ("Hausdorff distance, 95th percentile", unit),
        "sensitivity": ("Sensitivity, mean over cases", "%"),
        "precision": ("Precision, mean over cases", "%"),
        "area_error": ("Predicted minus true area, share of the image", "%"),
        "ece": ("Expected calibration error", "%"),
    }


def curve_data(scores: pd.DataFrame, details: ReportDetails, bar: float | None = None) -> dict[str, Any]:
    """Gather what the page's script needs to draw any measure of any condition.

    Parameters
    ----------
    scores
        ``Analysis.scores`` of one data set; measures whose columns are missing or empty are left out.
    details
        Order and scoring.
    bar
        Dice in [0, 1] below which a segmentation is no longer of use: a line in the chart of mean Dice.

    Returns
    -------
    dict
        ``models`` (name, colours on light and on dark ground, marker, dashes, for each corruption whether its family
        was seen in training), ``labels``, ``corruptions``, ``measures`` (key, name, unit), ``bar`` (percent or None)
        and ``points``: places in these lists (corruption -1 is clean), severity, numbers of cases, patients, draws and
        seeds, and for each measure mean, low and high in its unit or None.
    """
    models = details.order_models(scores["model"].tolist())
    styles = model_styles(models)
    labels = sorted(set(scores["labels"]))
    corruptions = details.order_corruptions(corruption_names(scores))
    place = {CLEAN: -1, **{name: position for position, name in enumerate(corruptions)}}
    columns = {
        key: (column, name, unit)
        for key, (name, unit) in curve_measures(details.scoring).items()
        if (column := _column(scores, key))
    }
    points = [
        {
            "model": models.index(row["model"]),
            "labels": labels.index(row["labels"]),
            "corruption": place[row["corruption"]],
            "severity": int(row["severity"]),
            "counts": [int(row[count]) for count in COUNTS],
            "values": [_values(row, key, column, unit) for key, (column, _, unit) in columns.items()],
        }
        for row in scores.to_dict("records")
    ]
    return {
        "models": [
            {
                "name": model,
                "light": style.colour,
                "dark": on_grey(style.colour),
                "marker": style.marker,
                "dashes": style.dashes,
                "trained": [details.trained_for(model, corruption) for corruption in corruptions],
            }
            for model, style in styles.items()
        ],
        "labels": [labels_text(fraction) for fraction in labels],
        "corruptions": corruptions,
        "measures": [{"key": key, "name": name, "unit": unit} for key, (_, name, unit) in columns.items()],
        "bar": None if bar is None else 100 * bar,
        "points": points,
    }


def _column(scores: pd.DataFrame, key: str) -> str:
    """Find the column of a measure's value; empty where there is none or it holds nothing."""
    found = [name for name in (f"{key}_mean", key) if name in scores.columns and scores[name].notna().any()]
    return found[0] if found else ""


def _values(row: Mapping[Any, Any], key: str, column: str, unit: str) -> list[float | None]:
    scale = 100 if unit == "%" else 1
    return [_finite(row.get(name, math.nan), scale) for name in (column, f"{key}_low", f"{key}_high")]


def _finite(value: float, scale: int) -> float | None:
    return round(scale * float(value), 4) if math.isfinite(value) else None
