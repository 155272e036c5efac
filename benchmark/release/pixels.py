"""Pixels of a release: 16-bit values, and the two kinds of files that hold them without loss."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FileFormat = Literal["png", "npz"]
HIGHEST = 65535
"""The 16-bit value that stands for 1.0."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SUB = 1
"""PNG's filter of differences to the pixel on the left; it is undone with one running sum."""

_COLOUR_TYPES = {1: 0, 3: 2}

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


def quantise(image: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Store an image in 16 bits: v as round(65535 v).

    Parameters
    ----------
    image
        float32 of shape (C, H, W) in [0, 1], C being 1 or 3.

    Returns
    -------
    numpy.ndarray
        uint16 of shape (H, W) for C = 1, else (H, W, 3). Divided by 65535 it is at most 0.5 / 65535 from ``image``.
    """
    # In double precision: a product in single precision could fall on the wrong side of a half.
    steps = np.rint(image.astype(np.float64) * HIGHEST).astype(np.uint16)
    return steps[0] if len(steps) == 1 else np.ascontiguousarray(np.moveaxis(steps, 0, -1))


def restore(pixels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Undo :func:`quantise`, exactly for images that came from 8- or 16-bit files.

    Returns
    -------
    numpy.ndarray
        float32 of shape (C, H, W) in [0, 1].
    """
    values = pixels.astype(np.float32) / np.float32(HIGHEST)
    return values[None] if values.ndim == 2 else np.ascontiguousarray(np.moveaxis(values, -1, 0))


def pixel_digest(pixels: Pixels) -> str:
    """Return the SHA-256 of the values alone: little-endian, row by row, channels last."""
    return hashlib.sha256(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()).hexdigest()


def encode(pixels: Pixels, file_format: FileFormat) -> bytes:
    """Write pixels (H, W) or (H, W, 3), uint8 or uint16, as the bytes of a file; equal pixels give equal bytes."""
    if file_format == "png":
        return _encode_png(pixels)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, image=pixels)
    return buffer.getvalue()


def decode(content: bytes, file_format: FileFormat) -> NDArray[Any]:
    """Read back what :func:`encode` wrote.

    Raises
    ------
    ValueError
        If something else wrote it.
    """
    if file_format == "png":
        return _decode_png(content)
    try:
        # A zip archive begins so: np.load would also take a bare array, or refuse a pickle in its own words.
        if not content.startswith(b"PK"):
            raise ValueError("no zip archive")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return np.asarray(arrays["image"])
    except (KeyError, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError("no NPZ of a release") from error


def _encode_png(pixels: Pixels) -> bytes:
    # Pillow has no 16-bit colour. Portable Network Graphics, third edition (W3C, 2025), sections 5, 9 and 11.
    H, W = pixels.shape[:2]
    wide = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">"))
    rows = wide.view(np.uint8).reshape(H, W, -1)
    left = np.zeros_like(rows)
    left[:, 1:] = rows[:, :-1]
    filtered = np.insert((rows - left).reshape(H, -1), 0, _SUB, axis=1)
    header = struct.pack(">IIBBBBB", W, H, 8 * pixels.itemsize, _COLOUR_TYPES[pixels[0, 0].size], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _decode_png(content: bytes) -> NDArray[Any]:
    try:
        W, H, bits, colour = struct.unpack_from(">IIBB", content, 16)
        (length,) = struct.unpack_from(">I", content, 33)
        pixel = {0: 1, 2: 3}[colour] * {8: 1, 16: 2}[bits]
        # No more than the header announces, whatever the file would unpack to.
        packed = zlib.decompressobj().decompress(content[41 : 41 + length], H * (1 + W * pixel))
        rows = np.frombuffer(packed, np.uint8).reshape(H, 1 + W * pixel)
    except (struct.error, zlib.error, KeyError, ValueError) as error:
        raise ValueError("no PNG of a release") from error
    if not content.startswith(_SIGNATURE) or not (rows[:, 0] == _SUB).all():
        raise ValueError("no PNG of a release")
    values = np.cumsum(rows[:, 1:].reshape(H, W, pixel), axis=1, dtype=np.uint8)
    wide = np.ascontiguousarray(values).view(">u2" if bits == 16 else np.uint8)
    native = wide.astype(np.uint16 if bits == 16 else np.uint8)
    return native[..., 0] if colour == 0 else native
