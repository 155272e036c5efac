"""Masks as the store keeps them: 1-bit PNG files."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """Write a mask (H, W) as a 1-bit PNG."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_mask(png: bytes) -> NDArray[np.bool_]:
    """Read a mask (H, W) from a 1-bit PNG."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("1"), dtype=bool)
