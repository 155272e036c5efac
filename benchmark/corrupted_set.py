"""Corrupted test images as a picture grid to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..reports import ReportDetails
from ..reports.figures.gallery_files import write_gallery
from .cells import CLEAN
from .datasets.base import Dataset
from .pictures import picture, seen_in, typical_cases


def write_grid(dataset: Dataset, corruption: str, severities: Sequence[int], count: int, folder: Path) -> list[Path]:
    """Draw a few test cases, clean and at every severity, with the true lesion's contour.

    Returns
    -------
    list of Path
        The files written.
    """
    seen = seen_in(dataset)
    pictures = []
    for name in typical_cases(dataset.index, count):
        case = dataset.load(name)
        for condition, severity in [(CLEAN, 0), *((corruption, severity) for severity in severities)]:
            pictures.append(picture(seen, case, condition, severity, {}))
    details = ReportDetails(
        title=f"{corruption} on {dataset.name}",
        profile=f"images of {dataset.name} on their native grid, no model",
        is_paper_setting=False,
        dataset=dataset.name,
        split="",
    )
    return write_gallery(pictures, details, folder)
