"""The entry to all image corruptions: checks, seeds, applies and clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biclip_bench.errors import UserError

from .context import ImageContext
from .spec import CorruptionSpec, parse_spec

UNKNOWN = ImageContext()
"""The context of an image of which nothing is known."""


def corrupt(
    corruption: str | CorruptionSpec,
    images: Tensor,
    severity: int,
    case_ids: Sequence[str],
    contexts: Sequence[ImageContext] | ImageContext = UNKNOWN,
) -> Tensor:
    """Corrupt a batch of images.

    The same case gets the same bits whatever the batch it comes in, its place there and the number of threads.

    Parameters
    ----------
    corruption
        A name (``"motion"``), one with parameters (``"motion:length=9"``), or several (``"motion+low-dose-ct"``):
        see :mod:`~biclip_bench.corruptions.spec`.
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device.
    severity
        1 to 5 (1 to the number of levels given), or 0 for none: then ``images`` itself is returned.
    case_ids
        One name a case: it decides on the case's randomness.
    contexts
        One a case, or one for all.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``, in [0, 1].

    Raises
    ------
    UserError
        If no corruption has this name, the severity does not exist, the images have another dtype or shape, or
        values outside [0, 1] or not finite, a context is physically impossible, or the numbers of images, cases and
        contexts differ.
    """
    spec = parse_spec(corruption) if isinstance(corruption, str) else corruption
    level = _check_severity(severity, spec)
    _check_images(images)
    cases = _check_case_ids(case_ids, len(images))
    each = [contexts] * len(images) if isinstance(contexts, ImageContext) else list(contexts)
    _check_contexts(each, cases)
    _check_values(images, cases)
    if level == 0 or images.numel() == 0:
        return images
    for part in spec.parts:
        seeds = [part.seed(level, case) for case in cases]
        with torch.no_grad():
            images = part.corruption.apply_level(images, part.level(level), seeds, each)
        if not _in_range(images):
            images = images.clamp(0.0, 1.0)
    return images


def corrupt_image(
    corruption: str | CorruptionSpec, image: NDArray[Any], severity: int, case_id: str, context: ImageContext = UNKNOWN
) -> NDArray[Any]:
    """Corrupt one NumPy image.

    Parameters
    ----------
    corruption
        As for :func:`corrupt`.
    image
        Shape (H, W) or (H, W, C); unsigned 8-bit, or floating point in [0, 1].
    severity
        As for :func:`corrupt`.
    case_id
        Name of the case: it decides on the randomness.
    context
        What the pixels mean.

    Returns
    -------
    numpy.ndarray
        A new array of the shape and dtype of ``image``; 8-bit values are rounded.

    Raises
    ------
    UserError
        As :func:`corrupt`, and if the array has another dtype or shape.
    """
    image = np.asarray(image)
    is_bytes = image.dtype == np.uint8
    if not is_bytes and not np.issubdtype(image.dtype, np.floating):
        raise UserError(f"Image {case_id!r} has dtype {image.dtype}: give uint8, or floating point in [0, 1].")
    if image.ndim not in (2, 3) or image.size == 0:
        raise UserError(
            f"Image {case_id!r} has shape {image.shape}: give (height, width) or (height, width, channels)."
        )
    pixels = image.astype(np.float32) / np.float32(255 if is_bytes else 1)
    channels = np.atleast_3d(pixels).transpose(2, 0, 1)
    batch = torch.from_numpy(np.ascontiguousarray(channels))[None]
    result = corrupt(corruption, batch, severity, [case_id], context)[0].numpy().transpose(1, 2, 0).reshape(image.shape)
    if severity == 0:
        return image.copy()
    return (np.rint(result * 255) if is_bytes else result).astype(image.dtype)


def _check_severity(severity: object, spec: CorruptionSpec) -> int:
    known = (0, *spec.severities)
    if not isinstance(severity, (int, np.integer)) or isinstance(severity, bool) or severity not in known:
        raise UserError(
            f"Severity {severity!r} of {spec.name!r} does not exist: give an integer from 1 to {known[-1]}, or 0 for "
            "the clean image."
        )
    return int(severity)


def _check_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.float32:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise UserError(f"The images are {kind}: give a torch.float32 tensor with values in [0, 1].")
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise UserError(f"The images have shape {tuple(images.shape)}: give (batch, channels, height, width).")


def _check_case_ids(case_ids: Sequence[str], count: int) -> list[str]:
    if isinstance(case_ids, str) or not all(isinstance(case, str) for case in case_ids):
        raise UserError(f"The case names are {case_ids!r}: give a list with one string an image.")
    if len(case_ids) != count:
        raise UserError(f"There are {count} images and {len(case_ids)} case names: give one name an image.")
    return list(case_ids)


def _check_contexts(contexts: list[ImageContext], cases: list[str]) -> None:
    if len(contexts) != len(cases):
        raise UserError(
            f"There are {len(cases)} images and {len(contexts)} contexts: give one an image, or one for all."
        )
    for context, case in zip(contexts, cases, strict=True):
        if context.hu_range is not None:
            low, high = context.hu_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UserError(f"Case {case!r} has hu_range {context.hu_range}: give two finite rising numbers in HU.")
        size = context.pixel_size_mm
        if size is not None and not (math.isfinite(size) and size > 0):
            raise UserError(f"Case {case!r} has pixel_size_mm {size}: give a positive number of millimetres.")
        lowest, highest = context.window
        if not 0 <= lowest < highest <= 1:
            raise UserError(f"Case {case!r} has the window {context.window}: give two rising numbers in [0, 1].")


def _in_range(images: Tensor) -> bool:
    # A NaN makes both extremes NaN, and every comparison with it false. NumPy looks at them on this thread: PyTorch
    # would wake its others, which takes longer than the search where the cores are busy.
    if images.device.type == "cpu":
        pixels = images.detach().numpy()
        return bool(pixels.min() >= 0 and pixels.max() <= 1)
    low, high = torch.aminmax(images)
    return bool(low >= 0 and high <= 1)


def _check_values(images: Tensor, cases: list[str]) -> None:
    if images.numel() == 0 or _in_range(images):
        return
    for image, case in zip(images, cases, strict=True):
        if not torch.isfinite(image).all():
            raise UserError(f"Image {case!r} has values that are NaN or infinite: give finite values in [0, 1].")
        if image.min() < 0 or image.max() > 1:
            extremes = f"from {image.min():.4g} to {image.max():.4g}"
            raise UserError(f"Image {case!r} has values {extremes}: scale or clip it to [0, 1] first.")
