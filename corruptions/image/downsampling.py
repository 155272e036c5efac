"""Downsampling: the image was taken, or passed on, with fewer pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image, corrupt_each
from ..registry import Level, Parameter, register_corruption


def resampling_matrix(side: int, coarse: int) -> sparse.csr_array:
    """Give the matrix that shrinks one axis of an image to fewer pixels and enlarges it to its own grid again.

    Parameters
    ----------
    side
        Pixels of the axis.
    coarse
        Pixels in between, from 1 to ``side``.

    Returns
    -------
    scipy.sparse.csr_array
        float64 of shape (side, side); no entry is negative and each row sums to one.
    """
    pixels = np.arange(side)
    # In units of coarse pixels: a pixel lies within one of them or across the border between two.
    edges = np.arange(side + 1) * coarse / side
    first = np.floor(edges[:-1]).astype(int)
    in_first = np.minimum(edges[1:], first + 1) - edges[:-1]
    shares = np.concatenate([in_first, np.diff(edges) - in_first])
    covering = np.concatenate([first, first + 1]).clip(max=coarse - 1)
    shrink = sparse.csr_array((shares, (covering, np.tile(pixels, 2))), shape=(coarse, side))
    places = ((pixels + 0.5) * coarse / side - 0.5).clip(0, coarse - 1)
    left = np.floor(places).astype(int)
    weights = np.concatenate([1 - (places - left), places - left])
    neighbours = np.concatenate([left, left + 1]).clip(max=coarse - 1)
    enlarge = sparse.csr_array((weights, (np.tile(pixels, 2), neighbours)), shape=(side, coarse))
    return enlarge @ shrink


@register_corruption(
    "downsampling",
    family="resolution",
    stage="image",
    summary="The image is shrunk and enlarged again: fewer pixels on the same grid.",
    parameters={"factor": Parameter("pixels of the image to one of the coarser, along each side", 1, 1000)},
    levels=[{"factor": 1.5}, {"factor": 2.0}, {"factor": 2.75}, {"factor": 3.75}, {"factor": 5.0}],
    source="Mean over each coarse pixel (what a detector with larger elements records), then bilinear interpolation.",
)
def downsampling(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Shrink every image by the level's factor and enlarge it again to its own grid.

    A coarse pixel holds the mean of what it covers, partly covered pixels by their share: this is the antialiasing.
    The coarse image has round(side / factor) pixels along each side, at least one, over the same field of view, and
    is enlarged by bilinear interpolation. So nothing leaves the range of the image's values.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``factor``, at least 1, without unit.
    seeds
        One integer a case; nothing is drawn.
    contexts
        Not used: the change does not depend on what the pixels mean.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    by_row, by_column = (resampling_matrix(n, max(1, round(n / level["factor"]))) for n in images.shape[-2:])

    def resampled(image: Image, seed: int) -> Image:
        return np.stack([(by_column @ (by_row @ channel).T).T for channel in image])

    return corrupt_each(images, seeds, resampled)
