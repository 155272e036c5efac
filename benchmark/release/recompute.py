"""Making the images of a release again, to see whether this machine makes the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from biclip_bench.errors import UserError

from ...corruptions import parse_spec
from ...corruptions.seeding import SUITE_VERSION
from ..corrupted_images import BATCH
from ..datasets.base import Dataset, cases_of
from ..inputs import native_batches
from .content import describe
from .manifest import Manifest, ReleasedFile
from .pixels import HIGHEST, Pixels, decode, pixel_digest
from .released import ReleasedDataset
from .write import BATCH_VALUES, mask_pixels, released_pixels


@dataclass(frozen=True)
class Recomputation:
    """What came of making the images again.

    Parameters
    ----------
    compared
        Number of images and masks made again.
    differing
        Path of every file whose pixels differ, and by how many of 65535 steps at most.
    """

    compared: int
    differing: dict[str, int]


def check_versions(manifest: Manifest) -> None:
    """Check that this software makes the corruptions that the manifest describes.

    Raises
    ------
    UserError
        If the suite, a corruption's version or a parameter is another one.
    """
    if manifest.suite_version != SUITE_VERSION:
        raise UserError(
            f"The release was made with version {manifest.suite_version} of the corruption suite, and this "
            f"biclip-bench has version {SUITE_VERSION}: images can be compared only where it is the same."
        )
    for condition in manifest.conditions:
        here = describe(parse_spec(condition.name), [step.severity for step in condition.severities])
        for was, now in zip(condition.severities, here.severities, strict=True):
            if was != now:
                raise UserError(
                    f"The condition {condition.name!r} of the release, severity {was.severity}, has other parameters "
                    "or another version than in this biclip-bench: use the version that the manifest names under "
                    "'software'."
                )


def clean_source(folder: Path, manifest: Manifest, open_dataset: Callable[[], Dataset] | None) -> Dataset:
    """Choose where the clean images come from: the data set where one is named, else the release itself.

    Raises
    ------
    UserError
        If the data set is another one, or none is named and the clean images of the release are rounded.
    """
    if open_dataset is None:
        if not manifest.values.clean_is_exact:
            raise UserError(
                f"The clean images in {folder} are rounded to 16 bits, so the corrupted ones cannot be made from them "
                f"to the last bit: name the data set {manifest.dataset.name!r} with --dataset, and --data-root where "
                "it is read."
            )
        return ReleasedDataset(folder, manifest)
    dataset = open_dataset()
    if (dataset.name, dataset.fingerprint) != (manifest.dataset.name, manifest.dataset.fingerprint):
        raise UserError(
            f"The release was made from {manifest.dataset.name!r} with the fingerprint "
            f"{manifest.dataset.fingerprint[:16]}, and this is {dataset.name!r} with {dataset.fingerprint[:16]}: name "
            f"the same data with the same options, {manifest.dataset.options or 'in its first form'}."
        )
    return dataset


def recompute(folder: Path, manifest: Manifest, dataset: Dataset, console: Console) -> Recomputation:
    """Make every image and mask again, and compare the 16-bit pixels with those recorded.

    Parameters
    ----------
    folder
        Folder of a release that was verified.
    manifest
        Its manifest, of the versions that this software has.
    dataset
        Where the clean images come from.
    console
        Where the progress is shown.
    """
    listed = {_key(file.kind, file.case, file.condition, file.severity): file for file in manifest.files}
    names = cases_of(dataset, manifest.dataset.part)
    compared = 0
    differing: dict[str, int] = {}

    def compare(pixels: Pixels, *key: Any) -> None:
        nonlocal compared
        compared += 1
        file = listed.get(_key(*key))
        if file is None:
            raise UserError(f"The manifest of {folder} lists no {' '.join(map(str, key))}: it was changed by hand.")
        if pixel_digest(pixels) != file.pixels_sha256:
            differing[file.path] = _difference(folder / file.path, file, pixels, manifest)

    batches = native_batches(dataset, names, BATCH, BATCH_VALUES)
    for cases in track(batches, "Computing again", console=console, transient=True, disable=not console.is_terminal):
        for case in cases:
            compare(mask_pixels(case), "mask", case.id)
        for condition, severity in manifest.steps:
            images = released_pixels(dataset, manifest, cases, condition, severity)
            for case, image in zip(cases, images, strict=True):
                compare(image, "image", case.id, condition, severity)
    return Recomputation(compared, differing)


def print_recomputation(manifest: Manifest, made: Recomputation, console: Console) -> None:
    """Print whether this machine makes the same images.

    Raises
    ------
    UserError
        If it does not.
    """
    same = made.compared - len(made.differing)
    console.print(f"Computed again: {same} of {made.compared} images and masks are the same bits.", highlight=False)
    for path, steps in made.differing.items():
        console.print(f"differs: {path}, by up to {steps} of {HIGHEST} steps", highlight=False, markup=False)
    if made.differing:
        path, steps = max(made.differing.items(), key=lambda item: item[1])
        versions = ", ".join(f"{name} {number}" for name, number in sorted(manifest.software.items()))
        raise UserError(
            f"This machine makes other images: {len(made.differing)} of {made.compared} differ, most of all {path}, "
            f"by {steps} of {HIGHEST} steps. A step or two come from another processor or library; more is another "
            f"image. The release was made with {versions}."
        )


def _key(kind: str, case: str | None, condition: str | None = None, severity: int | None = None) -> tuple[Any, ...]:
    return kind, case, condition, severity


def _difference(path: Path, file: ReleasedFile, pixels: Pixels, manifest: Manifest) -> int:
    try:
        there = decode(path.read_bytes(), "png" if file.kind == "mask" else manifest.values.file_format)
    except ValueError:
        return HIGHEST
    if there.shape != pixels.shape:
        return HIGHEST
    return int(np.abs(there.astype(np.int64) - pixels).max())
