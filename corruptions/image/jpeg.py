"""JPEG: the image is stored with lossy compression and read again."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image, is_grey
from ..registry import Level, Parameter, register_corruption
from .display import corrupt_displayed


@register_corruption(
    "jpeg",
    family="jpeg",
    stage="storage",
    summary="The image is stored as a JPEG file and read again.",
    parameters={"quality": Parameter("quality of the JPEG encoder", 1, 95)},
    levels=[{"quality": 50}, {"quality": 30}, {"quality": 18}, {"quality": 12}, {"quality": 8}],
    source="ITU-T T.81 baseline JPEG through Pillow, quality as libjpeg scales the standard's example tables; as in "
    "ImageNet-C (Hendrycks and Dietterich 2019: 25, 18, 15, 10, 7), with a milder beginning.",
)
def jpeg(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Store every image as a JPEG file of the level's quality, in memory, and read it again.

    Displayed values are rounded to 8 bits, 0 to 255 over the window, before the encoder. An image with one channel or
    equal channels is stored as grey; one with three different channels as colour with 4:2:0 chroma subsampling,
    the default of libjpeg; of any other number each channel on its own as grey. Another release of the JPEG library
    may round otherwise: bits are the same for the same Pillow.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU. Sides up to 65535 pixels.
    level
        ``quality``, rounded to an integer.
    seeds
        One integer a case; nothing is drawn.
    contexts
        One a case: what is displayed is the context's ``window`` (see :func:`.display.corrupt_displayed`).

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; multiples of 1/255 of the window.
    """
    quality = round(level["quality"])

    def stored(image: Image, seed: int) -> Image:
        levels = np.rint(image * np.float32(255)).astype(np.uint8)
        if is_grey(image):
            read = np.broadcast_to(_through_file(levels[0], quality), levels.shape)
        elif len(levels) == 3:
            read = _through_file(levels.transpose(1, 2, 0), quality).transpose(2, 0, 1)
        else:
            read = np.stack([_through_file(channel, quality) for channel in levels])
        return read.astype(np.float32) / np.float32(255)

    return corrupt_displayed(images, seeds, contexts, stored)


def _through_file(levels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Write and read uint8 of shape (H, W) or (H, W, 3)."""
    file = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(levels)).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(PIL.Image.open(file))
