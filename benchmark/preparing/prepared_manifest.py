"""The manifest of a prepared folder: every file with what it shows, and the data set as a run will see it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from ..datasets.base import PARTS
from ..datasets.file_dataset import FileDataset
from ..datasets.image_files import image_suffix
from ..datasets.raster_files import RASTER_SUFFIXES
from ..listed_files import (
    MANIFEST,
    TEMPORARY,
    Digest,
    ListedFile,
    check_link,
    check_names,
    file_digest,
    files_in,
    first_fault,
    manifest_text,
)
from ..versions import software_versions

FORMAT: Final = "biclip-bench prepared data set"
SCHEMA_VERSION: Final = 1

Intensity = Literal["HU", "8-bit window", "radiograph", "MR", "colour", "grey", "mask"]
_BITS = {"1": 1, "L": 8, "LA": 8, "P": 8, "RGB": 8, "RGBA": 8, "CMYK": 8, "YCbCr": 8, "F": 32}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PreparedFile(ListedFile):
    """A file; of images and masks also what they show.

    ``bits`` is the depth of a channel. ``part`` and ``group`` are those of its case, and are absent of files that
    belong to none; ``group`` is absent too where nothing tells the patient or study.
    """

    kind: Literal["image", "mask", "other"] = "other"
    case: str | None = None
    part: str | None = None
    group: str | None = None
    width: int | None = None
    height: int | None = None
    bits: int | None = None
    intensity: Intensity | None = None


class PreparedFrom(_Part):
    """Where it came from, without any place of a machine.

    ``state`` is a digest of what the source held; the same source has the same.
    """

    name: str
    recognised: str
    inside: str
    texts: tuple[str, ...]
    state: Digest


class PreparedSet(_Part):
    """The data set as its loader reads it.

    ``errors`` is how many of its files and rows have errors, at which a run stops; ``left_out`` how many cases that
    concerns, which are not among the fingerprint's.
    """

    name: str
    options: dict[str, str]
    fingerprint: Digest
    cases: dict[str, int]
    errors: int
    left_out: int


class PreparedManifest(_Part):
    """Everything about a prepared folder."""

    format: Literal["biclip-bench prepared data set"]
    schema_version: Literal[1]
    software: dict[str, str]
    source: PreparedFrom
    dataset: PreparedSet
    files: tuple[PreparedFile, ...] = ()

    def to_text(self) -> str:
        """Write as JSON, one file a line."""
        return manifest_text(self.model_dump(mode="json", exclude={"files"}), self.files)


def describe_folder(
    folder: Path, dataset: FileDataset, options: Mapping[str, str], source: PreparedFrom
) -> PreparedManifest:
    """Write down what a prepared folder holds.

    Parameters
    ----------
    folder
        The folder.
    dataset
        Its data set, opened with issues allowed.
    options
        The options it was opened with.
    source
        Where it came from.
    """
    facts: dict[str, dict[str, Any]] = {}
    digests: dict[str, str] = {}
    for case in dataset.files.values():
        told = {"case": case.id, "part": case.part, "group": case.group}
        facts[_relative(case.image, folder)] = {"kind": "image", **told}
        facts[_relative(case.mask, folder)] = {"kind": "mask", **told}
    for checked in dataset.checked:
        found = checked.found
        image, mask = _relative(checked.files.image, folder), _relative(checked.files.mask, folder)
        facts[image] |= {"width": found.width, "height": found.height}
        facts[mask] |= {"width": found.mask_width, "height": found.mask_height}
        digests |= {image: found.image_sha256, mask: found.mask_sha256}
        facts[image]["bits"] = _bits(checked.files.image)
        facts[image]["intensity"] = intensity(dataset.context, image, found.channels, facts[image]["bits"])
        facts[mask] |= {"bits": _bits(checked.files.mask), "intensity": "mask"}
    files = []
    for path in files_in(folder):
        name = path.rpartition("/")[2]
        if path == MANIFEST or name.startswith(".") or TEMPORARY.fullmatch(name):
            continue
        file = folder / path
        own = facts.get(path, {})
        files.append(
            PreparedFile(
                path=path,
                bytes=file.stat().st_size,
                sha256=digests.get(path) or file_digest(file),
                **own,
            )
        )
    counts = dataset.index["part"].value_counts()
    return PreparedManifest(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        software=software_versions(),
        source=source,
        dataset=PreparedSet(
            name=dataset.name,
            options=dict(options),
            fingerprint=dataset.fingerprint,
            cases={part: int(counts.get(part, 0)) for part in PARTS},
            errors=sum(defect.gravity == "error" for defect in dataset.defects),
            left_out=len(dataset.left_out),
        ),
        files=tuple(files),
    )


def intensity(context: ImageContext, path: str, channels: int, bits: int | None) -> Intensity:
    """Say what an image's values are, from the data set's meaning and the file's format."""
    raster = image_suffix(path).lower() in RASTER_SUFFIXES
    if channels == 3:
        return "colour"
    if context.modality == "ct" and context.hu_range is not None:
        return "8-bit window" if raster and bits == 8 else "HU"
    kinds: dict[str, Intensity] = {"radiograph": "radiograph", "mr": "MR"}
    return kinds.get(context.modality, "grey")


def read_prepared(folder: Path) -> PreparedManifest:
    """Read and check the manifest of a prepared folder.

    Raises
    ------
    UserError
        If there is none, it cannot be read or is another's, or it names a file twice or outside the folder.
    """
    path = folder / MANIFEST
    check_link(folder, MANIFEST, "data set")
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} holds no {MANIFEST}: it was not made by 'datasets prepare', or that was interrupted; the "
            "command that began it, run again, finishes it."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"The manifest {path} cannot be read ({error}): prepare the data set again.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"The file {path} is no manifest of a prepared data set: its key 'format' is not {FORMAT!r}.")
    try:
        manifest = PreparedManifest.model_validate(content)
    except ValidationError as error:
        raise UserError(f"The manifest {path} is wrong at {first_fault(error)}. Prepare the data set again.") from error
    check_names(folder, manifest.files, "data set")
    return manifest


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _bits(path: Path) -> int | None:
    """Return the bits of a channel, read from the header of an image file; None of a format without such a header."""
    if image_suffix(path.name).lower() not in RASTER_SUFFIXES:
        return None
    try:
        with Image.open(path) as image:
            return 16 if image.mode.startswith("I") else _BITS.get(image.mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
