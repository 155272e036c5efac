"""The pictures of a report: test cases under every condition with each model's prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..reports import Picture, chosen_cases
from ..reports.material import PICTURES_FILE
from ..reports.picture_file import pictures_identity, write_pictures
from .cells import EvaluationCell, digest
from .corrupted_images import corrupted_images
from .datasets.base import Case, Dataset
from .inputs import apply_window
from .masks import decode_mask
from .plan import Plan
from .store import Store

MOST_CASES = 100
MOST_PICTURES = 2000
"""Pictures that a report makes at most: every one is an image corrupted again."""

SCHEMA = 1
"""Raised when the same cells would give other pictures."""

Seen = Callable[[Case, str, int], NDArray[np.float32]]
"""Gives a case's image (H, W) in [0, 1] under a corruption at a severity, in grey, as a model sees it."""


Tell = Callable[[int, int], None]
"""Called with the number of cases whose pictures are made, and of all."""


def say_nothing(done: int, total: int) -> None:
    """Tell nobody."""


def typical_cases(index: pd.DataFrame, count: int = chosen_cases.TYPICAL) -> list[str]:
    """Choose test cases of a data set's index, from the truth alone."""
    tests = index[index["part"] == "test"]
    return chosen_cases.typical_cases(tests.assign(area=tests["lesion_fraction"]), count)


def seen_in(dataset: Dataset) -> Seen:
    """Corrupt the cases of a data set, and look at them through the window that a model sees."""

    def seen(case: Case, corruption: str, severity: int) -> NDArray[np.float32]:
        image = apply_window(corrupted_images([case], dataset, corruption, severity), dataset.context.window)[0]
        return np.asarray(image.mean(dim=0).numpy())

    return seen


def picture(
    seen: Seen,
    case: Case,
    corruption: str,
    severity: int,
    predictions: Mapping[str, NDArray[np.bool_]],
) -> Picture:
    """Make one panel: the corrupted image in grey, through the window that a model sees."""
    image = seen(case, corruption, severity)
    return Picture(case.id, case.text, corruption, severity, image, case.mask, predictions)


def keep_pictures(
    shown: Mapping[str, Sequence[EvaluationCell]],
    frame: pd.DataFrame,
    dataset: Dataset,
    store: Store,
    folder: Path,
    seen: Seen | None = None,
    tell: Tell = say_nothing,
) -> None:
    """Write the pictures of a report into its folder, unless the same ones lie there.

    Parameters
    ----------
    shown
        For each model's name the cells whose predicted masks are shown; the store holds them.
    frame
        Per-case scores of the report, from which the cases are chosen.
    dataset
        Where the cases come from.
    store
        Where the masks lie.
    folder
        Of the report.
    seen
        Where the images come from; by default they are corrupted here.
    tell
        Whom to tell how far it is.
    """
    conditions = {(cell.corruption, cell.severity) for cells in shown.values() for cell in cells}
    count = max(chosen_cases.TYPICAL, min(MOST_CASES, MOST_PICTURES // max(1, len(conditions))))
    names = chosen_cases.chosen_cases(frame, count)
    identity = digest([SCHEMA, {model: [cell.key for cell in cells] for model, cells in shown.items()}, names])
    path = folder / PICTURES_FILE
    if pictures_identity(path) == identity:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_pictures(path, _cases(shown, names, dataset, store, seen or seen_in(dataset), tell), identity)


def _cases(
    shown: Mapping[str, Sequence[EvaluationCell]],
    names: Sequence[str],
    dataset: Dataset,
    store: Store,
    seen: Seen,
    tell: Tell,
) -> Iterator[list[Picture]]:
    masks = {
        (model, cell.corruption, cell.severity): store.read_masks(cell, list(names))
        for model, cells in shown.items()
        for cell in cells
    }
    conditions = sorted({(corruption, severity) for _, corruption, severity in masks})
    for number, name in enumerate(names, start=1):
        case = dataset.load(name)
        pictures = []
        for corruption, severity in conditions:
            predictions = {
                model: decode_mask(masks[model, corruption, severity][name])
                for model in shown
                if (model, corruption, severity) in masks
            }
            pictures.append(picture(seen, case, corruption, severity, predictions))
        tell(number, len(names))
        yield pictures


def shown_evaluations(plan: Plan) -> dict[str, Sequence[EvaluationCell]]:
    """Choose what a plan's pictures show: each model's cell with the most labels and the first seed."""
    most = max(cell.labels for cell in plan.training)
    shown: dict[str, Sequence[EvaluationCell]] = {}
    for cell in plan.training:
        if cell.labels == most and cell.model not in shown:
            shown[cell.model] = plan.evaluations_of(cell)
    return shown
