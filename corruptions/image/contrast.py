"""Contrast: grey levels are drawn together about the image's own mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image
from ..registry import Level, Parameter, register_corruption
from .display import corrupt_displayed


@register_corruption(
    "contrast",
    family="contrast",
    stage="image",
    summary="The grey levels are drawn together about the image's mean.",
    parameters={"factor": Parameter("factor of every difference from the mean", 0, 10)},
    levels=[{"factor": 0.8}, {"factor": 0.65}, {"factor": 0.5}, {"factor": 0.4}, {"factor": 0.3}],
    source="y = m + factor (x - m) with the image's mean m, as in ImageNet-C (Hendrycks and Dietterich 2019: 0.4 to "
    "0.05), milder: 0.05 to 0.2 is a display fault and no picture to read.",
)
def contrast(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Draw grey levels together: y = m + factor (x - m), where m is the mean of the image's channel.

    x is what is displayed. A factor above 1 raises the contrast; what leaves [0, 1] is clipped. The mean of each
    channel stays.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``factor``, without unit.
    seeds
        One integer a case; nothing is drawn.
    contexts
        One a case: what is displayed is the context's ``window`` (see :func:`.display.corrupt_displayed`).

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    factor = np.float32(level["factor"])

    def flattened(image: Image, seed: int) -> Image:
        # Channel by channel, so that equal channels have means with equal bits.
        means = np.array([channel.mean(dtype=np.float64) for channel in image], np.float32)[:, None, None]
        return means + factor * (image - means)

    return corrupt_displayed(images, seeds, contexts, flattened)
