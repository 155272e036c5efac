"""Distances between the outlines of two masks: their 95th percentile (HD95) and the share that agrees (NSD).

The outline of a mask is its pixels with a 4-neighbour outside of it, where everything beyond the image is outside. A
distance runs from the centre of such a pixel to the nearest one of the other outline.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

NSD_TOLERANCE = 2.0
"""How far outlines may lie apart and agree: 2 mm where the size of a pixel is known, else 2 pixels.

It stands for the variation between readers that is accepted (Nikolov et al. 2021, JMIR 23(7):e26151). Outlines of most
organs in CT differ between readers by a standard deviation of 0.9 to 2.6 mm (Brouwer et al. 2012, Radiat Oncol 7:32).
"""

PERCENTILE = 95.0

PARALLEL_FROM = 20_000
"""Outline pixels of a batch from which threads gain more than their start costs."""


def surface_scores(
    prediction: Tensor,
    truth: Tensor,
    pixel_size: float = 1.0,
    tolerance: float = NSD_TOLERANCE,
    workers: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute HD95 and NSD of each case.

    Both are as MONAI's ``compute_hausdorff_distance(percentile=95)`` and ``compute_surface_dice`` define them, with a
    rule for empty masks (Maier-Hein et al. 2024, Nature Methods 21:195-212): both empty is a perfect score, one empty
    the worst. The bits depend neither on the batch nor on the number of workers.

    Parameters
    ----------
    prediction, truth
        bool of shape (B, H, W), on any device; outlines are found there, distances on the CPU.
    pixel_size
        Side of a (square) pixel in the unit of the distances.
    tolerance
        Largest distance at which outlines agree, in that unit.
    workers
        Threads; by default as many as PyTorch uses, and one where the batch has few outline pixels.

    Returns
    -------
    hd95 : array
        float64 of shape (B,): the larger one of the two directions' 95th percentiles, in the unit of the distances.
        0 where both masks are empty; the image's diagonal where one is.
    nsd : array
        float64 of shape (B,), in [0, 1]: the share of all outline pixels that lie within the tolerance of the other
        outline. 1 where both masks are empty, 0 where one is.
    """
    outlines = [mask_outlines(masks).cpu().numpy() for masks in (prediction, truth)]
    lengths = np.stack([np.count_nonzero(outline, axis=(1, 2)) for outline in outlines])
    empty = lengths == 0
    H, W = prediction.shape[-2:]
    hd95 = np.where(empty.all(axis=0), 0.0, np.hypot(H, W) * pixel_size)
    nsd = np.where(empty.all(axis=0), 1.0, 0.0)
    both = np.flatnonzero(~empty.any(axis=0))
    if workers is None:
        workers = torch.get_num_threads() if lengths[:, both].sum() >= PARALLEL_FROM else 1
    with _mapping(min(workers, len(both))) as map_cases:
        cases = ([outline[case] for case in both] for outline in outlines)
        for case, scores in zip(both, map_cases(_case, *cases, repeat(pixel_size), repeat(tolerance)), strict=True):
            hd95[case], nsd[case] = scores
    return hd95, nsd


def mask_outlines(masks: Tensor) -> Tensor:
    """Find the pixels (B, H, W) of masks (B, H, W) that have a 4-neighbour outside; both bool, on one device."""
    around = F.pad(masks, (1, 1, 1, 1))
    inside = around[:, :-2, 1:-1] & around[:, 2:, 1:-1] & around[:, 1:-1, :-2] & around[:, 1:-1, 2:]
    return masks & ~inside


def _case(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], pixel_size: float, tolerance: float
) -> tuple[float, float]:
    """HD95 and NSD of two outlines, neither of them empty."""
    from monai.metrics.utils import get_surface_distance

    # In pixels, whose squares are whole numbers: turning or shifting both masks leaves every bit as it is.
    ways = [np.asarray(get_surface_distance(*pair)) for pair in ((prediction, truth), (truth, prediction))]
    hd95 = pixel_size * max(float(np.percentile(way.astype(np.float64), PERCENTILE)) for way in ways)
    # In float32, as MONAI compares them: a distance that is the tolerance but for rounding agrees.
    near = sum(int(np.count_nonzero((way * pixel_size).astype(np.float32) <= tolerance)) for way in ways)
    return hd95, near / sum(map(len, ways))


@contextmanager
def _mapping(workers: int) -> Iterator[Any]:
    """A ``map`` over threads; the search of neighbours leaves the interpreter free for the others."""
    if workers <= 1:
        yield map
        return
    with ThreadPoolExecutor(workers) as pool:
        yield pool.map
