"""Enlarging maps by fixed linear interpolation, whose gradient is the same bits on every run and device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def interpolation_matrix(size: int, target: int) -> Tensor:
    """Return the matrix (target, size) that interpolates ``size`` samples linearly to ``target`` (areas align)."""
    identity = torch.eye(size)[None]
    return F.interpolate(identity, size=target, mode="linear", align_corners=False)[0].T.contiguous()


class FixedUpsampling(nn.Module):
    """Interpolate square maps bilinearly as two matrix products.

    Equals ``torch.nn.functional.interpolate(maps, target, mode="bilinear", align_corners=False)`` up to rounding. That
    function's gradient is summed in no fixed order on CUDA.

    Parameters
    ----------
    size, target
        Side of the maps before and after, in pixels.
    """

    matrix: Tensor

    def __init__(self, size: int, target: int) -> None:
        super().__init__()
        self.register_buffer("matrix", interpolation_matrix(size, target), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Enlarge (B, C, size, size) to (B, C, target, target)."""
        return self.matrix.to(maps.dtype) @ maps @ self.matrix.to(maps.dtype).T
