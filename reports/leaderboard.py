"""A report's scores for machines: leaderboard rows as JSON, and the metadata of a Hugging Face model card."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from biclip_bench.errors import UserError

from .details import ReportDetails
from .frame import CLEAN
from .inference.analysis import Analysis

SCHEMA = 1
"""Raised whenever a key changes its meaning."""

CARD_METRICS = {
    "dice_clean": "Dice, mean over cases, clean images",
    "dice_corrupted": "Dice, mean over cases, mean over corruptions and severities",
    "dice_retention": "Share of the clean Dice kept under corruption",
    "iou_clean": "IoU, mean over cases, clean images",
    "iou_corrupted": "IoU, mean over cases, mean over corruptions and severities",
}
"""Columns of the overall table that a model card shows, with their names."""


def leaderboard_rows(analysis: Analysis, details: ReportDetails) -> dict[str, Any]:
    """Put every model's scores into one JSON document with all that is needed to trust or repeat them.

    Parameters
    ----------
    analysis, details
        Of one report.

    Returns
    -------
    dict
        Scores in shares from 0 to 1 (distances in ``distance_unit``); what is not defined is None.
    """
    notes = {note.name: note for note in details.models}
    rows = []
    for model in details.order_models(analysis.scores["model"].astype(str).tolist()):
        own = analysis.scores[analysis.scores["model"] == model]
        for labels in sorted(own["labels"].unique()):
            note = notes.get(model)
            rows.append(
                {
                    "model": model,
                    "labels_percent": float(labels),
                    "paper": note.paper if note else None,
                    "uses_text": note.uses_text if note else None,
                    "uses_image": note.uses_image if note else True,
                    "pretrained": note.pretrained if note else None,
                    "parameters": note.parameters if note else None,
                    "corruption_families_seen_in_training": list(note.augmented_with)
                    if note and note.augmented_with is not None
                    else None,
                    "overall": _overall(analysis, model, labels),
                    "conditions": _records(analysis.scores, model, labels),
                    "robustness": _records(analysis.summary, model, labels),
                }
            )
    return {
        "schema": SCHEMA,
        "made_by": f"biclip-bench {details.versions.get('biclip-bench', '')}".strip(),
        "dataset": details.dataset,
        "split": details.split,
        "setting": details.profile,
        "comparable_with_the_paper": details.is_paper_setting,
        "scoring": {
            "distance_unit": details.scoring.distance_unit,
            "surface_tolerance": details.scoring.tolerance,
            "threshold": details.scoring.threshold,
            "confidence_level": analysis.options.level,
            "bootstrap_resamples": analysis.options.resamples,
        },
        "rows": rows,
        "settings": dict(details.settings),
        "provenance": dict(details.provenance),
        "versions": dict(details.versions),
    }


def model_card(analysis: Analysis, details: ReportDetails, model: str | None = None) -> str:
    """Write the ``model-index`` of a Hugging Face model card as YAML front matter.

    Parameters
    ----------
    analysis, details
        Of one report.
    model
        Which model's card; may be left out where there is one.

    Raises
    ------
    UserError
        If the model is not in the report, or must be named.
    """
    import yaml

    present = details.order_models(analysis.scores["model"].astype(str).tolist())
    if model is None and len(present) > 1:
        raise UserError(f"A model card is about one model: choose one with --model. Known: {', '.join(present)}.")
    name = model or present[0]
    if name not in present:
        raise UserError(f"--model {name}: the report has no such model. Known: {', '.join(present)}.")
    fractions = sorted(analysis.scores.loc[analysis.scores["model"] == name, "labels"].unique())
    results = [_card_result(analysis, details, name, labels) for labels in fractions]
    front = {"model-index": [{"name": name, "results": [result for result in results if result["metrics"]]}]}
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n"


def _card_result(analysis: Analysis, details: ReportDetails, model: str, labels: float) -> dict[str, Any]:
    found = _overall(analysis, model, labels)
    corruptions = sorted(set(analysis.scores["corruption"].astype(str)) - {CLEAN})
    return {
        "task": {"type": "image-segmentation", "name": "Medical image segmentation under corruption"},
        "dataset": {
            "type": details.dataset,
            "name": details.dataset,
            "split": "test",
            **({"revision": details.provenance["Data set"]} if "Data set" in details.provenance else {}),
            "args": {
                "labels_percent": float(labels),
                "corruptions": corruptions,
                "setting": details.profile,
                "made_by": f"biclip-bench {details.versions.get('biclip-bench', '')}".strip(),
            },
        },
        "metrics": [
            {"type": key, "name": title, "value": round(found[key], 6)}
            for key, title in CARD_METRICS.items()
            if found.get(key) is not None
        ],
    }


def _overall(analysis: Analysis, model: str, labels: float) -> dict[str, Any]:
    (row,) = _records(analysis.overall, model, labels)
    return row


def _records(table: pd.DataFrame, model: str, labels: float) -> list[dict[str, Any]]:
    own = table[(table["model"] == model) & (table["labels"] == labels)].drop(columns=["dataset", "model", "labels"])
    return [{str(key): _plain(value) for key, value in row.items()} for row in own.to_dict("records")]


def _plain(value: Any) -> Any:
    """Turn a cell into what JSON has: None for what is not defined."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
