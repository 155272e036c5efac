"""Motion blur: the image moves along a straight line while it is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import corrupt_each
from ..registry import Level, Parameter, Preset, register_corruption
from ..seeding import case_generator

REFERENCE_SIDE = 224
"""Longer side, in pixels, of the images for which the severity table states its lengths."""

BAND_ELEMENTS = 2**16
"""On the CPU an image is blurred in bands of about this many values, which stay in the cache."""

THREADED = 2**17
"""On the CPU images of at least this many values are blurred on several threads: in smaller ones the steps are so
short that the threads wait for the interpreter more than they gain."""


def line_kernel(length: float, direction: float) -> NDArray[np.float64]:
    """Give the point-spread function of a uniform motion along a centred straight line.

    The blurred image is the mean of the copies of the image at every point of the line, each moved there by bilinear
    interpolation: a point of the line gives its weight to the four pixels around it. So the kernel changes
    continuously with length and direction, and every point keeps its exact place in the mean. The integral
    over the line is exact: between two crossings of the pixel grid the weights are quadratic in the path length,
    and two Gauss-Legendre nodes integrate cubics.

    Parameters
    ----------
    length
        Length of the line in pixels, at least 0; 0 gives the identity.
    direction
        Angle in radians from the direction of increasing column towards the direction of increasing row.

    Returns
    -------
    numpy.ndarray
        float64 of shape (2 r + 1, 2 r + 1) with r = ceil(length / 2), symmetric about its centre, with unit sum.
    """
    half = length / 2
    radius = math.ceil(half)
    width = 2 * radius + 1
    if radius == 0:
        return np.ones((1, 1))
    slopes = math.cos(direction), math.sin(direction)
    crossings = [np.arange(1, math.floor(half * abs(slope)) + 1) / abs(slope) for slope in slopes]
    steps = np.sort(np.concatenate([[0.0, half], *crossings]).clip(max=half))
    middle, spread = (steps[1:] + steps[:-1]) / 2, (steps[1:] - steps[:-1]) / 2
    nodes = np.concatenate([middle - spread / math.sqrt(3), middle + spread / math.sqrt(3)])
    weights = np.concatenate([spread, spread]) / length
    columns, rows = nodes * slopes[0] + radius, nodes * slopes[1] + radius
    # The upper bound only guards against a node rounded up to the line's very end.
    column, row = (np.floor(place).astype(int).clip(max=2 * radius - 1) for place in (columns, rows))
    right, below = columns - column, rows - row
    corner = row * width + column
    shares = [weights * (1 - below) * (1 - right), weights * (1 - below) * right, weights * below * (1 - right)]
    corners = np.concatenate([corner, corner + 1, corner + width, corner + width + 1])
    taps = np.bincount(corners, np.concatenate([*shares, weights * below * right]), width * width)
    kernel = taps.reshape(width, width)
    # Half of the line was walked; the other half is its mirror image.
    kernel = kernel + kernel[::-1, ::-1]
    return np.asarray(kernel / kernel.sum())


def reflect_indices(size: int, pad: int) -> NDArray[np.int64]:
    """Give the indices that extend an axis by reflection about its end pixels, as often as the padding needs.

    Parameters
    ----------
    size
        Pixels of the axis, at least 1.
    pad
        Pixels to add at either end; may exceed ``size``.

    Returns
    -------
    numpy.ndarray
        int64 of shape (size + 2 pad,), the same as ``numpy.pad(numpy.arange(size), pad, mode="reflect")``.
    """
    last = size - 1
    if last == 0:
        return np.zeros(size + 2 * pad, dtype=np.int64)
    return last - np.abs(np.arange(-pad, size + pad) % (2 * last) - last)


def reflect_pad(image: NDArray[np.float32], pad: int) -> NDArray[np.float32]:
    """Extend the last two axes of an image by reflection about its end pixels.

    Parameters
    ----------
    image
        float32 of shape (C, H, W).
    pad
        Pixels to add at either end; may exceed the image.

    Returns
    -------
    numpy.ndarray
        float32 of shape (C, H + 2 pad, W + 2 pad), the same as ``numpy.pad`` with ``mode="reflect"``.
    """
    C, H, W = image.shape
    padded = np.empty((C, H + 2 * pad, W + 2 * pad), dtype=np.float32)
    inside = padded[:, pad : pad + H]
    inside[:, :, pad : pad + W] = image
    columns, rows = reflect_indices(W, pad) + pad, reflect_indices(H, pad) + pad
    inside[:, :, :pad] = inside[:, :, columns[:pad]]
    inside[:, :, pad + W :] = inside[:, :, columns[pad + W :]]
    padded[:, :pad] = padded[:, rows[:pad]]
    padded[:, pad + H :] = padded[:, rows[pad + H :]]
    return padded


def half_taps(kernel: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """List the taps on one side of the centre: row, column and weight; the other side is their mirror image."""
    radius = len(kernel) // 2
    taps = np.argwhere(kernel > 0).tolist()
    return [(row, column, float(kernel[row, column])) for row, column in taps if (row, column) > (radius, radius)]


def convolve_line(image: NDArray[np.float32], kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    """Convolve an image with a small kernel that is symmetric about its centre, with reflect padding.

    Each tap is a shifted copy of the image, so the cost grows with the line's length and not with its square. In the
    padded image, its rows laid end to end, a shift in two directions is a shift along the one row: every step runs
    over contiguous memory, as fast as the cache delivers it, and what it computes in the padding is thrown away. A tap
    and its mirror image take three steps of 8 to 12 bytes a pixel, and a line of n pixels has about 1.4 n such pairs.

    Sums and products are rounded one by one, never fused, so the bits do not depend on how a vectorised loop is cut.

    Parameters
    ----------
    image
        float32 of shape (C, H, W).
    kernel
        Shape (2 r + 1, 2 r + 1), with ``kernel[::-1, ::-1] == kernel``.

    Returns
    -------
    numpy.ndarray
        Shape and dtype of ``image``.
    """
    radius = len(kernel) // 2
    C, H, W = image.shape
    width = W + 2 * radius
    centre = radius * width + radius
    middle = np.float32(kernel[radius, radius])
    pairs = [(row * width + column, np.float32(weight)) for row, column, weight in half_taps(kernel)]
    height = min(H, max(1, BAND_ELEMENTS // width))
    blurred = np.empty((C, H, W), dtype=np.float32)
    sums, products = np.empty((2, height * width), dtype=np.float32)
    for channel, padded in enumerate(reflect_pad(image, radius)):
        pixels = padded.ravel()
        for top in range(0, H, height):
            rows = min(height, H - top)
            first, count = top * width, rows * width - 2 * radius
            total, product = sums[:count], products[:count]
            np.multiply(pixels[first + centre : first + centre + count], middle, out=total)
            for offset, weight in pairs:
                there, back = first + offset, first + 2 * centre - offset
                np.add(pixels[there : there + count], pixels[back : back + count], out=product)
                np.multiply(product, weight, out=product)
                np.add(total, product, out=total)
            blurred[channel, top : top + rows] = sums[: rows * width].reshape(rows, width)[:, :W]
    return blurred


def convolve_line_on_device(image: Tensor, kernel: NDArray[np.float64]) -> Tensor:
    """Do what :func:`convolve_line` does where a tensor lies; a graphics processor reads rows of any stride as fast."""
    radius = len(kernel) // 2
    H, W = image.shape[-2:]
    rows, columns = (torch.from_numpy(reflect_indices(size, radius)).to(image.device) for size in (H, W))
    padded = image[:, rows][:, :, columns]
    total = image * float(kernel[radius, radius])
    for row, column, weight in half_taps(kernel):
        back = 2 * radius - row, 2 * radius - column
        total += (
            padded[:, row : row + H, column : column + W] + padded[:, back[0] : back[0] + H, back[1] : back[1] + W]
        ) * weight
    return total


@register_corruption(
    "motion",
    family="motion-blur",
    stage="subject",
    summary="The image moves along a straight line of random direction while it is taken.",
    parameters={"length": Parameter(f"px at a longer side of {REFERENCE_SIDE} px", 0, REFERENCE_SIDE)},
    levels=[{"length": 3.0}, {"length": 5.0}, {"length": 7.0}, {"length": 11.0}, {"length": 15.0}],
    source="Linear motion point-spread function; severity 3 is the kernel size 7 that the BiCLIP paper names.",
    presets={
        "paper": Preset(
            ({"length": 7.0},),
            "The BiCLIP paper names kernel size 7 at 224 px; its direction is not stated and is drawn here.",
        )
    },
)
def motion(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Blur every image along a line of the level's length, in a direction drawn uniformly from [0, pi) a case.

    The length is scaled with the longer side of the image, so it is a share of the field of view: where that is 360 mm,
    the five severities are lines of 4.8, 8.0, 11.3, 17.7 and 24.1 mm at every image size. Blur in the plane of the
    finished image: the streaks of a patient who moves while a CT gantry turns are another effect.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device.
    level
        ``length`` in pixels for an image whose longer side has :data:`REFERENCE_SIDE` pixels.
    seeds
        One integer a case.
    contexts
        Not used: the blur does not depend on what the pixels mean.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    length = level["length"] * max(images.shape[-2:]) / REFERENCE_SIDE
    kernels = [line_kernel(length, case_generator(seed).uniform(0.0, math.pi)) for seed in seeds]
    if images.device.type != "cpu":
        return torch.stack([convolve_line_on_device(*case) for case in zip(images, kernels, strict=True)]).clamp_(0, 1)
    # NumPy's steps cost half as much to begin as PyTorch's, and the cases are spread over the threads instead.
    return corrupt_each(images, kernels, convolve_line, threaded=images[0].numel() >= THREADED)
