"""Image and mask files decoded to arrays, whatever bit depth and colour mode they were saved in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from biclip_bench.errors import UserError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"})
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def read_image(path: Path) -> NDArray[np.float32]:
    """Decode an image to [0, 1].

    Parameters
    ----------
    path
        An 8- or 16-bit file, grey or colour. An alpha channel is dropped, a palette resolved.

    Returns
    -------
    numpy.ndarray
        float32 of shape (C, H, W): grey files, and colour files whose three channels are the same, have C = 1,
        all others C = 3. Values are divided by the greatest that the file's bit depth can hold (255 or 65535).

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    pixels, greatest = _decode(path)
    image = pixels.astype(np.float32) / np.float32(greatest)
    if image.ndim == 2:
        return image[None]
    if np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2]):
        return np.ascontiguousarray(image[None, ..., 0])
    return np.ascontiguousarray(np.moveaxis(image, -1, 0))


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Decode a mask.

    A pixel is lesion where its value exceeds half of the full scale. The full scale is the smallest of 1, 255 and
    65535 that no pixel exceeds: 1 for masks saved as 0 and 1, 255 (hence above 127) for the usual 8-bit mask, also
    one with grey borders left by smoothing or JPEG. Of a colour mask the brightest channel counts.

    Returns
    -------
    numpy.ndarray
        bool of shape (H, W).

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    pixels, full_scale = read_mask_values(path)
    return np.asarray(pixels > full_scale / 2)


def read_mask_values(path: Path) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int]:
    """Decode a mask as it is saved: values of shape (H, W) and their full scale, as :func:`read_mask` takes them.

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    pixels, _ = _decode(path)
    if pixels.ndim == 3:
        pixels = pixels.max(axis=-1)
    largest = int(pixels.max(initial=0))
    return pixels, next(scale for scale in (1, 255, 65535) if largest <= scale)


def _decode(path: Path) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int]:
    """Return pixels (H, W) or (H, W, 3) and the greatest value their bit depth can hold."""
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
