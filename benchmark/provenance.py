"""What must agree between two reports whose scores stand in one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..corruptions.seeding import SUITE_VERSION
from ..reports.details import ScoringNote
from .cells import CLEAN, EvaluationCell, OutsideModel, TrainingCell, digest

OF_A_TRAINING = ("labels", "cases", "seed", "draw", "validation", "dataset", "fingerprint")
"""What may differ between the trainings of one model in one table, or is told by a name of its own."""


def provenance_of(
    fingerprint: str,
    scoring: ScoringNote,
    models: Iterable[TrainingCell | OutsideModel],
    evaluations: Sequence[EvaluationCell],
) -> dict[str, str]:
    """Digests of the data, of every condition and of every model's settings.

    Parameters
    ----------
    fingerprint
        Of the data set.
    scoring
        What the scores' numbers mean.
    models
        What was trained, or evaluated from elsewhere.
    evaluations
        Under which conditions.
    """
    conditions = {(cell.corruption, cell.severity): _images(cell.condition) for cell in evaluations}
    named = {CLEAN if name == CLEAN else f"{name} {severity}": key for (name, severity), key in conditions.items()}
    contexts = {digest(cell.condition["context"]) for cell in evaluations if "context" in cell.condition}
    return {
        "Data set": fingerprint,
        "Corruption suite": str(SUITE_VERSION),
        "Threshold": scoring.threshold,
        "Distances": f"{scoring.distance_unit}, surfaces agree within {scoring.tolerance:g}",
        **({"Meaning of the pixels": " ".join(sorted(contexts))} if contexts else {}),
        **{f"Images, {name}": key for name, key in named.items()},
        **{f"Model {cell.model}": _settings(cell) for cell in models},
    }


def _images(condition: Mapping[str, Any]) -> str:
    """Digest what is applied to the images, whether a run or a release tells it."""
    parts = [
        {
            "corruption": part["corruption"],
            "version": part["version"],
            "severity": part["severity"],
            "level": part["level"] if "level" in part else {k: v["value"] for k, v in part["parameters"].items()},
        }
        for part in condition.get("parts", [])
    ]
    return digest(parts)


def _settings(cell: TrainingCell | OutsideModel) -> str:
    """Digest what all trainings of a model share; a file from elsewhere is itself a training's own."""
    own = (*OF_A_TRAINING, "sha256") if isinstance(cell, OutsideModel) else OF_A_TRAINING
    return digest({key: value for key, value in cell.identity().items() if key not in own})
