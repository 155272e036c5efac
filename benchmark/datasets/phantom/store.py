"""Made cases on disk: memory-mapped arrays that appear whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biclip_bench.errors import UserError

_MANIFEST = "manifest.json"
_HU, _MASKS, _INDEX = "hu.npy", "masks.npy", "index.parquet"
_ATTEMPTS = 5


class StoreWriter:
    """Writes the cases of a new store into a folder, in the order of their index.

    Parameters
    ----------
    folder
        An existing, empty folder.
    count, size
        Number of cases and side of their images in pixels.
    """

    def __init__(self, folder: Path, count: int, size: int) -> None:
        self._folder = folder
        self._hu = np.lib.format.open_memmap(folder / _HU, "w+", np.int16, (count, size, size))
        self._masks = np.lib.format.open_memmap(folder / _MASKS, "w+", np.uint8, (count, size, -(-size // 8)))

    def write(self, number: int, hu: NDArray[np.int16], mask: NDArray[np.bool_]) -> None:
        """Write one case's slice in HU and its mask, packed to one bit a pixel."""
        self._hu[number] = hu
        self._masks[number] = np.packbits(mask, axis=-1)

    def finish(self, index: pd.DataFrame, fingerprint: str) -> None:
        """Write the index, then the manifest with every file's size and checksum."""
        self._hu.flush()
        self._masks.flush()
        index.to_parquet(self._folder / _INDEX, index=False)
        files = {name: _measure(self._folder / name) for name in (_HU, _MASKS, _INDEX)}
        manifest = {"fingerprint": fingerprint, "files": files}
        (self._folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


class Store:
    """A whole and checked store.

    Parameters
    ----------
    folder
        Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = pd.read_parquet(folder / _INDEX)
        self._maps: tuple[NDArray[np.int16], NDArray[np.uint8]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled as the whole array; a worker process maps the files itself.
        return {**self.__dict__, "_maps": None}

    def read(self, number: int) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Return HU (H, W) and mask (H, W) of the case in row ``number`` of the index."""
        if self._maps is None:
            self._maps = (np.load(self.folder / _HU, mmap_mode="r"), np.load(self.folder / _MASKS, mmap_mode="r"))
        hu, masks = self._maps
        return np.array(hu[number]), np.unpackbits(masks[number], axis=-1, count=hu.shape[-1]).astype(bool)


def open_store(folder: Path, fingerprint: str, make: Callable[[Path], None]) -> Store:
    """Open a store, making it first where it is missing or damaged.

    Several processes may do so at once: each makes its own under a temporary name, one of them is renamed to
    ``folder`` and all read that one.

    Parameters
    ----------
    folder
        Where the store belongs.
    fingerprint
        What it must hold.
    make
        Writes a store with this fingerprint into an existing, empty folder.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    if is_whole(folder, fingerprint):
        return Store(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = _temporary_folder(folder)
    except OSError as error:
        raise UserError(
            f"The cache folder {folder.parent} cannot be written ({error.strerror or error}): free it or name another."
        ) from error
    try:
        make(made)
        _move_into_place(made, folder, fingerprint)
    except OSError as error:
        raise UserError(
            f"The made cases could not be written to {folder} ({error.strerror or error}): free space there or "
            "name another cache folder."
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Store(folder)


def _move_into_place(made: Path, folder: Path, fingerprint: str) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            made.rename(folder)
        except OSError:
            if is_whole(folder, fingerprint):
                return
            if attempt == _ATTEMPTS - 1:
                raise
            _set_aside(folder)
        else:
            return


def _set_aside(folder: Path) -> None:
    """Remove what stands in the way, by renaming first, so that no one sees it half removed."""
    aside = _temporary_folder(folder)
    try:
        folder.rename(aside / "damaged")
    except FileNotFoundError:
        pass
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _temporary_folder(folder: Path) -> Path:
    # Not tempfile.mkdtemp: its folders are readable by their owner alone, and a cache may be shared by a group.
    made = folder.with_name(f".{folder.name}-{os.getpid()}-{secrets.token_hex(4)}")
    made.mkdir()
    return made


def is_whole(folder: Path, fingerprint: str) -> bool:
    """Say whether a folder holds the store with this fingerprint, every file as it was written."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        return (
            manifest["fingerprint"] == fingerprint
            and set(files) == {_HU, _MASKS, _INDEX}
            and all(_measure(folder / name) == measured for name, measured in files.items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _measure(path: Path) -> dict[str, int]:
    checksum = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
        return {"bytes": stream.tell(), "crc32": checksum}
