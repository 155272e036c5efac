"""Additive white Gaussian noise: thermal and read-out noise, independent from pixel to pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator
from .display import corrupt_displayed


@register_corruption(
    "gaussian-noise",
    family="gaussian-noise",
    stage="image",
    summary="Every pixel gets independent Gaussian noise: white noise, which is not the noise of a low-dose CT.",
    parameters={"sd": Parameter("standard deviation, in units of the displayed grey range", 0, 1)},
    levels=[{"sd": 0.01}, {"sd": 0.02}, {"sd": 0.035}, {"sd": 0.055}, {"sd": 0.085}],
    source="y = x + sd n with n ~ N(0, 1), independent between pixels; the strongest level is about "
    "the mildest of ImageNet-C (Hendrycks and Dietterich 2019: 0.08 to 0.38): medical images are cleaner than photos.",
)
def gaussian_noise(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add white Gaussian noise: y = x + sd n, with n ~ N(0, 1) independent between pixels, clipped to [0, 1].

    White pixel noise is not low-dose CT noise. Filtered back-projection gives noise a spectrum that rises with
    frequency and has nothing at frequency zero, a strength that follows the body's thickness, and streaks; for that
    there is ``low-dose-ct``. Nor is it the noise of a magnitude MR image, for which there is ``rician-noise``.

    All channels of an image get the same noise: a grey image stored as colour stays grey.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``sd``, the standard deviation where the displayed grey range is 1.
    seeds
        One integer a case.
    contexts
        One a case: what is displayed is the context's ``window`` (see :func:`.display.corrupt_displayed`).

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    sd = np.float32(level["sd"])

    def noisy(image: Image, seed: int) -> Image:
        return image + sd * case_generator(seed).standard_normal(image.shape[1:], dtype=np.float32)

    return corrupt_displayed(images, seeds, contexts, noisy)
