"""Networks that halve the image more often than its side allows: pad, predict, cut."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def padded_side(side: int, multiple: int, least: int = 0) -> int:
    """Return the smallest multiple of ``multiple`` that is at least ``side`` and at least ``least``."""
    return -(-max(side, least) // multiple) * multiple


def pad_to_multiple(image: Tensor, multiple: int, least: int = 0) -> Tensor:
    """Repeat the last row and column of (B, C, H, W) until both sides are multiples of ``multiple``.

    The caller cuts the prediction back with ``logits[..., :H, :W]``.

    Parameters
    ----------
    image
        Any floating type.
    multiple
        In pixels.
    least
        Both sides are at least this many pixels long afterwards.
    """
    H, W = image.shape[-2:]
    right, below = padded_side(W, multiple, least) - W, padded_side(H, multiple, least) - H
    return F.pad(image, (0, right, 0, below), mode="replicate") if right or below else image


class Padded(nn.Module):
    """A network that takes images of any side: it sees the padded image, and its prediction is cut back.

    Parameters
    ----------
    inside
        Maps (B, C, H, W) to (B, K, H, W) where H and W are multiples of ``multiple`` and at least ``least``.
    multiple, least
        See :func:`pad_to_multiple`.
    """

    def __init__(self, inside: nn.Module, multiple: int, least: int = 0) -> None:
        super().__init__()
        self.inside = inside
        self.multiple = multiple
        self.least = least

    def forward(self, image: Tensor) -> Tensor:
        """Predict (B, K, H, W) for (B, C, H, W)."""
        H, W = image.shape[-2:]
        prediction: Tensor = self.inside(pad_to_multiple(image, self.multiple, self.least))
        return prediction[..., :H, :W]
