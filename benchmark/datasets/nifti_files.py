"""NIfTI files of one slice, turned as DICOM viewers show it.

The affine says how the array lies in the patient (NIfTI-1.1, https://nifti.nimh.nih.gov). Axial and coronal slices are
turned so that the patient's left is on the viewer's right, coronal and sagittal ones so that the head is up, axial ones
so that the front is up, and sagittal ones so that the front is on the viewer's left. An oblique slice is taken as the
closest of these. Without an affine nibabel assumes the older Analyze format's.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from .pixel_facts import PixelFacts, Reading, is_square

NIFTI_SUFFIXES = frozenset({".nii", ".nii.gz"})
_MILLIMETRES = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}


def read_nifti(path: Path, reading: Reading) -> NDArray[np.float32]:
    """Decode a slice to [0, 1].

    Where ``reading`` says ``ct``, values are Hounsfield units over the range that it states, clipped. Otherwise
    unsigned 8-bit files are divided by 255, and of all others, which have no scale, the slice's own smallest and
    largest value become 0 and 1.

    Returns
    -------
    numpy.ndarray
        float32 of shape (1, H, W).

    Raises
    ------
    UserError
        If the file cannot be decoded, holds several slices or colour, or a value is not finite.
    """
    values, kind = _shown(path)
    if reading.modality == "ct":
        low, high = reading.stored_hu
    elif kind == np.uint8 and values.min(initial=0) >= 0 and values.max(initial=0) <= 255:
        low, high = 0.0, 255.0
    else:
        low, high = float(values.min()), float(values.max())
    return np.clip((values - low) / max(high - low, 1e-9), 0.0, 1.0).astype(np.float32)[None]


def read_nifti_values(path: Path) -> NDArray[Any]:
    """Return the values (H, W) of a mask, turned as its image is.

    Raises
    ------
    UserError
        If the file cannot be decoded or holds several slices.
    """
    return _shown(path)[0]


def nifti_facts(path: Path) -> PixelFacts:
    """Read from the header how large pixels are and where the slice lies; the kind of image it does not tell.

    Raises
    ------
    UserError
        If the header cannot be read.
    """
    file = _open(path)
    _, affine, plane = _to_viewer(file, path)
    header: Any = file.header
    factor = _MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
    sides = [float(np.linalg.norm(affine[:3, axis])) * factor for axis in (0, 1)]
    placed = int(header["qform_code"]) or int(header["sform_code"])
    square = bool(placed) and is_square(sides)
    rows, columns = plane
    corners = [affine @ np.array([row, column, 0, 1.0]) for row, column in ((0, 0), (0, columns - 1), (rows - 1, 0))]
    places = tuple(round(float(number) * factor, 4) for corner in corners for number in corner[:3])
    return PixelFacts(None, round(sides[0], 6) if square else None, None, places)


def _shown(path: Path) -> tuple[NDArray[np.float64], np.dtype[Any]]:
    """Return the slice's values (H, W) as shown, and the type that the file stores."""
    file = _open(path)
    turn, _, _ = _to_viewer(file, path)
    try:
        values = np.asanyarray(file.dataobj)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise _unreadable(path, error) from error
    if values.dtype.kind not in "biuf":
        raise UserError(f"The image {path} holds {values.dtype} values: a case is one grey image.")
    shown = np.asarray(turn(values), dtype=np.float64)
    if not np.isfinite(shown).all():
        raise UserError(f"The image {path} holds NaN or infinite values: replace them, for example by air (-1024 HU).")
    return shown, np.dtype(file.get_data_dtype())


def _to_viewer(file: Any, path: Path) -> tuple[Any, NDArray[np.float64], tuple[int, int]]:
    """Return how to turn the array into rows and columns, the affine from (row, column, 0) to world, and the shape."""
    import nibabel

    orientations: Any = nibabel.orientations
    shape = tuple(file.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    shape += (1,) * (3 - len(shape))
    flat = [axis for axis, length in enumerate(shape) if length == 1]
    if len(shape) != 3 or not flat or 0 in shape:
        raise UserError(
            f"The image {path} has the shape {tuple(file.shape)}: a case is one slice. Write every slice that "
            "counts into a file of its own."
        )
    target = orientations.axcodes2ornt(("L", "P", "S"))
    own = orientations.io_orientation(file.affine)
    if np.isnan(own).any():
        raise UserError(f"The affine of {path} has no direction along an axis: repair the header.")
    change = orientations.ornt_transform(own, target)
    through = int(change[flat[-1], 0])
    in_patient = file.affine @ orientations.inv_ornt_aff(change, shape)
    columns_axis, rows_axis = (axis for axis in range(3) if axis != through)
    head_up = rows_axis == 2

    def turn(values: NDArray[Any]) -> NDArray[Any]:
        slices = orientations.apply_orientation(values.reshape(shape), change)
        shown = np.take(slices, 0, axis=through).T
        return np.ascontiguousarray(shown[::-1] if head_up else shown)

    turned_shape = [0, 0, 0]
    for axis, length in enumerate(shape):
        turned_shape[int(change[axis, 0])] = length
    rows, columns = turned_shape[rows_axis], turned_shape[columns_axis]
    affine = np.zeros((4, 4))
    affine[:, 0] = in_patient[:, rows_axis] * (-1 if head_up else 1)
    affine[:, 1] = in_patient[:, columns_axis]
    affine[:, 2] = in_patient[:, through]
    affine[:, 3] = in_patient[:, 3] + (in_patient[:, rows_axis] * (rows - 1) if head_up else 0)
    return turn, affine, (rows, columns)


def _open(path: Path) -> Any:
    import nibabel

    try:
        file = nibabel.load(path)
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise _unreadable(path, error) from error
    if not isinstance(file, nibabel.Nifti1Image):  # NIfTI-2 and pairs of files are kinds of it
        raise _unreadable(path, TypeError(f"it is {type(file).__name__}"))
    return file


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"The image {path} cannot be read ({error}): it should be a whole NIfTI file. Copy it again.")
