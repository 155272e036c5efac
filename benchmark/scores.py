"""Per-case scores of binary masks.

Both masks empty counts as a perfect score (Dice = IoU = 1), one of them empty as 0: a normal case is right only when
nothing is predicted in it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..reports.frame import dice_of_counts, iou_of_counts


def confusion_counts(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count true positive, false positive and false negative pixels of each case.

    Parameters
    ----------
    prediction, truth
        bool of shape (B, H, W).

    Returns
    -------
    tuple of three arrays
        int64 of shape (B,).
    """
    axes = (-2, -1)
    return (
        np.count_nonzero(prediction & truth, axis=axes),
        np.count_nonzero(prediction & ~truth, axis=axes),
        np.count_nonzero(~prediction & truth, axis=axes),
    )


def score_cases(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> pd.DataFrame:
    """Score a batch of cases on their native grid.

    Parameters
    ----------
    prediction, truth
        bool of shape (B, H, W).

    Returns
    -------
    DataFrame
        One row a case: ``dice``, ``iou``, ``true_positive``, ``false_positive``, ``false_negative``, ``true_area``
        and ``predicted_area`` (pixels).

    Raises
    ------
    ValueError
        If the shapes differ or the masks are not boolean.
    """
    if prediction.shape != truth.shape or prediction.dtype != bool or truth.dtype != bool:
        raise ValueError(f"Masks must be bool and of one shape: {prediction.shape} and {truth.shape}.")
    true_positive, false_positive, false_negative = confusion_counts(prediction, truth)
    wrong = false_positive + false_negative
    return pd.DataFrame(
        {
            "dice": dice_of_counts(true_positive, wrong),
            "iou": iou_of_counts(true_positive, wrong),
            "true_positive": true_positive,
            "false_positive": false_positive,
            "false_negative": false_negative,
            "true_area": true_positive + false_negative,
            "predicted_area": true_positive + false_positive,
        }
    )
