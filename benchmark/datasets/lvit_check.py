"""Every image and mask of a data set decoded once, compared and hashed; what was found is remembered."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from biclip_bench.errors import UserError

from .image_files import read_image, read_mask
from .lvit_layout import Triple

_CHECK_VERSION = 1
"""Raised whenever the rules of decoding change, so that what older rules found is not used."""


@dataclass(frozen=True)
class CheckedPair:
    """What decoding an image and its mask found.

    Parameters
    ----------
    image, mask
        Paths relative to the data set's root, with forward slashes.
    image_stamp, mask_stamp
        Size in bytes and time of the last change of each file: while they stay, it is not read again.
    image_sha256, mask_sha256
        Digests of the files' contents.
    height, width, channels
        Shape of the image.
    lesion_fraction
        Share of the mask that is lesion.
    """

    image: str
    mask: str
    image_stamp: str
    mask_stamp: str
    image_sha256: str
    mask_sha256: str
    height: int
    width: int
    channels: int
    lesion_fraction: float


def check_pairs(triples: Sequence[Triple], root: Path, cache: Path) -> list[CheckedPair]:
    """Decode and hash every image and mask that is new or changed since the last check.

    Parameters
    ----------
    triples
        The images and masks.
    root
        Folder that their paths are relative to.
    cache
        Folder in which the findings are kept, in a table for each data root.

    Returns
    -------
    list of CheckedPair
        In the order of ``triples``.

    Raises
    ------
    UserError
        At the first file that cannot be read, or mask whose size is not its image's.
    """
    location = hashlib.sha256(f"{_CHECK_VERSION}:{root.resolve()}".encode()).hexdigest()[:20]
    table = cache / f"lvit-check-{location}.parquet"
    known = _read_table(table)

    def check(triple: Triple) -> CheckedPair:
        image, mask = (path.relative_to(root).as_posix() for path in (triple.image, triple.mask))
        stamps = _stamp(triple.image), _stamp(triple.mask)
        before = known.get((image, mask))
        if before is not None and (before.image_stamp, before.mask_stamp) == stamps:
            return before
        return _check_pair(triple, image, mask, stamps)

    checked: list[CheckedPair] = []
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        for pair in pool.map(check, triples):
            checked.append(pair)
    finally:
        pool.shutdown(cancel_futures=True)
        # Also after a defect: when it is mended, what came before it need not be read again.
        if any(known.get((pair.image, pair.mask)) != pair for pair in checked):
            _write_table(table, checked)
    return checked


def _check_pair(triple: Triple, image: str, mask: str, stamps: tuple[str, str]) -> CheckedPair:
    pixels, lesion = read_image(triple.image), read_mask(triple.mask)
    channels, height, width = pixels.shape
    if lesion.shape != (height, width):
        raise UserError(
            f"The mask {triple.mask} is {lesion.shape[1]} x {lesion.shape[0]} pixels and its image {triple.image} "
            f"{width} x {height}: they should be the same size."
        )
    return CheckedPair(
        image=image,
        mask=mask,
        image_stamp=stamps[0],
        mask_stamp=stamps[1],
        image_sha256=hashlib.sha256(triple.image.read_bytes()).hexdigest(),
        mask_sha256=hashlib.sha256(triple.mask.read_bytes()).hexdigest(),
        height=height,
        width=width,
        channels=channels,
        lesion_fraction=float(lesion.mean()),
    )


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _read_table(table: Path) -> dict[tuple[str, str], CheckedPair]:
    try:
        frame = pd.read_parquet(table)
        columns = [frame[field.name].tolist() for field in fields(CheckedPair)]
        pairs = [CheckedPair(*row) for row in zip(*columns, strict=True)]
    except (OSError, ValueError, KeyError, TypeError):
        # Missing or damaged: everything is checked again.
        return {}
    return {(pair.image, pair.mask): pair for pair in pairs}


def _write_table(table: Path, pairs: Sequence[CheckedPair]) -> None:
    temporary = table.with_name(f".{table.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([asdict(pair) for pair in pairs]).to_parquet(temporary, index=False)
        temporary.replace(table)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(
            f"The cache folder {table.parent} cannot be written ({error.strerror or error}): free it or name another."
        ) from error
