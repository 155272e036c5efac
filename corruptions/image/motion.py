"""Motion blur: the image moves along a straight line while it is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..registry import Level, Parameter, Preset, register_corruption
from ..seeding import case_generator

REFERENCE_SIDE = 224
"""Longer side, in pixels, of the images for which the severity table states its lengths."""

BAND_ELEMENTS = 2**14
"""On the CPU an image is blurred in bands of about this many values, which stay in the cache."""

Pixels = TypeVar("Pixels", NDArray[np.float32], Tensor)


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
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1))
    if radius == 0:
        return kernel + 1
    slopes = math.cos(direction), math.sin(direction)
    crossings = [np.arange(1, math.floor(half * abs(slope)) + 1) / abs(slope) for slope in slopes]
    steps = np.unique(np.concatenate([[0.0, half], *crossings]).clip(max=half))
    middle, spread = (steps[1:] + steps[:-1]) / 2, (steps[1:] - steps[:-1]) / 2
    nodes = np.concatenate([middle - spread / math.sqrt(3), middle + spread / math.sqrt(3)])
    weights = np.concatenate([spread, spread]) / length
    columns, rows = nodes * slopes[0] + radius, nodes * slopes[1] + radius
    # The upper bound only guards against a node rounded up to the line's very end.
    column, row = (np.floor(place).astype(int).clip(max=2 * radius - 1) for place in (columns, rows))
    right, below = columns - column, rows - row
    np.add.at(kernel, (row, column), weights * (1 - below) * (1 - right))
    np.add.at(kernel, (row, column + 1), weights * (1 - below) * right)
    np.add.at(kernel, (row + 1, column), weights * below * (1 - right))
    np.add.at(kernel, (row + 1, column + 1), weights * below * right)
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


def convolve_line(image: Pixels, kernel: NDArray[np.float64]) -> Pixels:
    """Convolve an image with a small kernel that is symmetric about its centre, with reflect padding.

    Each tap is a shifted copy of the image, so the cost grows with the line's length and not with its square. Sums and
    products are rounded one by one, never fused, so the bits do not depend on how a vectorised loop is cut.

    Parameters
    ----------
    image
        float32 of shape (C, H, W), an array or a tensor on any device.
    kernel
        Shape (2 r + 1, 2 r + 1), with ``kernel[::-1, ::-1] == kernel``.

    Returns
    -------
    numpy.ndarray or Tensor
        Type, shape, dtype and device of ``image``.
    """
    radius = kernel.shape[0] // 2
    C, H, W = image.shape
    taps = np.argwhere(kernel > 0).tolist()
    half = [(row, column, float(kernel[row, column])) for row, column in taps if (row, column) > (radius, radius)]
    rows, columns = reflect_indices(H, radius), reflect_indices(W, radius)
    if isinstance(image, Tensor):
        blurred, height = torch.empty_like(image), H
        padded = image[:, torch.from_numpy(rows).to(image.device)][:, :, torch.from_numpy(columns).to(image.device)]
    else:
        blurred, height = np.empty_like(image), max(1, BAND_ELEMENTS // (C * W))
        padded = image[:, rows][:, :, columns]
    for top in range(0, H, height):
        stop = min(top + height, H)
        total = padded[:, top + radius : stop + radius, radius : radius + W] * float(kernel[radius, radius])
        for row, column, weight in half:
            there = padded[:, top + row : stop + row, column : column + W]
            opposite = 2 * radius - row, 2 * radius - column
            back = padded[:, top + opposite[0] : stop + opposite[0], opposite[1] : opposite[1] + W]
            total += (there + back) * weight
        blurred[:, top:stop] = total
    return blurred


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

    The length is scaled with the longer side of the image. Blur in the plane of the finished image: the streaks of
    a patient who moves while a CT gantry turns are another effect.

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
        return torch.stack([convolve_line(*case) for case in zip(images, kernels, strict=True)]).clamp_(0.0, 1.0)
    # NumPy's steps cost half as much to begin as PyTorch's and wake no other threads, which the cores may not spare.
    pixels = images.detach().numpy()
    blurred = np.stack([convolve_line(*case) for case in zip(pixels, kernels, strict=True)])
    return torch.from_numpy(np.clip(blurred, 0.0, 1.0, out=blurred))
