"""What is measured of an image and its mask once, when they are decoded: digests and the mask's areas."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

HASH_SIDE = 16
"""The perceptual hash has this number of bits squared: with 64 bits slices of different patients collide."""

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue (ITU-R BT.601), as Pillow's conversion to grey has them."""


def pixel_digest(image: NDArray[np.float32]) -> str:
    """Return the SHA-256 of an image's shape (C, H, W) and values."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image, dtype="<f4").tobytes())
    return digest.hexdigest()


def perceptual_hash(image: NDArray[np.float32]) -> str:
    """Hash what an image looks like.

    The hash is ImageHash's ``phash``: signs of low frequencies of a discrete cosine transform of the shrunken grey
    image about their median (https://github.com/JohannesBuchner/imagehash). The grey values are first spread over 8
    bits, so that images of 16 bits and narrow windows do not lose theirs.

    Parameters
    ----------
    image
        float32 of shape (C, H, W), C being 1 or 3.

    Returns
    -------
    str
        ``HASH_SIDE ** 2 / 4`` hexadecimal digits; empty for an image of one value, which looks like nothing.
    """
    import imagehash
    from PIL import Image

    grey = image[0] if image.shape[0] == 1 else np.tensordot(_LUMA, image, 1)
    lowest, highest = float(grey.min()), float(grey.max())
    if lowest == highest:
        return ""
    levels = np.round((grey - lowest) * (255 / (highest - lowest))).astype(np.uint8)
    return str(imagehash.phash(Image.fromarray(levels), hash_size=HASH_SIDE))


def describe_areas(mask: NDArray[np.bool_]) -> str:
    """Measure the 8-connected components of a mask (H, W), as text that :func:`read_areas` reads."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, structure=_EIGHT_NEIGHBOURS)
    rows, columns = np.nonzero(mask)
    label = labels[rows, columns]
    sizes, downs, rights = (
        np.bincount(label, weights, count + 1)[1:] for weights in (None, rows.astype(float), columns.astype(float))
    )
    order = np.argsort(-sizes, kind="stable")
    areas = [
        [int(sizes[i]), round(float(downs[i] / sizes[i]), 2), round(float(rights[i] / sizes[i]), 2)] for i in order
    ]
    return json.dumps(areas, separators=(",", ":"))


def read_areas(text: str) -> NDArray[np.float64]:
    """Read the areas of a mask.

    Returns
    -------
    numpy.ndarray
        float64 of shape (N, 3), a row an area, the largest first: number of pixels, and row and column of the centre
        of mass, counted in pixels from 0 at the centre of the first.
    """
    return np.array(json.loads(text), dtype=np.float64).reshape(-1, 3)
