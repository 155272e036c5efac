"""The pictures of a report: a few test cases at every severity with each model's prediction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..reports import Picture
from .cells import EvaluationCell
from .datasets.base import Case, Dataset
from .evaluation import corrupted_images, decode_mask
from .inputs import apply_window
from .plan import Plan
from .store import Store

CASES = 3
"""Cases in a picture grid."""


def typical_cases(index: pd.DataFrame, count: int = CASES) -> list[str]:
    """Test cases with a small, a middling and a large lesion: evenly spaced quantiles of the lesion's area.

    Chosen from the truth alone, so that no model's successes or failures are picked. Each is of another patient
    where there are enough.
    """
    tests = index[(index["part"] == "test") & (index["lesion_fraction"] > 0)]
    if tests.empty:
        tests = index[index["part"] == "test"]
    ranked = tests.sort_values(["lesion_fraction", "case"], kind="stable")
    if ranked["group"].nunique() >= count:
        ranked = ranked.drop_duplicates("group")
    positions = np.linspace(0, len(ranked) - 1, count + 2).round().astype(int)[1:-1]
    return list(dict.fromkeys(ranked["case"].iloc[positions]))


def picture(
    dataset: Dataset, case: Case, corruption: str, severity: int, predictions: Mapping[str, NDArray[np.bool_]]
) -> Picture:
    """Make one panel: the corrupted image in grey, through the window that a model sees."""
    image = apply_window(corrupted_images([case], dataset, corruption, severity), dataset.context.window)[0]
    return Picture(case.id, case.text, corruption, severity, image.mean(dim=0).numpy(), case.mask, predictions)


def report_pictures(plan: Plan, dataset: Dataset, store: Store) -> list[Picture]:
    """Make the pictures for every corruption: the corrupted image as a model sees it, truth and predictions.

    Predictions come from the store: of each model's cell with the most labels and the first seed.
    """
    shown = _shown_evaluations(plan)
    cases = [dataset.load(name) for name in typical_cases(dataset.index)]
    names = [case.id for case in cases]
    pictures = []
    for corruption, severity in sorted({condition for conditions in shown.values() for condition in conditions}):
        masks = {
            model: store.read_masks(conditions[corruption, severity], names) for model, conditions in shown.items()
        }
        for case in cases:
            predictions = {model: decode_mask(by_case[case.id]) for model, by_case in masks.items()}
            pictures.append(picture(dataset, case, corruption, severity, predictions))
    return pictures


def _shown_evaluations(plan: Plan) -> dict[str, dict[tuple[str, int], EvaluationCell]]:
    most = max(cell.labels for cell in plan.training)
    shown: dict[str, dict[tuple[str, int], EvaluationCell]] = {}
    for cell in plan.training:
        if cell.labels == most and cell.model not in shown:
            shown[cell.model] = {
                (evaluation.corruption, evaluation.severity): evaluation for evaluation in plan.evaluations_of(cell)
            }
    return shown
