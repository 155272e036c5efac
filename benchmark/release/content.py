"""What a release will hold, known before its first file is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biclip_bench.errors import UserError

from ...corruptions import CorruptionSpec, parse_spec
from ...corruptions.seeding import SUITE_VERSION
from ..cells import CLEAN
from ..datasets.base import Dataset, cases_of
from ..versions import software_versions
from .manifest import (
    CASES,
    CLEAN_IMAGES,
    FORMAT,
    MASKS,
    README,
    SCHEMA_VERSION,
    AppliedPart,
    Condition,
    Context,
    Manifest,
    ParameterValue,
    Source,
    Step,
    ValueKind,
    Values,
)
from .names import case_stems, condition_folder
from .pixels import HIGHEST, FileFormat, quantise, restore

COLUMNS = ("case", "group", "text", "file", "height", "width")

_FILE_ROOM = 5_000
"""Bytes that a file takes beyond its pixels: headers, the rest of its last block, and its line of the manifest."""


@dataclass(frozen=True)
class Request:
    """How a release is to be written.

    Parameters
    ----------
    values
        ``stored`` for the data set's whole range, ``windowed`` for the part of it that a model sees.
    file_format
        Kind of the image files.
    options
        Options of a data set that is made and not read; they make it again.
    command
        The command that writes this release, without a path of this machine.
    """

    values: ValueKind
    file_format: FileFormat
    options: dict[str, object]
    command: str


@dataclass(frozen=True)
class CaseRow:
    """One row of the table of cases, and the number of channels of its image."""

    case: str
    group: str
    text: str
    file: str
    height: int
    width: int
    channels: int


@dataclass(frozen=True)
class Content:
    """A release before it is written.

    Parameters
    ----------
    header
        The manifest without files.
    rows
        A row a case, in the data set's order.
    """

    header: Manifest
    rows: tuple[CaseRow, ...]

    @property
    def paths(self) -> list[str]:
        """Every file but the manifest."""
        return [
            README,
            CASES,
            *(overview_path(condition) for condition in self.header.conditions),
            *(mask_path(row.file) for row in self.rows),
            *(image_path(self.header, *step, row.file) for step in self.header.steps for row in self.rows),
        ]

    @property
    def largest_size(self) -> int:
        """Bytes that all files take if nothing can be compressed."""
        pixels = sum(row.height * row.width * (1 + 2 * row.channels * len(self.header.steps)) for row in self.rows)
        return pixels + _FILE_ROOM * len(self.paths) + sum(len(row.text.encode()) for row in self.rows)


def lay_out(dataset: Dataset, specs: Sequence[CorruptionSpec], severities: Sequence[int], request: Request) -> Content:
    """Look at every test case once, and decide what a release of them holds.

    Raises
    ------
    UserError
        If there is no test case, or a case's id, group or text is no Unicode text.
    """
    names = cases_of(dataset, "test")
    if not names:
        raise UserError(f"The data set {dataset.name!r} has no test cases, and a release is made of them.")
    stems = case_stems(names)
    seen_through = window_of(dataset.context.window, request.values)
    rows, exact = [], seen_through == (0.0, 1.0)
    for name in names:
        case = dataset.load(name)
        for what in (case.id, case.group, case.text):
            _check_text(what, case.id)
        C, H, W = case.image.shape
        rows.append(CaseRow(case.id, case.group, case.text, stems[case.id], H, W, C))
        exact = exact and np.array_equal(restore(quantise(case.image)), case.image)
    header = Manifest(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        suite_version=SUITE_VERSION,
        software=software_versions(),
        command=request.command,
        dataset=Source(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            part="test",
            cases=len(names),
            options=request.options,
        ),
        context=Context(
            modality=dataset.context.modality,
            hu_range=dataset.context.hu_range,
            pixel_size_mm=dataset.context.pixel_size_mm,
        ),
        window=dataset.context.window,
        values=_values(dataset, request, clean_is_exact=exact),
        masks={"background": 0, "lesion": 255},
        conditions=tuple(describe(spec, spec.chosen(severities)) for spec in specs),
    )
    return Content(header, tuple(rows))


def window_of(window: tuple[float, float], kind: ValueKind) -> tuple[float, float]:
    """The part of the stored range [0, 1] that the 16-bit values span."""
    return window if kind == "windowed" else (0.0, 1.0)


def describe(spec: CorruptionSpec, severities: Sequence[int]) -> Condition:
    """Say everything about a condition that determines its images."""
    return Condition(
        name=spec.name,
        folder=condition_folder(spec.name),
        families=spec.families,
        summary=spec.summary,
        severities=tuple(
            Step(
                severity=severity,
                parts=tuple(
                    AppliedPart(
                        corruption=part.corruption.name,
                        version=part.corruption.version,
                        family=part.corruption.family,
                        severity=part.own_severity(severity),
                        parameters={
                            key: ParameterValue(value=part.level(severity)[key], unit=item.unit)
                            for key, item in part.corruption.parameters.items()
                        },
                    )
                    for part in spec.parts
                ),
            )
            for severity in severities
        ),
    )


def seeds_of(condition: str, severity: int, case: str) -> dict[str, str]:
    """The seed of every corruption that makes an image, as 32 hexadecimal digits; empty for a clean one."""
    if condition == CLEAN:
        return {}
    return {part.corruption.name: f"{part.seed(severity, case):032x}" for part in parse_spec(condition).parts}


def image_path(manifest: Manifest, condition: str, severity: int, stem: str) -> str:
    """Where an image lies below the release's folder."""
    suffix = manifest.values.file_format
    if condition == CLEAN:
        return f"{CLEAN_IMAGES}/{stem}.{suffix}"
    return f"{condition_folder(condition)}/severity-{severity}/{stem}.{suffix}"


def mask_path(stem: str) -> str:
    """Where a mask lies below the release's folder."""
    return f"{MASKS}/{stem}.png"


def overview_path(condition: Condition) -> str:
    """Where a condition's picture grid lies below the release's folder."""
    return f"overview/{condition.folder}.png"


def case_table(rows: Sequence[CaseRow]) -> str:
    """Write the table of cases as CSV: commas, UTF-8, every text in double quotes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)
    return buffer.getvalue()


def _check_text(text: str, case: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"Case {case!r} has the name or text {text!r}, which is no Unicode text and cannot stand in a table that "
            "others read: rename the file, or correct the text."
        ) from error


def _values(dataset: Dataset, request: Request, *, clean_is_exact: bool) -> Values:
    units: list[float | None] = [None, None]
    if dataset.context.hu_range is not None:
        low, high = dataset.context.hu_range
        # Six digits after the point: what the window's division left in the last bits is no Hounsfield unit.
        units = [round(low + end * (high - low), 6) for end in window_of(dataset.context.window, request.values)]
    return Values(
        kind=request.values,
        file_format=request.file_format,
        scale=1 / HIGHEST,
        offset=0.0,
        hu_at_0=units[0],
        hu_at_65535=units[1],
        clean_is_exact=clean_is_exact,
    )
