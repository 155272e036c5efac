"""PNG, TIFF, JPEG and BMP files decoded to arrays, whatever bit depth and colour mode they were saved in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from biclip_bench.errors import UserError

RASTER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"})
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def read_raster(path: Path) -> NDArray[np.float32]:
    """Decode to [0, 1]: float32 of shape (C, H, W), divided by the greatest value that the bit depth can hold.

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    pixels, greatest = decode_raster(path)
    image = pixels.astype(np.float32) / np.float32(greatest)
    if image.ndim == 2:
        return image[None]
    if np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2]):
        return np.ascontiguousarray(image[None, ..., 0])
    return np.ascontiguousarray(np.moveaxis(image, -1, 0))


def decode_raster(path: Path) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int]:
    """Return pixels (H, W) or (H, W, 3) and the greatest value their bit depth can hold.

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    try:
        with Image.open(path) as file:
            file.load()
            if file.mode.startswith("I"):
                wide = np.asarray(file)
                if wide.min(initial=0) < 0 or wide.max(initial=0) > 65535:
                    raise ValueError("its values do not fit 16 bits")
                return wide.astype(np.uint16), 65535
            if file.mode == "F":
                raise ValueError("it holds floating-point values, whose scale is unknown")
            return np.asarray(file.convert("L" if file.mode in _GREY_MODES else "RGB"), dtype=np.uint8), 255
    except _UNREADABLE as error:
        raise UserError(
            f"The image {path} cannot be read ({error}): it should be a whole 8- or 16-bit PNG, TIFF, JPEG or BMP "
            "file. Copy or download it again."
        ) from error
