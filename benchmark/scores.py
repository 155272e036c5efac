"""Per-case scores of binary masks and of the probabilities that they were made of.

Both masks empty counts as a perfect score, one of them empty as the worst: a normal case is right only when nothing is
predicted in it. What has no meaning then is NaN: the sensitivity of a case without lesion, the precision of an empty
prediction.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..reports.frame import dice_of_counts, iou_of_counts
from .calibration_error import calibration_errors
from .surface_distance import surface_scores

Counts = NDArray[np.int64]


def confusion_counts(prediction: Tensor, truth: Tensor) -> tuple[Counts, Counts, Counts]:
    """Count true positive, false positive and false negative pixels of each case, on the masks' device.

    Parameters
    ----------
    prediction, truth
        bool of shape (B, H, W).

    Returns
    -------
    tuple of three arrays
        int64 of shape (B,).
    """
    # Case by case: on a CPU several times faster than a sum along the axes of a batch.
    counts = [torch.count_nonzero(mask) for masks in (prediction & truth, prediction, truth) for mask in masks]
    both, predicted, true = torch.stack(counts).reshape(3, -1).cpu().numpy()
    return both, predicted - both, true - both


def overlap_scores(prediction: Tensor, truth: Tensor) -> pd.DataFrame:
    """Score the overlap of a batch of masks.

    Parameters
    ----------
    prediction, truth
        bool of shape (B, H, W), on one device.

    Returns
    -------
    DataFrame
        One row a case: ``dice`` and ``iou`` in [0, 1], and ``true_positive``, ``false_positive`` and
        ``false_negative`` in pixels.

    Raises
    ------
    ValueError
        If the shapes differ or the masks are not boolean.
    """
    if prediction.shape != truth.shape or {prediction.dtype, truth.dtype} != {torch.bool}:
        raise ValueError(f"Masks must be bool and of one shape: {tuple(prediction.shape)} and {tuple(truth.shape)}.")
    true_positive, false_positive, false_negative = confusion_counts(prediction, truth)
    wrong = false_positive + false_negative
    return pd.DataFrame(
        {
            "dice": dice_of_counts(true_positive, wrong),
            "iou": iou_of_counts(true_positive, wrong),
            "true_positive": true_positive,
            "false_positive": false_positive,
            "false_negative": false_negative,
        }
    )


def score_cases(
    prediction: Tensor, truth: Tensor, probability: Tensor | None = None, pixel_size: float = 1.0
) -> pd.DataFrame:
    """Score a batch of cases on their native grid.

    Parameters
    ----------
    prediction, truth
        bool of shape (B, H, W), on one device.
    probability
        float32 of shape (B, H, W) in [0, 1], of the foreground, on the same device; None where there are masks alone.
    pixel_size
        Side of a pixel in the unit of the distances: millimetres where it is known, else 1.

    Returns
    -------
    DataFrame
        One row a case: the columns of :func:`overlap_scores`; ``hd95`` (in the unit of ``pixel_size``) and ``nsd``, as
        :func:`~biclip_bench.benchmark.surface_distance.surface_scores` gives them; ``sensitivity`` TP / (TP + FN) and
        ``precision`` TP / (TP + FP) in [0, 1]; ``area_error``, the predicted less the true area as a share of the
        image, in [-1, 1]; ``ece``, as :func:`~biclip_bench.benchmark.calibration_error.calibration_errors` gives it;
        ``true_area`` and ``predicted_area`` in pixels.

    Raises
    ------
    ValueError
        If the shapes differ or the masks are not boolean.
    """
    scores = overlap_scores(prediction, truth)
    true_positive = scores["true_positive"].to_numpy()
    true_area = true_positive + scores["false_negative"].to_numpy()
    predicted_area = true_positive + scores["false_positive"].to_numpy()
    scores["hd95"], scores["nsd"] = surface_scores(prediction, truth, pixel_size)
    scores["sensitivity"] = _share(true_positive, true_area)
    scores["precision"] = _share(true_positive, predicted_area)
    scores["area_error"] = (predicted_area - true_area) / truth[0].numel()
    scores["ece"] = np.nan if probability is None else calibration_errors(probability, truth)
    scores["true_area"], scores["predicted_area"] = true_area, predicted_area
    return scores


def _share(part: Counts, whole: Counts) -> NDArray[np.float64]:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
