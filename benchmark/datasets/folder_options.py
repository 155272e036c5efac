"""What the data set ``folder`` may be told, and how it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from biclip_bench.errors import UserError

from .base import PARTS, Part
from .pairing import Naming
from .pixel_facts import Reading

NONE = "none"


@dataclass(frozen=True)
class FolderOptions:
    """Options of ``folder``.

    Parameters
    ----------
    images
        Folder in DATA_ROOT (with those below it), or a pattern with wildcards. What wildcards stand for, or the path in
        the folder, is the name that pairs an image with its mask.
    masks
        The same for masks.
    mask_affix
        What masks' names may have more than their images': in front where it ends in a separator (mask_), behind where
        it begins with one (_mask), both tried otherwise; several separated by commas; none for equal names.
    texts
        Table of texts, in DATA_ROOT or from where you are: XLSX, CSV or JSON Lines. Without one every text is empty.
    image_column
        Column of that table with the image's or the mask's name.
    text_column
        Column with the text; none where the table only gives groups or parts.
    group_column
        Column that names the patient or study.
    group_pattern
        Regular expression found in the image's path in DATA_ROOT; its first group, or all of it, is the patient or
        study. Without pattern and column DICOM's PatientID is, then what known file names tell.
    part_column
        Column that says train, val or test. Without it folders of these names say it; without those, a split is made.
    fractions
        Shares of training, validation and test in a split that is made of whole groups, by a fixed rule.
    modality
        Kind of image; auto is what DICOM files tell, and other for all else.
    hu_range
        Hounsfield units for which the darkest and the brightest possible pixel stand; DICOM and NIfTI files of CT are
        read over -1024:3071 without it.
    window
        What models see of it: Hounsfield units where the range is known, otherwise shares from 0 to 1. auto is the
        window that all files name, then the lung window for DICOM and NIfTI files of CT, then all.
    pixel_size_mm
        Side of a pixel in millimetres; 0 is what DICOM and NIfTI files tell.
    """

    images: str = field(default="images", metadata={"allowed": "FOLDER or PATTERN"})
    masks: str = field(default="masks", metadata={"allowed": "FOLDER or PATTERN"})
    mask_affix: str = field(default="mask_,_mask,-mask", metadata={"allowed": "AFFIX,... or none"})
    texts: str = field(default=NONE, metadata={"allowed": "FILE or none"})
    image_column: str = field(default="Image", metadata={"allowed": "COLUMN"})
    text_column: str = field(default="Description", metadata={"allowed": "COLUMN or none"})
    group_column: str = field(default=NONE, metadata={"allowed": "COLUMN or none"})
    group_pattern: str = field(default=NONE, metadata={"allowed": "REGEX or none"})
    part_column: str = field(default=NONE, metadata={"allowed": "COLUMN or none"})
    fractions: str = field(default="70:10:20", metadata={"allowed": "TRAIN:VAL:TEST"})
    modality: Literal["auto", "ct", "mr", "radiograph", "other"] = "auto"
    hu_range: str = field(default=NONE, metadata={"allowed": "LOW:HIGH or none"})
    window: str = field(default="auto", metadata={"allowed": "LOW:HIGH or auto"})
    pixel_size_mm: float = field(default=0.0, metadata={"allowed": "a number"})


def naming_of(options: FolderOptions) -> Naming:
    """Read how masks are named."""
    affixes = [] if options.mask_affix == NONE else [affix.strip() for affix in options.mask_affix.split(",")]
    ends = [affix for affix in affixes if affix and not affix[-1].isalnum()]
    begins = [affix for affix in affixes if affix and not affix[0].isalnum()]
    either = [affix for affix in affixes if affix and affix not in ends and affix not in begins]
    return Naming(tuple(ends + either), tuple(begins + either))


def reading_of(options: FolderOptions) -> Reading:
    """Read what is stated about the pixels.

    Raises
    ------
    UserError
        If a range is not LOW:HIGH, or Hounsfield units are stated of images that are not CT.
    """
    modality = None if options.modality == "auto" else options.modality
    hu_range = None if options.hu_range == NONE else _range("hu_range", options.hu_range)
    window = None if options.window == "auto" else _range("window", options.window)
    if hu_range is not None and modality not in (None, "ct"):
        raise UserError(
            f"Option 'hu_range' of data set 'folder' states Hounsfield units, and modality={modality}: leave one out."
        )
    if options.pixel_size_mm < 0:
        raise UserError("Option 'pixel_size_mm' of data set 'folder' is the side of a pixel: give a positive number.")
    return Reading("ct" if hu_range is not None else modality, hu_range, window, options.pixel_size_mm or None)


def fractions_of(options: FolderOptions) -> dict[Part, float]:
    """Read the shares of the parts.

    Raises
    ------
    UserError
        If they are not three numbers of which one is above 0.
    """
    try:
        numbers = [float(piece) for piece in options.fractions.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) != len(PARTS) or not all(0 <= number < 1e9 for number in numbers) or not any(numbers):
        raise UserError(
            f"Option 'fractions' of data set 'folder' is {options.fractions!r}: write shares of training, validation "
            "and test such as 70:10:20, or 0:0:100 for a set that only tests."
        )
    return dict(zip(PARTS, numbers, strict=True))


def group_pattern_of(options: FolderOptions) -> re.Pattern[str] | None:
    """Read the pattern that finds the patient.

    Raises
    ------
    UserError
        If it is no regular expression.
    """
    try:
        return None if options.group_pattern == NONE else re.compile(options.group_pattern)
    except re.error as error:
        raise UserError(
            f"Option 'group_pattern' of data set 'folder' is {options.group_pattern!r}, no regular expression: {error}."
        ) from error


def _range(name: str, text: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in text.split(":"))
    except ValueError:
        low = high = 0.0
    if not (low < high and high - low < 1e9):
        raise UserError(f"Option {name!r} of data set 'folder' is {text!r}: write LOW:HIGH, such as -1350:150.")
    return low, high
