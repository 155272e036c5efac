"""Networks that halve the image more often than its side allows: pad, predict, cut."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of (B, C, H, W) until both sides are multiples of ``multiple``.

    The caller cuts the prediction back with ``logits[..., :H, :W]``.
    """
    H, W = image.shape[-2:]
    right, below = -W % multiple, -H % multiple
    return F.pad(image, (0, right, 0, below), mode="replicate") if right or below else image
