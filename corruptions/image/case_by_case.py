"""Run a corruption written for one NumPy image over a batch: the bits then depend on that image and its seed alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.float32]
"""One image: float32 of shape (C, H, W) in [0, 1], contiguous in memory."""


def corrupt_each(images: Tensor, seeds: Sequence[int], corrupt_one: Callable[[Image, int], Image]) -> Tensor:
    """Corrupt every image of a batch on the CPU, and clip.

    Images on another device are computed on the CPU and returned to it, so that every device gives the same bits.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device.
    seeds
        One integer a case.
    corrupt_one
        ``(image, seed) -> image`` of the same shape; must not modify the image it is given.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``, clipped to [0, 1].
    """
    pixels = np.ascontiguousarray(images.detach().cpu().numpy())
    corrupted = np.empty_like(pixels)
    for result, image, seed in zip(corrupted, pixels, seeds, strict=True):
        np.clip(corrupt_one(image, seed), 0.0, 1.0, out=result)
    return torch.from_numpy(corrupted).to(images.device)


def is_grey(image: Image) -> bool:
    """Say whether all channels of an image are equal."""
    return bool((image == image[:1]).all())
