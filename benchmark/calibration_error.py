"""The expected calibration error: how far predicted probabilities lie from the frequencies that come true."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BINS = 15
"""Equal bins of the probability, as in Guo et al. 2017 (PMLR 70:1321-1330) and by default in torchmetrics."""

_SCALE = 2**24
"""Probabilities are added up as whole multiples of 1 / 2^24, float32's own steps: such a sum has no order."""

_VALUES = 2**17
"""Pixels that are worked on at once on a CPU, whose caches hold what they take."""


def calibration_errors(probability: Tensor, truth: Tensor) -> NDArray[np.float64]:
    """Compute the expected calibration error of each case over its pixels.

    It is the sum over bins of ``n_b / n * |t_b - p_b|``, where a bin holds ``n_b`` of ``n`` pixels, ``p_b`` is their
    mean probability and ``t_b`` the share of them that is lesion (Guo et al. 2017, equation 3, for the probability of
    the foreground), as torchmetrics' ``BinaryCalibrationError(n_bins=15, norm="l1")``. A bin begins with its lower
    end, and a probability of exactly 1 is apart from the last bin. The bits do not depend on the batch.

    Parameters
    ----------
    probability
        float32 of shape (B, H, W) in [0, 1]: of the foreground.
    truth
        bool of shape (B, H, W), on the same device.

    Returns
    -------
    array
        float64 of shape (B,), in [0, 1].
    """
    H, W = probability.shape[-2:]
    step = len(probability) if probability.is_cuda else max(1, _VALUES // (H * W))
    sums = [
        _gaps(probability[first : first + step].flatten(1), truth[first : first + step].flatten(1))
        for first in range(0, len(probability), step)
    ]
    gaps = torch.cat(sums).abs().sum(dim=1).cpu().numpy()
    return np.asarray(gaps / (_SCALE * H * W), dtype=np.float64)


def _gaps(probability: Tensor, truth: Tensor) -> Tensor:
    """Add up truth less probability in each bin, int64 of shape (B, BINS + 1) in steps of 1 / 2^24."""
    B = len(probability)
    ends = torch.linspace(0, 1, BINS + 1, device=probability.device)
    bins = torch.bucketize(probability, ends[1:], right=True)
    bins = bins + (BINS + 1) * torch.arange(B, device=probability.device)[:, None]
    gap = truth.to(torch.int64) * _SCALE - (probability * _SCALE).round().to(torch.int64)
    empty = torch.zeros(B * (BINS + 1), dtype=torch.int64, device=probability.device)
    return empty.scatter_add_(0, bins.flatten(), gap.flatten()).reshape(B, BINS + 1)
