"""Run what is written for one NumPy image over a batch: the bits then depend on that image and its seed alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .context import ImageContext

Image = NDArray[np.float32]
"""One image: float32 of shape (C, H, W) in [0, 1], contiguous in memory."""

ImageChange = Callable[[NDArray[np.float32], int, ImageContext], NDArray[np.float32]]
"""``(image (H, W), seed, context) -> change (H, W)``: what is to be added to one grey image, in its own scale."""

Draw = TypeVar("Draw")


def corrupt_each(
    images: Tensor, draws: Sequence[Draw], corrupt_one: Callable[[Image, Draw], Image], *, threaded: bool = False
) -> Tensor:
    """Corrupt every image of a batch on the CPU, and clip.

    Images on another device are computed on the CPU and returned to it, so that every device gives the same bits.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device.
    draws
        What is a case's own, such as its seed: one a case.
    corrupt_one
        ``(image, draw) -> image`` of the same shape; must not modify the image it is given.
    threaded
        Whether ``corrupt_one`` is worth a thread of its own: as many run at once as PyTorch may use.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``, clipped to [0, 1].
    """
    pixels = np.ascontiguousarray(images.detach().cpu().numpy())
    corrupted = np.empty_like(pixels)

    def corrupt(case: int) -> None:
        np.clip(corrupt_one(pixels[case], draws[case]), 0.0, 1.0, out=corrupted[case])

    threads = min(torch.get_num_threads(), len(pixels)) if threaded else 1
    if threads > 1:
        # A pool a call: one that outlives it would be dead, and waited for, in a forked data-loading worker.
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(corrupt, range(len(pixels))))
    else:
        for case in range(len(pixels)):
            corrupt(case)
    return torch.from_numpy(corrupted).to(images.device)


def add_changes(images: Tensor, seeds: Sequence[int], contexts: Sequence[ImageContext], change: ImageChange) -> Tensor:
    """Add to every image of a batch the change computed for it, and clip.

    Images on another device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Channels that are equal stay equal; of a colour image
        the mean of the channels is what changes, and the change is added to each.
    seeds
        One integer a case.
    contexts
        One a case.
    change
        Called once an image, from several threads at once: as many as PyTorch may use.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``, in [0, 1].
    """

    def changed(image: Image, draw: tuple[int, ImageContext]) -> Image:
        return image + change(image[0] if is_grey(image) else image.mean(axis=0), *draw)

    return corrupt_each(images, list(zip(seeds, contexts, strict=True)), changed, threaded=True)


def is_grey(image: Image) -> bool:
    """Say whether all channels of an image are equal."""
    return bool((image == image[:1]).all())
