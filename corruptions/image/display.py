"""What happens to a picture after it was windowed for display, done to an image that still has its whole range."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image, corrupt_each


def corrupt_displayed(
    images: Tensor,
    seeds: Sequence[int],
    contexts: Sequence[ImageContext],
    corrupt_one: Callable[[Image, int], Image],
) -> Tensor:
    """Corrupt every image of a batch as it is displayed: windowed, corrupted, and brought back to its own scale.

    What lies outside the window is lost, as in the picture that a workstation exports. An image whose window is its
    whole range is corrupted as it is. On the CPU; images on another device are returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device.
    seeds
        One integer a case.
    contexts
        One a case, for its ``window``.
    corrupt_one
        ``(displayed, seed) -> displayed`` of the same shape (C, H, W), both in [0, 1] (the result is clipped); must not
        modify what it is given.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``, clipped to the window.
    """

    def corrupted(image: Image, draw: tuple[int, ImageContext]) -> Image:
        seed, context = draw
        if context.window == (0.0, 1.0):
            return corrupt_one(image, seed)
        low, width = np.float32(context.window[0]), np.float32(context.window[1] - context.window[0])
        displayed = np.clip((image - low) / width, 0, 1)
        return np.asarray(low + width * np.clip(corrupt_one(displayed, seed), 0, 1), dtype=np.float32)

    return corrupt_each(images, list(zip(seeds, contexts, strict=True)), corrupted)
