"""Writing a release: file by file, the manifest last, and on from where an interrupted one stopped."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from biclip_bench.errors import UserError

from ..cells import CLEAN
from ..corrupted_images import BATCH, corrupted_images
from ..corrupted_set import write_grid
from ..datasets.base import Case, Dataset
from ..inputs import apply_window, native_batches
from ..listed_files import only_writer
from .content import Content, case_table, image_path, mask_path, overview_path, seeds_of, window_of
from .folder import Journal, finished_in
from .manifest import CASES, README, Condition, Manifest, ReleasedFile
from .pixels import Pixels, encode, pixel_digest, quantise
from .readme import readme_text

BATCH_VALUES = 2**24
"""Pixel values of a batch: with the copies that a corruption makes of it, a few hundred megabytes."""

OVERVIEW_CASES = 2

Written = tuple[bytes, ReleasedFile]


def write_release(dataset: Dataset, content: Content, folder: Path, console: Console) -> tuple[Manifest, bool]:
    """Write a release, or what is missing of it.

    Parameters
    ----------
    dataset
        The data set that ``content`` was laid out for.
    content
        What to write.
    folder
        A new or empty folder, or one that holds this release, unfinished or finished.
    console
        Where the progress is shown.

    Returns
    -------
    manifest : Manifest
        As written.
    is_new : bool
        False if the folder held this release already.

    Raises
    ------
    UserError
        If the folder holds anything else, or the disk has no room or fails.
    """
    with only_writer(folder, "release"):
        finished = finished_in(folder, content.header)
        if finished is not None:
            return finished, False
        journal = Journal(folder, content.header, content.paths)
        _check_room(folder, content, journal)
        done = len(journal.files)
        if done:
            console.print(f"Resuming: {done} of {len(content.paths)} files are there already.", highlight=False)
        with _progress(console, "Writing the release", len(content.paths), done) as advance:
            _write_texts(content, journal)
            for condition in content.header.conditions:
                advance(len(journal.files), f"overview of {condition.name}")
                _write_overview(dataset, condition, journal)
            for text in _write_pixels(dataset, content, journal):
                advance(len(journal.files), text)
        return journal.finish(), True


def _write_texts(content: Content, journal: Journal) -> None:
    texts = {CASES: case_table(content.rows), README: readme_text(content.header, content.rows)}
    journal.write([_other(path, text.encode()) for path, text in texts.items() if path not in journal.files])


def _write_overview(dataset: Dataset, condition: Condition, journal: Journal) -> None:
    path = overview_path(condition)
    if path in journal.files:
        return
    severities = [step.severity for step in condition.severities]
    with tempfile.TemporaryDirectory() as place:
        drawn = write_grid(dataset, condition.name, severities, OVERVIEW_CASES, Path(place))
        (picture,) = [file for file in drawn if file.suffix == ".png"]
        journal.write([_other(path, picture.read_bytes())])


def _write_pixels(dataset: Dataset, content: Content, journal: Journal) -> Iterator[str]:
    """Write masks and images of a few cases at a time, and say after each condition which one it was."""
    stems = {row.case: row.file for row in content.rows}
    wanted = {
        case: [step for step in content.header.steps if image_path(content.header, *step, stem) not in journal.files]
        for case, stem in stems.items()
    }
    todo = [case for case, stem in stems.items() if wanted[case] or mask_path(stem) not in journal.files]
    for cases in native_batches(dataset, todo, BATCH, BATCH_VALUES):
        masks = [case for case in cases if mask_path(stems[case.id]) not in journal.files]
        journal.write([_mask(case, stems[case.id]) for case in masks])
        for step in content.header.steps:
            missing = [case for case in cases if step in wanted[case.id]]
            if missing:
                journal.write(_images(dataset, content.header, missing, step, stems))
                yield step[0] if step[0] == CLEAN else f"{step[0]} {step[1]}"


def released_pixels(
    dataset: Dataset, manifest: Manifest, cases: Sequence[Case], condition: str, severity: int
) -> list[Pixels]:
    """Compute the 16-bit pixels of cases of one shape under a condition."""
    images = corrupted_images(cases, dataset, condition, severity)
    seen = apply_window(images, window_of(manifest.window, manifest.values.kind))
    return [quantise(image) for image in seen.numpy()]


def mask_pixels(case: Case) -> Pixels:
    """Turn a mask into 0 and 255."""
    return case.mask.astype(np.uint8) * np.uint8(255)


def _images(
    dataset: Dataset, manifest: Manifest, cases: Sequence[Case], step: tuple[str, int], stems: dict[str, str]
) -> list[Written]:
    pixels = released_pixels(dataset, manifest, cases, *step)
    written = []
    for case, image in zip(cases, pixels, strict=True):
        content = encode(image, manifest.values.file_format)
        path = image_path(manifest, *step, stems[case.id])
        file = _file(path, "image", content).model_copy(
            update={
                "pixels_sha256": pixel_digest(image),
                "case": case.id,
                "condition": step[0],
                "severity": step[1],
                "seeds": seeds_of(*step, case.id),
            }
        )
        written.append((content, file))
    return written


def _mask(case: Case, stem: str) -> Written:
    pixels = mask_pixels(case)
    content = encode(pixels, "png")
    of_case = {"pixels_sha256": pixel_digest(pixels), "case": case.id}
    return content, _file(mask_path(stem), "mask", content).model_copy(update=of_case)


def _other(path: str, content: bytes) -> Written:
    return content, _file(path, "other", content)


def _file(path: str, kind: Literal["image", "mask", "other"], content: bytes) -> ReleasedFile:
    return ReleasedFile(path=path, kind=kind, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _check_room(folder: Path, content: Content, journal: Journal) -> None:
    needed = content.largest_size - sum(file.bytes for file in journal.files.values())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"The release may take {needed / 1e9:.2f} GB more in {folder}, and {free / 1e9:.2f} GB are free. Make "
            "room, give --output a folder on another disk, or ask for fewer conditions."
        )


@contextmanager
def _progress(console: Console, title: str, total: int, done: int) -> Iterator[Callable[[int, str], object]]:
    if not console.is_terminal:
        console.print(f"{title}: {total} files", highlight=False)
        yield lambda _, __: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda count, text: progress.update(task, completed=count, description=f"{title} ({text})")
