"""DICOM files of one grey image: Hounsfield units for CT, the stored bits for radiographs.

Attributes and their meaning: DICOM PS3.3 2024, C.7.6.3 (image pixel), C.8.2.1 (CT image), C.11.2 (window).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from ...corruptions.context import Modality
from .pixel_facts import PixelFacts, Reading, is_square

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset as DicomFile

DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_MODALITIES: dict[str, Modality] = {
    "CT": "ct",
    "MR": "mr",
    **dict.fromkeys(("CR", "DX", "RG", "MG", "IO", "PX"), "radiograph"),
}

_UNREADABLE = (
    OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, RuntimeError, struct.error,
)  # fmt: skip


def read_dicom(path: Path, reading: Reading) -> NDArray[np.float32]:
    """Decode an image to [0, 1].

    CT (by ``reading`` or the file's Modality) gives Hounsfield units, RescaleSlope x stored + RescaleIntercept, over
    the range that ``reading`` states; what is outside is clipped. MR has no scale: the image's own smallest and largest
    value become 0 and 1. All else is divided by the greatest value that BitsStored can hold. MONOCHROME1, whose low
    values are bright, is inverted, except in CT, where the units say what is bright. Rows and columns are those of the
    file.

    Returns
    -------
    numpy.ndarray
        float32 of shape (1, H, W).

    Raises
    ------
    UserError
        If the file cannot be decoded, holds colour or several frames, or is a CT image without Hounsfield units.
    """
    file = _open(path)
    stored = _stored(file, path).astype(np.float64)
    modality = reading.modality or _modality(file)
    if modality == "ct":
        low, high = reading.stored_hu
        units = stored * _number(file, "RescaleSlope", path) + _number(file, "RescaleIntercept", path)
        return np.clip((units - low) / (high - low), 0.0, 1.0).astype(np.float32)[None]
    if modality == "mr":
        low, high = float(stored.min()), float(stored.max())
    else:
        low, high = _stored_range(file)
    image = np.clip((stored - low) / max(high - low, 1e-9), 0.0, 1.0)
    return (1.0 - image if _inverted(file) else image).astype(np.float32)[None]


def read_dicom_values(path: Path) -> NDArray[Any]:
    """Return the stored values (H, W) of a mask.

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    return _stored(_open(path), path)


def dicom_facts(path: Path) -> PixelFacts:
    """Read from the header what the pixels mean.

    PixelSpacing is taken, not the spacing at a radiograph's detector. Of several windows the first counts.

    Raises
    ------
    UserError
        If the header cannot be read, or it is that of a CT localizer, which is no slice.
    """
    file = _open(path, pixels=False)
    modality = _modality(file)
    if modality == "ct" and "LOCALIZER" in (file.get("ImageType") or ()):
        raise UserError(f"The image {path} is the localizer of a CT (a projection), not a slice: leave it out.")
    try:
        spacing = [float(side) for side in file.get("PixelSpacing") or ()]
        window = _window(file, modality)
    except (TypeError, ValueError) as error:
        raise UserError(f"The header of {path} cannot be read ({error}): repair its spacing or window.") from error
    square = len(spacing) == 2 and is_square(spacing)
    return PixelFacts(modality, spacing[0] if square else None, window)


def patient_of(path: Path) -> str | None:
    """Return the PatientID of a DICOM file, or None where it has none.

    Raises
    ------
    UserError
        If the header cannot be read.
    """
    return str(_open(path, pixels=False).get("PatientID") or "").strip() or None


def _open(path: Path, *, pixels: bool = True) -> DicomFile:
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except (pydicom.errors.InvalidDicomError, *_UNREADABLE) as error:
        raise UserError(
            f"The image {path} cannot be read ({error}): it should be a whole DICOM file. Copy or export it again."
        ) from error


def _stored(file: DicomFile, path: Path) -> NDArray[Any]:
    photometric = str(file.get("PhotometricInterpretation") or "MONOCHROME2")
    frames = int(file.get("NumberOfFrames") or 1)
    if not photometric.startswith("MONOCHROME") or frames != 1:
        found = f"{frames} frames" if frames != 1 else f"{photometric} pixels"
        raise UserError(f"The image {path} holds {found}: a case is one grey image (MONOCHROME1 or MONOCHROME2).")
    try:
        pixels = np.asarray(file.pixel_array)
    except _UNREADABLE as error:
        raise UserError(
            f"The pixels of {path} cannot be decoded ({error}): export it without compression, or install pydicom's "
            "decoders (pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg)."
        ) from error
    if pixels.ndim != 2 or not pixels.size:
        raise UserError(f"The image {path} has the shape {pixels.shape}: it should have rows and columns.")
    return pixels


def _modality(file: DicomFile) -> Modality:
    return _MODALITIES.get(str(file.get("Modality") or "").upper(), "other")


def _number(file: DicomFile, name: str, path: Path) -> float:
    value = file.get(name)
    if value is None or value == "":
        raise UserError(
            f"The CT image {path} has no {name}, so its Hounsfield units are not known: export it again, or say "
            "what it holds with --data-option modality=other."
        )
    return float(value)


def _stored_range(file: DicomFile) -> tuple[float, float]:
    bits = int(file.get("BitsStored") or file.get("BitsAllocated") or 16)
    if int(file.get("PixelRepresentation") or 0):
        return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1


def _inverted(file: DicomFile) -> bool:
    return str(file.get("PhotometricInterpretation") or "") == "MONOCHROME1"


def _window(file: DicomFile, modality: Modality) -> tuple[float, float] | None:
    """The window in Hounsfield units for CT, in [0, 1] of what is read for all else but MR, which has no scale."""
    centre, width = (_first(file.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width <= 1 or modality == "mr":
        return None
    ends = (centre - width / 2, centre + width / 2)
    if modality == "ct":
        return ends
    slope, intercept = float(file.get("RescaleSlope") or 1), float(file.get("RescaleIntercept") or 0)
    low, high = _stored_range(file)
    shares = [min(max(((end - intercept) / slope - low) / (high - low), 0.0), 1.0) for end in ends]
    lower, upper = (1 - shares[1], 1 - shares[0]) if _inverted(file) else (shares[0], shares[1])
    return (lower, upper) if lower < upper else None


def _first(value: Any) -> float | None:
    """The first of one or several values."""
    if value is None or value == "":
        return None
    several = not isinstance(value, str) and hasattr(value, "__len__")
    if several and not len(value):
        return None
    return float(value[0] if several else value)
