"""What image files tell of their pixels, what a user states, and the one meaning that a data set's pixels have."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext, Modality
from .case_files import Defect
from .lvit_names import LUNG_WINDOW_HU

STORED_HU = (-1024.0, 3071.0)
"""Hounsfield units for which 0 and 1 stand where files hold them: the 12 bits of a CT scanner (4,096 values from
-1024). What lies outside is clipped: metal above, and padding outside the field of view below."""


MIXED_PIXEL_SIZE = "mixed-pixel-size"
"""Kind of the warning that images have pixels of several sizes."""

_SQUARE = 0.01
"""Relative difference of a pixel's sides up to which it is taken as square."""


def is_square(sides: Sequence[float]) -> bool:
    """Say whether a pixel with these two sides counts as square."""
    return min(sides) > 0 and max(sides) <= min(sides) * (1 + _SQUARE)


@dataclass(frozen=True)
class Reading:
    """What is stated about the pixels of a data set, beyond or in place of what its files tell.

    Parameters
    ----------
    modality
        Kind of image; None leaves it to the files.
    hu_range
        Hounsfield units for which 0 and 1 stand; None is :data:`STORED_HU` for files that hold Hounsfield units.
    window
        What a model sees, in Hounsfield units where ``hu_range`` is known and in [0, 1] elsewhere; None leaves it to
        the files.
    pixel_size_mm
        Side of a pixel; None leaves it to the files.
    """

    modality: Modality | None = None
    hu_range: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    pixel_size_mm: float | None = None

    @property
    def stored_hu(self) -> tuple[float, float]:
        """Hounsfield units for which 0 and 1 stand in files that hold them."""
        return self.hu_range or STORED_HU

    @property
    def stated(self) -> ImageContext:
        """The meaning of pixels of which the files tell nothing.

        Raises
        ------
        UserError
            If the window lies outside what is stored.
        """
        window = (0.0, 1.0) if self.window is None else share_of(self.window, self.hu_range)
        return ImageContext(self.modality or "other", self.hu_range, self.pixel_size_mm, window)


@dataclass(frozen=True)
class PixelFacts:
    """What a DICOM or NIfTI file tells of its pixels.

    Parameters
    ----------
    modality
        None where the file does not say (NIfTI).
    pixel_size_mm
        Side of a pixel; None where it is not told or pixels are not square.
    window
        The window that the file asks for, in Hounsfield units for CT and in [0, 1] of the stored range elsewhere.
    corners
        World coordinates in millimetres, nine numbers, of the centres of the first, the last of the first row and the
        first of the last row's pixels as they are shown; empty where the file tells none (DICOM: not used).
    """

    modality: Modality | None
    pixel_size_mm: float | None = None
    window: tuple[float, float] | None = None
    corners: tuple[float, ...] = ()

    def to_text(self) -> str:
        """Write as text that :meth:`from_text` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> PixelFacts | None:
        """Read what :meth:`to_text` wrote; None of the empty text."""
        if not text:
            return None
        read = json.loads(text)
        window = None if read["window"] is None else (float(read["window"][0]), float(read["window"][1]))
        return cls(read["modality"], read["pixel_size_mm"], window, tuple(read["corners"]))


def share_of(window: tuple[float, float], stored: tuple[float, float] | None) -> tuple[float, float]:
    """Turn a window into the share of the stored range that it is, as :class:`ImageContext` holds it.

    Raises
    ------
    UserError
        If nothing of the window is stored.
    """
    low, high = stored or (0.0, 1.0)
    lower, upper = ((min(max(end, low), high) - low) / (high - low) for end in window)
    if lower >= upper:
        raise UserError(
            f"The window {window[0]:g} to {window[1]:g} lies outside the stored range {low:g} to {high:g}: give one "
            "that overlaps it."
        )
    return lower, upper


def agreed_context(
    told: Mapping[str, PixelFacts | None], reading: Reading, defects: list[Defect]
) -> ImageContext | None:
    """Find the one meaning that all images of a data set share.

    A stated value wins. Otherwise files that disagree with the most common kind of image are errors. Of differing
    pixel sizes the median serves for all, and of differing or missing windows :data:`LUNG_WINDOW_HU` for CT and the
    whole range for all else; both are warnings.

    Parameters
    ----------
    told
        What each case's image tells, by case id; None for files that tell nothing, such as PNG.
    reading
        What is stated.
    defects
        Gets what disagrees.

    Returns
    -------
    ImageContext or None
        None if no file tells anything, or most do not.

    Raises
    ------
    UserError
        If a stated window lies outside what is stored.
    """
    if not any(told.values()):
        return None
    kinds = {case: _kind(facts, reading) for case, facts in told.items()}
    common = max(Counter(kinds.values()).items(), key=lambda item: (item[1], item[0]))[0]
    for kind in sorted(set(kinds.values()) - {common}):
        cases = tuple(sorted(case for case, own in kinds.items() if own == kind))
        message = (
            f"{len(cases)} images ({cases[0]} first) hold {kind}, and most hold {common}: the images of a data set "
            "should mean the same. Keep one kind, or say what all are with --data-option modality=."
        )
        defects.append(Defect("mixed-meaning", message, cases=cases))
    alike = {case: facts for case, facts in told.items() if kinds[case] == common and facts is not None}
    if not alike:
        return None
    modality = reading.modality or next(iter(alike.values())).modality or "other"
    size = reading.pixel_size_mm or _pixel_size(alike, defects)
    stored = reading.stored_hu if modality == "ct" else None
    return ImageContext(modality, stored, size, _window(alike, reading, modality, defects))


def check_places(
    images: Mapping[str, PixelFacts | None], masks: Mapping[str, PixelFacts | None], defects: list[Defect]
) -> None:
    """Compare where NIfTI images and masks say that they lie: more than half a pixel apart is an error."""
    for case, image in images.items():
        mask = masks.get(case)
        if image is None or mask is None or not image.corners or not mask.corners:
            continue
        apart = max(
            sum((a - b) ** 2 for a, b in zip(image.corners[i : i + 3], mask.corners[i : i + 3], strict=True)) ** 0.5
            for i in (0, 3, 6)
        )
        if apart > 0.5 * (image.pixel_size_mm or 1.0):
            message = (
                f"The mask of {case} lies {apart:.3g} mm from its image by their NIfTI headers: save the mask with "
                "the image's affine."
            )
            defects.append(Defect("place-mismatch", message, cases=(case,)))


def _kind(facts: PixelFacts | None, reading: Reading) -> str:
    if facts is None:
        # An image file that is stated to be CT over a stated range means the same as one that holds the units.
        stated_ct = reading.modality == "ct" and reading.hu_range is not None
        return "CT slices" if stated_ct else "images without a stated scale"
    names = {"ct": "CT slices", "mr": "MR images", "radiograph": "radiographs"}
    return names.get(reading.modality or facts.modality or "other", "images of another kind")


def _pixel_size(alike: Mapping[str, PixelFacts], defects: list[Defect]) -> float | None:
    sizes = {case: facts.pixel_size_mm for case, facts in alike.items() if facts.pixel_size_mm is not None}
    if not sizes:
        return None
    smallest, largest = min(sizes.values()), max(sizes.values())
    if largest <= smallest * 1.001 and len(sizes) == len(alike):
        return next(iter(sizes.values()))
    used = float(median(sizes.values()))
    untold = f", {len(alike) - len(sizes)} tell none" if len(sizes) < len(alike) else ""
    message = (
        f"Pixels are from {smallest:.4g} mm ({min(sizes, key=lambda case: sizes[case])}) to {largest:.4g} mm "
        f"({max(sizes, key=lambda case: sizes[case])}) wide{untold}: corruptions take the median, {used:.4g} mm, for "
        "all. --data-option pixel_size_mm= states another."
    )
    defects.append(Defect(MIXED_PIXEL_SIZE, message, "warning"))
    return used


def _window(
    alike: Mapping[str, PixelFacts], reading: Reading, modality: Modality, defects: list[Defect]
) -> tuple[float, float]:
    stored = reading.stored_hu if modality == "ct" else None
    if reading.window is not None:
        return share_of(reading.window, stored)
    windows = {facts.window if facts.modality == modality else None for facts in alike.values()}
    (first, *others) = windows
    if first is not None and not others:
        return share_of(first, stored)
    if modality != "ct" and windows == {None}:
        return (0.0, 1.0)
    found = "name different windows" if others else "name no window"
    used = f"the lung window, {LUNG_WINDOW_HU[0]:g} to {LUNG_WINDOW_HU[1]:g} HU" if stored else "the whole range"
    message = f"The images {found}: models see {used}. --data-option window=LOW:HIGH states another."
    defects.append(Defect("window-chosen", message, "warning"))
    return share_of(LUNG_WINDOW_HU, stored) if stored else (0.0, 1.0)
