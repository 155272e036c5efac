"""Sparse views: a CT reconstructed from a part of its projections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import add_changes
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator
from .attenuation import attenuation_scale
from .parallel_beam import parallel_beam


def view_weights(views: int, share: float, first: int) -> NDArray[np.float32]:
    """Choose evenly spread views, and give each the angle that it stands for.

    Parameters
    ----------
    views
        Views of the full scan over half a turn.
    share
        Share of them that is kept; at least one is.
    first
        Number of a view that is kept.

    Returns
    -------
    numpy.ndarray
        float32 of shape (views,): 0 for a view that is left out; for a kept one the mean distance to its two
        neighbours, around the half turn, in views. The weights add up to ``views``.
    """
    count = min(max(1, round(share * views)), views)
    kept = np.arange(count) * views // count
    gaps = np.diff(kept, append=views)
    weights = np.zeros(views, dtype=np.float32)
    weights[(kept + first) % views] = (gaps + np.roll(gaps, 1)) / 2
    return weights


@register_corruption(
    "ct-sparse-views",
    family="view-undersampling",
    stage="beam",
    modalities=["ct"],
    summary="The slice is reconstructed from a part of the projections: fine streaks cover it.",
    parameters={"views": Parameter("fraction of the views that a full scan needs (pi/2 per pixel of the side)", 0, 1)},
    levels=[{"views": 1 / 3}, {"views": 1 / 4}, {"views": 1 / 6}, {"views": 1 / 8}, {"views": 1 / 12}],
    source="Natterer (1986), III.2: views needed for a resolution; parallel-beam filtered back-projection (hann).",
)
def ct_sparse_views(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add the streaks of a reconstruction from too few projections.

    Of the views of a full scan over half a turn, ceil(pi / 2 * longer side), evenly spread ones are kept from a random
    one on. The difference of the reconstructions from the kept and from all views is added to the image, so that it
    shows the aliasing and nothing else: each kept view stands for the ones left out beside it. Both are reconstructed
    with the Hann window, as streaks as fine as the pixels would show the pixel grid's own pattern.

    Without a scale or a pixel size in the context, a lung window and a field of view of 360 mm are taken, as in
    ``low-dose-ct``. Images on another device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Of a colour image the mean of the channels is
        corrupted and the change added to each.
    level
        ``views``, the fraction that is kept.
    seeds
        One integer a case.
    contexts
        One a case.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    scanner = parallel_beam(*images.shape[-2:])

    def change(image: NDArray[np.float32], seed: int, context: ImageContext) -> NDArray[np.float32]:
        scale = attenuation_scale(context, image.shape)
        weights = view_weights(scanner.views, level["views"], int(case_generator(seed).integers(scanner.views)))
        aliasing = scanner.project(scale.attenuation(image)) * (weights - 1)[:, None]
        return scale.grey_values(scanner.reconstruct(aliasing, "hann"))

    return add_changes(images, seeds, contexts, change)
