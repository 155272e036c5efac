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

from .case_files import CaseFiles, Defect
from .image_files import read_facts, read_image, read_mask_values
from .pixel_measures import describe_areas, perceptual_hash, pixel_digest

_CHECK_VERSION = 4
"""Raised whenever the rules of decoding or measuring change, so that what older rules found is not used."""


@dataclass(frozen=True)
class CheckedFiles:
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
    mask_height, mask_width
        Shape of the mask.
    lesion_fraction
        Share of the mask that is lesion.
    image_facts, mask_facts
        What the files' headers tell, as :meth:`~.pixel_facts.PixelFacts.to_text` writes it; empty of formats that tell
        nothing.
    pixels_sha256
        Digest of the decoded image: the same for files that differ only in format or compression without loss.
    perceptual_hash
        Hash of what the image looks like, in hexadecimal digits, close for images that look alike; empty for an image
        of one value.
    between_share
        Share of the mask's pixels whose value is neither 0 nor the full scale.
    threshold
        Value above which the mask's pixels are lesion.
    areas
        The mask's separate areas, as :func:`~.pixel_measures.read_areas` reads them.
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
    mask_height: int
    mask_width: int
    lesion_fraction: float
    image_facts: str
    mask_facts: str
    pixels_sha256: str
    perceptual_hash: str
    between_share: float
    threshold: float
    areas: str


@dataclass(frozen=True)
class CheckedCase:
    """A whole case: its files and what decoding them found."""

    files: CaseFiles
    found: CheckedFiles

    @property
    def id(self) -> str:
        """The case's id: part and name."""
        return self.files.id


def check_files(files: Sequence[CaseFiles], root: Path, cache: Path, defects: list[Defect]) -> dict[str, CheckedFiles]:
    """Decode and hash every image and mask that is new or changed since the last check.

    Parameters
    ----------
    files
        The images and masks.
    root
        Folder that their paths are told relative to.
    cache
        Folder in which the findings are kept, in a table for each data root.
    defects
        Gets each file that cannot be read and each mask whose size is not its image's.

    Returns
    -------
    dict
        What was found of each sound case, by its id, in the order of ``files``.

    Raises
    ------
    UserError
        If the cache cannot be written.
    """
    location = hashlib.sha256(f"{_CHECK_VERSION}:{root.resolve()}".encode()).hexdigest()[:20]
    table = cache / f"files-{location}.parquet"
    known = _read_table(table)

    def check(case: CaseFiles) -> CheckedFiles | Defect:
        image, mask = (Path(os.path.relpath(path, root)).as_posix() for path in (case.image, case.mask))
        try:
            stamps = _stamp(case.image), _stamp(case.mask)
            before = known.get((image, mask))
            if before is not None and (before.image_stamp, before.mask_stamp) == stamps:
                return before
            return _check_case(case, image, mask, stamps)
        except UserError as error:
            return Defect("unreadable", str(error), cases=(case.id,))

    checked: dict[str, CheckedFiles] = {}
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        for case, found in zip(files, pool.map(check, files), strict=True):
            if isinstance(found, Defect):
                defects.append(found)
            else:
                checked[case.id] = found
    finally:
        pool.shutdown(cancel_futures=True)
        # Also after an interruption: what was read need not be read again.
        if any(known.get((found.image, found.mask)) != found for found in checked.values()):
            _write_table(table, list(checked.values()))
    defects += [
        defect for case in files if case.id in checked and (defect := _size_defect(case, checked[case.id])) is not None
    ]
    sizes = {case for defect in defects if defect.kind == "size-mismatch" for case in defect.cases}
    return {case: found for case, found in checked.items() if case not in sizes}


def _check_case(case: CaseFiles, image: str, mask: str, stamps: tuple[str, str]) -> CheckedFiles:
    pixels, (values, full_scale) = read_image(case.image), read_mask_values(case.mask)
    lesion = values > full_scale / 2
    facts = [found.to_text() if (found := read_facts(path)) else "" for path in (case.image, case.mask)]
    channels, height, width = pixels.shape
    return CheckedFiles(
        image=image,
        mask=mask,
        image_stamp=stamps[0],
        mask_stamp=stamps[1],
        image_sha256=hashlib.sha256(case.image.read_bytes()).hexdigest(),
        mask_sha256=hashlib.sha256(case.mask.read_bytes()).hexdigest(),
        height=height,
        width=width,
        channels=channels,
        mask_height=lesion.shape[0],
        mask_width=lesion.shape[1],
        lesion_fraction=float(lesion.mean()),
        image_facts=facts[0],
        mask_facts=facts[1],
        pixels_sha256=pixel_digest(pixels),
        perceptual_hash=perceptual_hash(pixels),
        between_share=float(((values != 0) & (values != full_scale)).mean()),
        threshold=full_scale / 2,
        areas=describe_areas(lesion),
    )


def _size_defect(case: CaseFiles, found: CheckedFiles) -> Defect | None:
    if (found.mask_height, found.mask_width) == (found.height, found.width):
        return None
    message = (
        f"The mask {case.mask} is {found.mask_width} x {found.mask_height} pixels and its image {case.image} "
        f"{found.width} x {found.height}: they should be the same size."
    )
    return Defect("size-mismatch", message, cases=(case.id,))


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _read_table(table: Path) -> dict[tuple[str, str], CheckedFiles]:
    try:
        frame = pd.read_parquet(table)
        columns = [frame[field.name].tolist() for field in fields(CheckedFiles)]
        rows = [CheckedFiles(*row) for row in zip(*columns, strict=True)]
    except (OSError, ValueError, KeyError, TypeError):
        # Missing or damaged: everything is checked again.
        return {}
    return {(row.image, row.mask): row for row in rows}


def _write_table(table: Path, rows: Sequence[CheckedFiles]) -> None:
    temporary = table.with_name(f".{table.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([asdict(row) for row in rows]).to_parquet(temporary, index=False)
        temporary.replace(table)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(
            f"The cache folder {table.parent} cannot be written ({error.strerror or error}): free it or name another."
        ) from error
