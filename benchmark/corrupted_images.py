"""Cases under a condition, on their native grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..corruptions import corrupt
from .cells import CLEAN
from .datasets.base import Case, Dataset

BATCH = 16
"""Cases corrupted and evaluated at once; fixed, because a convolution's last bits may depend on it."""


def corrupted_images(cases: Sequence[Case], dataset: Dataset, corruption: str, severity: int) -> Tensor:
    """Corrupt cases of one shape on their native grid.

    Returns
    -------
    Tensor
        float32 of shape (B, C, H, W) in [0, 1], not windowed.
    """
    images = torch.from_numpy(np.stack([case.image for case in cases]))
    if corruption == CLEAN:
        return images
    return corrupt(corruption, images, severity, [case.id for case in cases], dataset.context)
