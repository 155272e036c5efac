"""Corrupted test images as files: a picture grid to look at, and the images themselves."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from biclip_bench.files import file_stem

from ..reports import ReportDetails, write_gallery
from .cells import CLEAN
from .datasets.base import Dataset, cases_of
from .evaluation import BATCH, corrupted_images
from .inputs import apply_window, native_batches
from .pictures import picture, typical_cases


def write_grid(dataset: Dataset, corruption: str, severities: Sequence[int], count: int, folder: Path) -> list[Path]:
    """Draw a few test cases, clean and at every severity, with the true lesion's contour.

    Returns
    -------
    list of Path
        The files written.
    """
    pictures = []
    for name in typical_cases(dataset.index, count):
        case = dataset.load(name)
        for condition, severity in [(CLEAN, 0), *((corruption, severity) for severity in severities)]:
            pictures.append(picture(dataset, case, condition, severity, {}))
    details = ReportDetails(
        title=f"{corruption} on {dataset.name}",
        profile=f"images of {dataset.name} on their native grid, no model",
        is_paper_setting=False,
        dataset=dataset.name,
        split="",
    )
    return write_gallery(pictures, details, folder)


def write_images(dataset: Dataset, corruption: str, severities: Sequence[int], folder: Path) -> int:
    """Write every test image at every severity as a 16-bit PNG, with masks and a table of cases.

    Grey images are windowed as a model sees them and scaled to 0..65535; images with colours are written with 8 bits
    a channel, because PNG writers for 16-bit colour are rare.

    Returns
    -------
    int
        Number of images written.
    """
    tests = cases_of(dataset, "test")
    written = 0
    for severity in severities:
        target = folder / corruption / f"severity-{severity}"
        target.mkdir(parents=True, exist_ok=True)
        for cases in native_batches(dataset, tests, BATCH):
            images = apply_window(corrupted_images(cases, dataset, corruption, severity), dataset.window)
            for case, image in zip(cases, images.numpy(), strict=True):
                _to_picture(image).save(target / f"{file_stem(case.id)}.png")
                written += 1
    _write_masks(dataset, tests, folder / corruption)
    return written


def _write_masks(dataset: Dataset, tests: Sequence[str], folder: Path) -> None:
    masks = folder / "masks"
    masks.mkdir(exist_ok=True)
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "group", "file", "text"])
        for name in tests:
            case = dataset.load(name)
            Image.fromarray(case.mask).save(masks / f"{file_stem(name)}.png")
            writer.writerow([name, case.group, f"{file_stem(name)}.png", case.text])


def _to_picture(image: NDArray[np.float32]) -> Image.Image:
    if image.shape[0] == 1:
        return Image.fromarray(np.round(image[0] * 65535).astype(np.uint16))
    return Image.fromarray(np.round(image.transpose(1, 2, 0) * 255).astype(np.uint8))
