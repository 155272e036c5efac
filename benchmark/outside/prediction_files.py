"""One predicted mask or probability map, decoded from whatever file another tool wrote."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz")

Kind = Literal["1 bit", "8 bits", "16 bits", "whole numbers", "floating point"]
"""How a file stores its numbers; what they mean is told over the whole set of predictions."""

_COLOUR = frozenset({"RGB", "RGBA", "RGBX"})
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, zipfile.BadZipFile, Image.DecompressionBombError)
_KINDS: dict[str, Kind] = {"b": "1 bit", "u1": "8 bits", "u2": "16 bits", "f": "floating point"}


class UnreadableFileError(Exception):
    """A file holds no prediction; the message is half a sentence that says why."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """The numbers of a file, (H, W)."""

    values: NDArray[Any]
    kind: Kind


def decode_prediction(content: bytes, suffix: str) -> Decoded:
    """Decode a file.

    Parameters
    ----------
    content
        Its bytes.
    suffix
        One of :data:`SUFFIXES`.

    Returns
    -------
    Decoded
        Numbers as they are stored. Of a palette the indices, of a colour file whose channels are equal one channel;
        an axis of length one is dropped.

    Raises
    ------
    UnreadableFileError
        If it cannot be decoded, or is not one image of numbers.
    """
    try:
        values = _array(content, suffix) if suffix in (".npy", ".npz") else _picture(content)
    except _UNREADABLE as error:
        raise UnreadableFileError(f"cannot be read ({error})") from error
    if values.ndim > 2:
        # nnU-Net and MONAI keep axes of length one for slice and channel.
        long = tuple(side for side in values.shape if side > 1)
        if len(long) > 2:
            raise UnreadableFileError(f"has the shape {values.shape}: one channel is right, that of the lesion")
        extra = tuple(axis for axis, side in enumerate(values.shape) if side == 1)[: values.ndim - 2]
        values = values.squeeze(extra)
    if values.ndim != 2:
        raise UnreadableFileError(f"has the shape {values.shape}: (height, width) is right")
    return Decoded(values, _kind(values))


def _kind(values: NDArray[Any]) -> Kind:
    kind = values.dtype.kind
    if kind == "u" and values.dtype.itemsize > 2:
        kind = "i"
    if kind == "i":
        return "whole numbers"
    if kind not in "buf":
        raise UnreadableFileError(f"holds {values.dtype}, not numbers")
    return _KINDS[f"u{values.dtype.itemsize}" if kind == "u" else kind]


def _array(content: bytes, suffix: str) -> NDArray[Any]:
    loaded = np.load(io.BytesIO(content), allow_pickle=False)
    if suffix == ".npy":
        if not isinstance(loaded, np.ndarray):
            raise ValueError("an archive of several arrays, and no array")
        return loaded
    if isinstance(loaded, np.ndarray):
        raise ValueError("an array, and no archive")
    with loaded as arrays:
        if len(arrays.files) != 1:
            raise ValueError(f"it holds {len(arrays.files)} arrays, {', '.join(arrays.files[:4])}: one is right")
        return np.asarray(arrays[arrays.files[0]])


def _picture(content: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(content)) as file:
        if getattr(file, "n_frames", 1) != 1:
            raise ValueError(f"it holds {file.n_frames} images: one is right")  # type: ignore[attr-defined]
        file.load()
        mode = file.mode
        values = np.asarray(file)
    if mode in _COLOUR:
        values = values[..., :3]
        if not (values == values[..., :1]).all():
            raise ValueError("it is in colour: grey is right")
        return values[..., 0]
    if mode in ("LA", "La", "PA"):
        return values[..., 0]
    if mode.startswith("I"):
        # Pillow gives 16-bit PNG files as 32-bit numbers in some versions.
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            return values.astype(np.int64)
        return values.astype(np.uint16)
    if mode not in ("1", "L", "P", "F"):
        raise ValueError(f"it is of mode {mode}: grey is right")
    return values
