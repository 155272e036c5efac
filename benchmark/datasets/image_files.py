"""Image and mask files decoded to arrays, whatever format, bit depth and colour mode they were saved in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from .dicom_files import DICOM_SUFFIXES, dicom_facts, read_dicom, read_dicom_values
from .nifti_files import NIFTI_SUFFIXES, nifti_facts, read_nifti, read_nifti_values
from .pixel_facts import PixelFacts, Reading
from .raster_files import RASTER_SUFFIXES, decode_raster, read_raster

IMAGE_SUFFIXES = RASTER_SUFFIXES | DICOM_SUFFIXES | NIFTI_SUFFIXES
_AS_TOLD = Reading()


def image_suffix(name: str) -> str:
    """Return the suffix by which a file's name says that it is an image, as written; empty if it does not.

    Examples
    --------
    >>> image_suffix("scan.v1.nii.gz")
    '.nii.gz'
    """
    lower = name.lower()
    # The longest first: ".nii.gz" is one suffix.
    fits = (suffix for suffix in sorted(IMAGE_SUFFIXES, key=lambda known: (-len(known), known)))
    return next((name[-len(suffix) :] for suffix in fits if lower.endswith(suffix) and len(name) > len(suffix)), "")


def bare_name(name: str) -> str:
    """Return a file's name without the suffix of an image; any other suffix stays."""
    return name[: len(name) - len(image_suffix(name))]


def read_image(path: Path, reading: Reading = _AS_TOLD) -> NDArray[np.float32]:
    """Decode an image to [0, 1].

    Parameters
    ----------
    path
        An 8- or 16-bit PNG, TIFF, JPEG or BMP file, grey or colour (an alpha channel is dropped, a palette resolved);
        a DICOM file (:func:`~.dicom_files.read_dicom`) or a NIfTI slice (:func:`~.nifti_files.read_nifti`).
    reading
        What is stated about files that hold measured values.

    Returns
    -------
    numpy.ndarray
        float32 of shape (C, H, W): grey files, and colour files whose three channels are the same, have C = 1,
        all others C = 3. Values are divided by the greatest that the file's bit depth can hold (255 or 65535); DICOM
        and NIfTI have rules of their own.

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    suffix = image_suffix(path.name).lower()
    if suffix in DICOM_SUFFIXES:
        return read_dicom(path, reading)
    if suffix in NIFTI_SUFFIXES:
        return read_nifti(path, reading)
    return read_raster(path)


def read_facts(path: Path) -> PixelFacts | None:
    """Read from a file's header what its pixels mean; None of a format that does not tell (PNG, TIFF, JPEG, BMP).

    Raises
    ------
    UserError
        If the header cannot be read.
    """
    suffix = image_suffix(path.name).lower()
    if suffix in DICOM_SUFFIXES:
        return dicom_facts(path)
    return nifti_facts(path) if suffix in NIFTI_SUFFIXES else None


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Decode a mask.

    A pixel is lesion where its value exceeds half of the full scale. The full scale is the smallest of 1, 255 and
    65535 that no pixel exceeds: 1 for masks saved as 0 and 1, 255 (hence above 127) for the usual 8-bit mask, also
    one with grey borders left by smoothing or JPEG. Of a colour mask the brightest channel counts. A DICOM or NIfTI
    mask holds 0 and one other value, which is lesion.

    Returns
    -------
    numpy.ndarray
        bool of shape (H, W).

    Raises
    ------
    UserError
        If the file cannot be decoded, or a DICOM or NIfTI mask holds several labels.
    """
    pixels, full_scale = read_mask_values(path)
    return np.asarray(pixels > full_scale / 2)


def read_mask_values(path: Path) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int]:
    """Decode a mask as it is saved: values of shape (H, W) and their full scale, as :func:`read_mask` takes them.

    Raises
    ------
    UserError
        If the file cannot be decoded.
    """
    suffix = image_suffix(path.name).lower()
    if suffix in DICOM_SUFFIXES:
        return _two_values(read_dicom_values(path), path), 1
    if suffix in NIFTI_SUFFIXES:
        return _two_values(read_nifti_values(path), path), 1
    pixels, _ = decode_raster(path)
    if pixels.ndim == 3:
        pixels = pixels.max(axis=-1)
    largest = int(pixels.max(initial=0))
    return pixels, next(scale for scale in (1, 255, 65535) if largest <= scale)


def _two_values(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    labels = np.unique(values)
    if np.count_nonzero(labels) > 1:
        listed = ", ".join(f"{label:g}" for label in labels[:6])
        raise UserError(
            f"The mask {path} holds the values {listed}{', ...' if len(labels) > 6 else ''}: a mask has 0 and one "
            "other value. Keep the label that counts."
        )
    return np.asarray(values != 0, dtype=np.uint8)
