"""Choosing the threshold of a trained model on its clean validation cases; no test case is looked at."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from ..models import SegmentationModel
from .cells import VALIDATION, OutsideModel, Threshold, TrainingCell
from .datasets.base import Dataset, cases_of
from .predicted_cases import predicted_cases
from .prediction import masks_above
from .scores import overlap_scores

CANDIDATES = tuple(step / 20 for step in range(1, 20))
"""The thresholds that are tried, 0.05 to 0.95."""


def resolved_threshold(
    threshold: Threshold,
    model: SegmentationModel,
    source: TrainingCell | OutsideModel,
    dataset: Dataset,
    device: torch.device,
) -> float:
    """Give the number that a threshold comes to: itself, or the one that the validation cases choose.

    Raises
    ------
    UserError
        If it is to be chosen and there are no validation cases.
    """
    if threshold != VALIDATION:
        return float(threshold)
    check_validation_cases(threshold, dataset)
    scored = [np.empty((0, len(CANDIDATES)))]
    for cases, values in predicted_cases(model, source, dataset, validation_cases(source, dataset), device):
        truths = torch.from_numpy(np.stack([case.mask for case in cases])).to(values.device)
        tried = [overlap_scores(masks_above(values, each, source.output), truths)["dice"] for each in CANDIDATES]
        scored.append(np.stack(tried, axis=1))
    return best_threshold(np.concatenate(scored))


def best_threshold(dice: NDArray[np.float64]) -> float:
    """Find the candidate with the highest mean Dice; of several the one nearest to 0.5, and then the lower one.

    Parameters
    ----------
    dice
        Dice of each validation case at each of :data:`CANDIDATES`, shape (cases, 19), in [0, 1].
    """
    means = [math.fsum(column) / len(dice) for column in dice.T]  # exact, whatever the order of the cases
    return min(CANDIDATES, key=lambda each: (-means[CANDIDATES.index(each)], abs(round(20 * each) - 10), each))


def validation_cases(source: TrainingCell | OutsideModel, dataset: Dataset) -> list[str]:
    """List the cases that choose: those that chose the best epoch, or on other data its whole validation part."""
    if isinstance(source, TrainingCell) and source.fingerprint == dataset.fingerprint and source.validation is not None:
        return list(source.validation)
    return cases_of(dataset, "val")


def check_validation_cases(threshold: Threshold, dataset: Dataset) -> None:
    """Check that a data set has the cases that a threshold is to be chosen on.

    Raises
    ------
    UserError
        If it has none.
    """
    if threshold == VALIDATION and not cases_of(dataset, "val"):
        raise UserError(
            f"--threshold validation: the data set {dataset.name!r} has no validation cases to choose it on. Give a "
            "number, such as --threshold 0.5."
        )
