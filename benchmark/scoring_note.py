"""What a report says about how cases were scored: grid, threshold, unit of the distances."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..reports.details import ScoringNote
from .cells import VALIDATION, EvaluationCell, Threshold
from .store import DESCRIPTION, Store
from .surface_distance import NSD_TOLERANCE
from .threshold import CANDIDATES

EMPTY_RULE = "both masks empty counts as perfect, one of them empty as the worst"

SCORING = f"on the native mask grid, logits resized bilinearly; {EMPTY_RULE}"

_CHOSEN = (
    f"chosen per trained model on its clean validation cases ({CANDIDATES[0]:g} to {CANDIDATES[-1]:g} in steps of "
    f"{CANDIDATES[1] - CANDIDATES[0]:g}, the highest mean Dice)"
)


def scoring_note(threshold: Threshold, pixel_size_mm: float | None) -> ScoringNote:
    """Say what the scores' numbers mean.

    Parameters
    ----------
    threshold
        As it was asked for.
    pixel_size_mm
        Side of a pixel where it is known (see :func:`~biclip_bench.benchmark.pixel_size.pixel_size_mm`).
    """
    words = f"a value {_CHOSEN}" if threshold == VALIDATION else f"{threshold:g}"
    return ScoringNote("px" if pixel_size_mm is None else "mm", NSD_TOLERANCE, f"probability above {words}")


def scoring_settings(note: ScoringNote, cells: Sequence[EvaluationCell], store: Store) -> dict[str, str]:
    """Say in a report's settings how its finished cells were scored.

    Parameters
    ----------
    note
        What the scores' numbers mean.
    cells
        The evaluation cells of the report; at least one.
    store
        Where they lie.
    """
    where = "the native mask grid" if note.distance_unit == "px" else "the pixel size that is known"
    return {
        "Threshold": _threshold_text(cells, store),
        "Distances": f"HD95 in {note.distance_unit}, from {where}; NSD with a tolerance of {note.tolerance:g} "
        f"{note.distance_unit}",
    }


def _threshold_text(cells: Sequence[EvaluationCell], store: Store) -> str:
    asked = cells[0].threshold
    if asked != VALIDATION:
        return f"{asked:g} for every model"
    found: dict[str, dict[str, set[float]]] = {}
    for cell in cells:
        description = json.loads((store.evaluation_folder(cell) / DESCRIPTION).read_text(encoding="utf-8"))
        trained = found.setdefault(cell.training.model, {}).setdefault(cell.training.key, set())
        trained.add(float(description["threshold"]))
    return f"{_CHOSEN}: " + "; ".join(f"{model} {_values(list(by_key.values()))}" for model, by_key in found.items())


def _values(chosen: Sequence[set[float]]) -> str:
    """The values of one model's trainings, each with the number of trainings where there are several."""
    counts = {value: sum(value in values for values in chosen) for value in sorted(set().union(*chosen))}
    if len(chosen) == 1:
        return " and ".join(f"{value:g}" for value in counts)
    return ", ".join(f"{value:g} ({count} of {len(chosen)} trainings)" for value, count in counts.items())
