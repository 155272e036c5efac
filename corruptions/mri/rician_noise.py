"""Rician noise: the noise of a magnetic resonance image, which shows the magnitude of a complex signal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image, corrupt_each
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator


@register_corruption(
    "rician-noise",
    family="rician-noise",
    stage="detector",
    modalities=["mr"],
    summary="The receiver's noise in both channels of the complex signal, of which the image shows the magnitude.",
    parameters={"sd": Parameter("standard deviation of each channel, in units of the full grey range", 0, 1)},
    levels=[{"sd": 0.01}, {"sd": 0.02}, {"sd": 0.035}, {"sd": 0.055}, {"sd": 0.085}],
    source="Gudbjartsson and Patz 1995, The Rician distribution of noisy MRI data, Magn Reson Med 34:910-914.",
)
def rician_noise(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Take the magnitude of the signal with complex Gaussian noise: y = sqrt((x + n1)^2 + n2^2), clipped to [0, 1].

    n1, n2 ~ N(0, sd^2) are independent between pixels and of each other; the clean image is taken to be the noise-free
    magnitude. Where x is well above sd the noise is nearly Gaussian with standard deviation sd; where x is 0 it
    is Rayleigh noise with mean sd sqrt(pi / 2): a dark background brightens. One coil and no filtering: parallel
    imaging and sums of squares of several coils have other distributions. White pixel noise of this kind is
    not the noise of a low-dose CT.

    All channels of an image get the same n1 and n2: a grey image stored as colour stays grey.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``sd``, where the full grey range is 1.
    seeds
        One integer a case.
    contexts
        Not used: the noise does not depend on what the pixels mean.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    sd = np.float32(level["sd"])

    def noisy(image: Image, seed: int) -> Image:
        real, imaginary = sd * case_generator(seed).standard_normal((2, *image.shape[1:]), dtype=np.float32)
        return np.asarray(np.sqrt((image + real) ** 2 + imaginary**2))

    return corrupt_each(images, seeds, noisy)
