"""Masks that are not plainly lesion or not, that hold nothing or everything, and images that hold nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ..case_files import Defect
from ..file_check import CheckedCase


def mask_findings(cases: Sequence[CheckedCase]) -> list[Defect]:
    """Find masks with values between 0 and the full scale, empty and full masks; all of them warnings."""
    empty = sum(case.found.lesion_fraction == 0 for case in cases)
    found = []
    for case in cases:
        mask, lesion = case.files.mask, case.found.lesion_fraction
        if case.found.between_share:
            scale = round(2 * case.found.threshold)
            reading = f"values above {case.found.threshold:g} are read as lesion, {lesion:.2%} of the mask"
            if not lesion:
                reading = f"none is above {case.found.threshold:g}, so that all of the mask is read as background"
            message = (
                f"The mask {mask} should hold 0 and {scale} alone, and {_share(case.found.between_share)} of its "
                f"pixels are in between: {reading}."
            )
            found.append(Defect("mask-not-binary", message, "warning", (case.id,)))
        if lesion == 0:
            message = (
                f"The mask {mask} is empty, one of {empty} among {len(cases)}: that is right for an image without a "
                "lesion."
            )
            found.append(Defect("empty-mask", message, "warning", (case.id,)))
        elif lesion == 1:
            message = f"The mask {mask} is lesion everywhere: look whether it is the right file."
            found.append(Defect("full-mask", message, "warning", (case.id,)))
    return found


def image_findings(cases: Sequence[CheckedCase]) -> list[Defect]:
    """Find images of one value."""
    return [
        Defect("constant-image", f"The image {case.files.image} has one value everywhere.", "warning", (case.id,))
        for case in cases
        if not case.found.perceptual_hash
    ]


def _share(share: float) -> str:
    return f"{share:.2%}" if share >= 0.0001 else "less than 0.01%"
