"""The size of a pixel, where it is known well enough to give distances in millimetres."""

from __future__ import annotations

from .datasets.base import Dataset
from .datasets.pixel_facts import MIXED_PIXEL_SIZE


def pixel_size_mm(dataset: Dataset) -> float | None:
    """The side of a data set's pixels in millimetres, or None where distances are given in pixels.

    It is known where a generator makes the images, where all files (DICOM, NIfTI) tell the same, and where the user
    states it by ``--data-option pixel_size_mm=``. Where files differ, or some tell none, the context holds their median
    for the corruptions: no length of any one case.
    """
    if any(defect.kind == MIXED_PIXEL_SIZE for defect in getattr(dataset, "defects", ())):
        return None
    return dataset.context.pixel_size_mm
