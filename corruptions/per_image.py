"""Change the slices of a batch one by one, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .context import ImageContext

ImageChange = Callable[[NDArray[np.float32], int, ImageContext], NDArray[np.float32]]
"""``(image (H, W), seed, context) -> change (H, W)``: what is to be added to one grey image, in its own scale."""


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
    pixels = images.detach().cpu().numpy()

    def changed(case: int) -> NDArray[np.float32]:
        added = change(_grey(pixels[case]), seeds[case], contexts[case])
        return np.asarray(np.clip(pixels[case] + added, 0, 1), dtype=np.float32)

    cases = range(len(pixels))
    threads = min(torch.get_num_threads(), len(pixels))
    if threads > 1:
        # A pool a call: one that outlives it would be dead, and waited for, in a forked data-loading worker.
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(changed, cases))
    else:
        results = [changed(case) for case in cases]
    return torch.from_numpy(np.stack(results)).to(images.device)


def _grey(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reduce (C, H, W) to (H, W); a grey image with repeated channels to exactly one of them."""
    equal = bool((image == image[:1]).all())
    return np.ascontiguousarray(image[0] if equal else image.mean(axis=0), dtype=np.float32)
