"""Projections of an object that moves while the scanner turns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .parallel_beam import TOLERANCE, ParallelBeam

TAPER = 0.6
"""Share of the Nyquist frequency from which details are left where they are, more and more: see sinogram_change."""


@dataclass(frozen=True)
class ObjectMotion:
    """Where the object is at each view: a point at x, seen from the image's centre, is at A x + t.

    Parameters
    ----------
    maps
        float64 of shape (views, 2, 2): A, in the order (y, x), with y and x towards increasing row and column.
    shifts
        float64 of shape (views, 2): t in pixels, in the order (y, x).
    """

    maps: NDArray[np.float64]
    shifts: NDArray[np.float64]


def view_directions(views: int) -> NDArray[np.float64]:
    """Give the direction (y, x) along the detector at each view of a :class:`ParallelBeam`, of shape (views, 2)."""
    theta = np.arange(views) * (math.pi / views)
    return np.stack([np.sin(theta), np.cos(theta)], axis=1)


def centred(shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take from shifts the one at which the object appears in the reconstruction.

    A view shows a shift only along its detector, n . t, and the reconstruction moves the edges that face n by so much.
    The shift c that is nearest to this in the mean square over all directions is c = 2 mean(n (n . t)).

    Parameters
    ----------
    shifts
        float64 of shape (views, 2), in any unit.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape.
    """
    directions = view_directions(len(shifts))
    along = (directions * shifts).sum(axis=1, keepdims=True)
    return np.asarray(shifts - 2 * (directions * along).mean(axis=0))


def sinogram_change(scanner: ParallelBeam, image: NDArray[np.float32], motion: ObjectMotion) -> NDArray[np.float32]:
    """Project a moving object and take off the projections of the same object at rest.

    The moved object is f(A^-1 (x - t)), with the Fourier transform |det A| exp(-i k . t) F(A^T k). By the
    projection-slice theorem each view takes it along a line k = w n, so a non-uniform FFT of the image at the moved
    points w A^T n projects the moved object without interpolating an image. An enlarged object has no detail finer
    than the pixels had: it holds nothing beyond their Nyquist frequency.

    Pixels hold edges that are sharper than their grid can tell, and those would ring wherever the object stands
    between two pixels. So the change fades out like a cosine between :data:`TAPER` and 1 times the Nyquist frequency:
    the finest details, with periods below about 2.5 pixels, stay where they are.

    Where the object leaves the detector it is lost.

    Parameters
    ----------
    scanner
        The scanner for images of this size.
    image
        float32 of shape (H, W), in any unit u.
    motion
        The object's place at each of the scanner's views.

    Returns
    -------
    numpy.ndarray
        float32 of shape (views, bins), in u times pixels.
    """
    import finufft
    from scipy.fft import irfft, next_fast_len

    height, width = image.shape
    directions = view_directions(scanner.views)
    moved = np.einsum("vij,vi->vj", motion.maps, directions)
    along = (directions * motion.shifts).sum(axis=1)
    # A longer detector, cut afterwards: what leaves at one end must not come back at the other.
    reach = np.abs(along) + (np.hypot(moved[:, 0], moved[:, 1]) - 1).clip(min=0) * (scanner.bins / 2)
    half = math.ceil(scanner.bins / 2 + float(reach.max()))
    bins = scanner.bins if half == scanner.bins // 2 else 2 * next_fast_len(half, real=True)
    frequency = np.arange(bins // 2) * (2 * math.pi / bins)

    lines = np.concatenate([moved, directions])
    points = lines[:, :, None] * frequency
    inside = (np.abs(points) <= math.pi).all(axis=1)
    # Neighbours in a view are neighbours in the plane: sorting the points only costs time.
    options = {"nthreads": 1, "upsampfac": 1.25, "spread_sort": 0}
    plan = finufft.Plan(2, (height, width), eps=TOLERANCE, isign=-1, dtype="complex64", **options)
    plan.setpts(*(points[:, axis].astype(np.float32).ravel() for axis in (0, 1)))
    spectrum = plan.execute(image.astype(np.complex64, order="C")).reshape(inside.shape)
    # The transform counts pixels from the middle, rounded down, and the FFT counts bins from 0: shift both.
    middle = np.array([height // 2 - (height - 1) / 2, width // 2 - (width - 1) / 2])
    places = (lines * middle).sum(axis=1) + np.concatenate([along, np.zeros_like(along)]) + (bins - 1) / 2
    spectrum *= np.exp(-1j * (places[:, None] * frequency)).astype(np.complex64)
    beyond = np.clip((frequency / math.pi - TAPER) / (1 - TAPER), 0, 1)
    spectrum *= inside * ((1 + np.cos(math.pi * beyond)) / 2).astype(np.float32)
    area = np.abs(np.linalg.det(motion.maps)).astype(np.float32)
    change = area[:, None] * spectrum[: scanner.views] - spectrum[scanner.views :]
    first = (bins - scanner.bins) // 2
    return np.asarray(irfft(change, n=bins, axis=1)[:, first : first + scanner.bins])
