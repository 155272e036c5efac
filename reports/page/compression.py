"""How large and how faithful the page's pictures may be, so that the page stays small enough to send."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..figures.panel import eight_bits


@dataclass(frozen=True)
class PictureLevel:
    """A size and a quality of pictures.

    Parameters
    ----------
    side
        Most pixels of the longer side; a larger image is shrunk by averaging.
    quality
        Of WebP, 0 to 100.
    """

    side: int
    quality: int


LEVELS = tuple(
    PictureLevel(*level)
    for level in (
        (256, 85),
        (256, 70),
        (256, 55),
        (224, 50),
        (224, 35),
        (192, 35),
        (192, 25),
        (160, 30),
        (160, 20),
        (144, 20),
        (128, 30),
        (128, 20),
    )
)
"""From the best to the poorest that still shows what a corruption does."""

METHOD = 2
"""WebP's effort, 0 to 6: twice as fast as the default, 4, for some per cent more bytes."""


def encode_picture(image: NDArray[np.floating], level: PictureLevel) -> str:
    """Write an image (H, W) in [0, 1] as WebP in base64."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(eight_bits(image, level.side)).save(target, "WEBP", quality=level.quality, method=METHOD)
    return base64.b64encode(target.getvalue()).decode("ascii")


def choose_level(images: Sequence[NDArray[np.floating]], allowed: float) -> PictureLevel:
    """Choose the best level at which some pictures keep to a number of bytes.

    Parameters
    ----------
    images
        Each of shape (H, W) in [0, 1].
    allowed
        Bytes for all of them together, in base64.

    Returns
    -------
    PictureLevel
        The poorest where none keeps to it.
    """
    better, poorest = 0, len(LEVELS) - 1
    # Bytes fall from level to level, so halving finds the first that fits.
    while better < poorest:
        middle = (better + poorest) // 2
        if sum(len(encode_picture(image, LEVELS[middle])) for image in images) <= allowed:
            poorest = middle
        else:
            better = middle + 1
    return LEVELS[poorest]
