"""Training and validation cases at a model's input size, kept in one file: the second epoch reads no image file."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cells import digest
from .datasets.base import Dataset, cases_of

_CACHE_VERSION = 1
"""Raised whenever the same cases would give other records than before."""

Resized = tuple[Tensor, Tensor]
"""Image float32 (C, S, S) and mask float32 (1, S, S) of 0.0 and 1.0."""


class ResizedCache:
    """A file with a record of fixed size a case, filled as cases are first asked for and read through memory mapping.

    A record ends in the CRC-32 of its bytes, so that one that was torn by a crash, or is being written by another
    process, counts as missing and is written again. What is read has the bits of what was written.

    Parameters
    ----------
    folder
        Where the file lies; its name is a hash of the data set's fingerprint, the intensity window and the size.
    dataset
        Whose training and validation cases are kept.
    size
        Side of the square input in pixels.
    channels
        Channels of the images, 1 or 3.

    Raises
    ------
    OSError
        If the folder or file cannot be made.
    """

    def __init__(self, folder: Path, dataset: Dataset, size: int, channels: int) -> None:
        cases = [case for part in ("train", "val") for case in cases_of(dataset, part)]
        key = {
            "version": _CACHE_VERSION, "fingerprint": dataset.fingerprint, "window": list(dataset.context.window),
            "size": size, "channels": channels, "cases": digest(cases),
        }  # fmt: skip
        self.path = folder / f"{digest(key)[:24]}.records"
        self._position = {case: position for position, case in enumerate(cases)}
        self._record = np.dtype(
            [("image", "<f4", (channels, size, size)), ("mask", "u1", (-(-size * size // 8),)), ("crc", "<u4")]
        )
        self._sound: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        # A file with holes: only what is written takes room.
        with self.path.open("ab") as file:
            file.truncate(len(cases) * self._record.itemsize)
        self._file = self.path.open("r+b", buffering=0)
        self._mapped = np.memmap(self.path, self._record, "r", shape=(len(cases),))

    def get(self, case: str) -> Resized | None:
        """Read a case, or None where its record is missing or torn."""
        if case not in self._position:
            return None
        record = self._mapped[self._position[case]]
        if case not in self._sound:
            if int(record["crc"]) != _checksum(record["image"], record["mask"]):
                return None
            self._sound.add(case)
        image = torch.from_numpy(np.array(record["image"]))
        side = image.shape[-1]
        mask = np.unpackbits(record["mask"], count=side * side).reshape(1, side, side)
        return image, torch.from_numpy(mask.astype(np.float32))

    def put(self, case: str, image: Tensor, mask: Tensor) -> None:
        """Write a case; a full disk costs speed, never the training."""
        if case not in self._position:
            return
        record = np.zeros((), self._record)
        record["image"] = image.numpy()
        record["mask"] = np.packbits(mask.numpy() > 0)
        record["crc"] = _checksum(record["image"], record["mask"])
        try:
            self._file.seek(self._position[case] * self._record.itemsize)
            self._file.write(record.tobytes())
        except OSError:
            return


def open_resized_cache(folder: Path, dataset: Dataset, size: int) -> ResizedCache | None:
    """Open the cache of a data set at a size, or None where there is no room or right to write one."""
    try:
        first = next(case for part in ("train", "val") for case in cases_of(dataset, part))
        return ResizedCache(folder, dataset, size, dataset.load(first).image.shape[0])
    except (OSError, StopIteration):
        return None


def _checksum(image: NDArray[np.float32], mask: NDArray[np.uint8]) -> int:
    """CRC-32 of a record, never 0: that stands for a record not yet written."""
    return zlib.crc32(mask.tobytes(), zlib.crc32(image.tobytes())) or 1
