"""Defocus blur: every point of the scene becomes the disc that an out-of-focus aperture throws on the detector."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image, corrupt_each
from ..registry import Level, Parameter, register_corruption
from .motion import REFERENCE_SIDE, reflect_indices

QUADRATURE_NODES = 12
"""Gauss-Legendre nodes between two crossings of the pixel grid."""

SMALLEST_RADIUS = 1e-6
"""Radius in pixels below which the disc is a point: less than a millionth of the weight would leave the pixel."""


def disc_kernel(radius: float) -> NDArray[np.float64]:
    """Give the point-spread function of a uniform disc.

    The blurred image is the mean of the copies of the image at every point of the disc, each moved there by bilinear
    interpolation, as in motion blur: every point keeps its exact place in the mean, and the kernel grows
    continuously from the identity. Along a chord at abscissa x = R sin(t) the integral of the interpolation weights has
    a closed form; over t they are smooth between the angles at which the chord's place or end crosses the
    pixel grid, and are integrated there by Gauss-Legendre quadrature, to about rounding error.

    Parameters
    ----------
    radius
        Radius R of the disc in pixels, at least 0; below :data:`SMALLEST_RADIUS` the identity.

    Returns
    -------
    numpy.ndarray
        float64 of shape (2 r + 1, 2 r + 1) with r = ceil(R) (0 for the identity), symmetric about its centre, with
        unit sum.
    """
    if radius < SMALLEST_RADIUS:
        return np.ones((1, 1))
    reach = math.ceil(radius)
    whole = np.arange(math.floor(radius) + 1) / radius
    turns = np.unique(np.concatenate([np.arcsin(whole), np.arccos(whole), [0.0, math.pi / 2]]))
    middle, spread = (turns[1:] + turns[:-1]) / 2, (turns[1:] - turns[:-1]) / 2
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    angle = (middle[:, None] + spread[:, None] * nodes).ravel()
    weight = (spread[:, None] * weights).ravel() * radius * np.cos(angle)
    x, half_chord = radius * np.sin(angle)[:, None], radius * np.cos(angle)[:, None]
    pixels = np.arange(-reach, reach + 1)
    columns = _hat(x - pixels) + _hat(x + pixels)
    rows = _hat_integral(half_chord - pixels) - _hat_integral(-half_chord - pixels)
    kernel = np.einsum("n,nr,nc->rc", weight, rows, columns)
    # The two axes are integrated differently and differ by a rounding error.
    kernel = kernel + kernel.T
    return np.asarray(kernel / kernel.sum())


def _hat(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the weight of bilinear interpolation at a distance x from a pixel."""
    return np.asarray((1 - np.abs(x)).clip(min=0))


def _hat_integral(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate the weight from 0 to x."""
    inside = x.clip(-1, 1)
    return np.asarray(inside - inside * np.abs(inside) / 2)


def convolve_kernel(image: Image, kernel: NDArray[np.float64]) -> Image:
    """Convolve an image with a kernel through the Fourier transform, with reflect padding.

    Parameters
    ----------
    image
        float32 of shape (C, H, W).
    kernel
        Shape (2 r + 1, 2 r + 1).

    Returns
    -------
    numpy.ndarray
        float32 of shape (C, H, W).
    """
    pad = kernel.shape[0] // 2
    _, H, W = image.shape
    rows, columns = reflect_indices(H, pad), reflect_indices(W, pad)
    shape = [fft.next_fast_len(len(indices), real=True) for indices in (rows, columns)]
    transfer = fft.rfft2(kernel.astype(np.float32), shape)
    blurred = np.empty_like(image)
    for result, channel in zip(blurred, image, strict=True):
        # One channel a transform: several in one could be grouped differently, and equal channels come out unequal.
        spectrum = fft.rfft2(channel[rows][:, columns], shape)
        result[:] = fft.irfft2(spectrum * transfer, shape)[2 * pad : 2 * pad + H, 2 * pad : 2 * pad + W]
    return blurred


@register_corruption(
    "defocus-blur",
    family="defocus-blur",
    stage="detector",
    summary="The image is out of focus: every point becomes a uniform disc.",
    parameters={"radius": Parameter(f"px at a longer side of {REFERENCE_SIDE} px", 0, REFERENCE_SIDE / 2)},
    levels=[{"radius": 1.0}, {"radius": 1.75}, {"radius": 2.75}, {"radius": 4.0}, {"radius": 5.5}],
    source="Geometrical-optics disc point-spread function (Goodman, Introduction to Fourier Optics, section 6.4); as "
    "in ImageNet-C (Hendrycks and Dietterich 2019: radius 3 to 10 px), milder.",
)
def defocus_blur(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Convolve every image with a uniform disc of the level's radius, the same for every case.

    y = x * h, with h = 1 / (pi R^2) within the radius R, and R scaled with the longer side of the image. It models
    optics (endoscopy, microscopy, a photographed screen) and is a stand-in for a large focal spot or a soft
    reconstruction kernel, whose point-spread functions are not discs.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``radius`` in pixels for an image whose longer side has ``REFERENCE_SIDE`` = 224 pixels.
    seeds
        One integer a case; nothing is drawn.
    contexts
        Not used: the blur does not depend on what the pixels mean.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    kernel = disc_kernel(level["radius"] * max(images.shape[-2:]) / REFERENCE_SIDE)
    return corrupt_each(images, seeds, lambda image, seed: convolve_kernel(image, kernel))
