"""The pictures of a report: a few test cases at every severity with each model's prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..reports import Picture
from .cells import EvaluationCell
from .corrupted_images import corrupted_images
from .datasets.base import Case, Dataset
from .inputs import apply_window
from .masks import decode_mask
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


Seen = Callable[[Case, str, int], NDArray[np.float32]]
"""Gives a case's image (H, W) in [0, 1] under a corruption at a severity, in grey, as a model sees it."""


def seen_in(dataset: Dataset) -> Seen:
    """Corrupt the cases of a data set, and look at them through the window that a model sees."""

    def seen(case: Case, corruption: str, severity: int) -> NDArray[np.float32]:
        image = apply_window(corrupted_images([case], dataset, corruption, severity), dataset.context.window)[0]
        return np.asarray(image.mean(dim=0).numpy())

    return seen


def picture(
    seen: Seen, case: Case, corruption: str, severity: int, predictions: Mapping[str, NDArray[np.bool_]]
) -> Picture:
    """Make one panel: the corrupted image in grey, through the window that a model sees."""
    image = seen(case, corruption, severity)
    return Picture(case.id, case.text, corruption, severity, image, case.mask, predictions)


def report_pictures(
    shown: Mapping[str, Sequence[EvaluationCell]], dataset: Dataset, store: Store, seen: Seen | None = None
) -> list[Picture]:
    """Make the pictures for every corruption: the corrupted image as a model sees it, truth and predictions.

    Parameters
    ----------
    shown
        For each model's name the cells whose predicted masks are shown; the store holds them.
    dataset
        Where the cases come from.
    store
        Where the masks lie.
    seen
        Where the images come from; by default they are corrupted here.
    """
    seen = seen or seen_in(dataset)
    cells = {
        model: {(cell.corruption, cell.severity): cell for cell in evaluations} for model, evaluations in shown.items()
    }
    cases = [dataset.load(name) for name in typical_cases(dataset.index)]
    names = [case.id for case in cases]
    pictures = []
    for corruption, severity in sorted({condition for conditions in cells.values() for condition in conditions}):
        masks = {
            model: store.read_masks(conditions[corruption, severity], names) for model, conditions in cells.items()
        }
        for case in cases:
            predictions = {model: decode_mask(by_case[case.id]) for model, by_case in masks.items()}
            pictures.append(picture(seen, case, corruption, severity, predictions))
    return pictures


def shown_evaluations(plan: Plan) -> dict[str, Sequence[EvaluationCell]]:
    """Choose what a plan's pictures show: each model's cell with the most labels and the first seed."""
    most = max(cell.labels for cell in plan.training)
    shown: dict[str, Sequence[EvaluationCell]] = {}
    for cell in plan.training:
        if cell.labels == most and cell.model not in shown:
            shown[cell.model] = plan.evaluations_of(cell)
    return shown
