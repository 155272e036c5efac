"""The manifest of a release: what it holds and how that was made, as ``manifest.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from biclip_bench.errors import UserError

from ..cells import CLEAN
from ..listed_files import MANIFEST, Digest, InnerPath, ListedFile, check_link, check_names, first_fault, manifest_text
from .pixels import FileFormat

CASES = "cases.csv"
README = "README.md"
MASKS = "masks"
CLEAN_IMAGES = "clean/images"
FORMAT: Final = "biclip-bench corrupted test set"
SCHEMA_VERSION: Final = 1

ValueKind = Literal["stored", "windowed"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReleasedFile(ListedFile):
    """One file, and for images and masks what they show.

    ``pixels_sha256`` is the digest of the values alone, which another compression would not change. ``seeds`` holds
    the 128-bit seed of each corruption applied, as 32 hexadecimal digits.
    """

    kind: Literal["image", "mask", "other"]
    pixels_sha256: Digest | None = None
    case: str | None = None
    condition: str | None = None
    severity: int | None = None
    seeds: dict[str, str] | None = None


class ParameterValue(_Part):
    """A parameter's value with its unit or meaning."""

    value: float | str
    unit: str


class AppliedPart(_Part):
    """One corruption as it is applied at one severity of a condition."""

    corruption: str
    version: int
    family: str
    severity: int
    parameters: dict[str, ParameterValue]


class Step(_Part):
    """One severity of a condition: what is applied, in this order."""

    severity: int
    parts: tuple[AppliedPart, ...]


class Condition(_Part):
    """A corruption or a composition of several, in the folder that holds its severities."""

    name: str
    folder: InnerPath
    families: tuple[str, ...]
    summary: str
    severities: tuple[Step, ...]


class Source(_Part):
    """The data set whose cases these are; ``options`` are those of a data set that is made and not read."""

    name: str
    fingerprint: str
    part: Literal["test"]
    cases: int
    options: dict[str, Any]


class Context(_Part):
    """Physical meaning of the images: see ImageContext."""

    modality: str
    hu_range: tuple[float, float] | None
    pixel_size_mm: float | None


class Values(_Part):
    """What a 16-bit number in an image file stands for: value = scale * number + offset.

    ``clean_is_exact`` says that the clean images are the data set's own, to the last bit, so that the corrupted ones
    can be made again from them.
    """

    kind: ValueKind
    file_format: FileFormat
    scale: float
    offset: float
    hu_at_0: float | None
    hu_at_65535: float | None
    clean_is_exact: bool


class Manifest(_Part):
    """Everything about a release. ``window`` is the part of the stored range [0, 1] that the benchmark's models see."""

    format: Literal["biclip-bench corrupted test set"]
    schema_version: Literal[1]
    suite_version: str
    software: dict[str, str]
    command: str
    dataset: Source
    context: Context
    window: tuple[float, float]
    values: Values
    masks: dict[str, int]
    conditions: tuple[Condition, ...]
    files: tuple[ReleasedFile, ...] = ()

    @property
    def steps(self) -> list[tuple[str, int]]:
        """Name and severity of every image that a case has, clean first."""
        return [(CLEAN, 0), *((item.name, step.severity) for item in self.conditions for step in item.severities)]

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for: all but the files and the versions of the software."""
        return self.model_dump(mode="json", exclude={"files", "software"})

    @property
    def header(self) -> dict[str, Any]:
        """All but the files."""
        return self.model_dump(mode="json", exclude={"files"})

    def to_text(self) -> str:
        """Write as JSON, one file a line."""
        return manifest_text(self.header, self.files)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a release.

    Raises
    ------
    UserError
        If there is none, it cannot be read, is of another schema, names a file twice, or names one that lies outside
        the folder, also by way of a symbolic link.
    """
    path = folder / MANIFEST
    check_link(folder, MANIFEST, "release")
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} holds no {MANIFEST}: it is no release, or one whose writing was interrupted. Name the folder "
            "that 'biclip-bench corrupt' wrote; the command that began it, run again, finishes it."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"The manifest {path} cannot be read ({error}). Copy or download the release again.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"The file {path} is no manifest of a release: its key 'format' is not {FORMAT!r}.")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"The manifest {path} has the schema version {content.get('schema_version')!r}, and this biclip-bench "
            f"reads version {SCHEMA_VERSION}: use the version that it names under 'software'."
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise UserError(
            f"The manifest {path} is wrong at {first_fault(error)}. Copy or download the release again."
        ) from error
    check_names(folder, manifest.files, "release")
    return manifest
