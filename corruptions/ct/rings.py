"""Rings: detector elements that read too much or too little at every view."""

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

LOWEST_GAIN = 0.01
"""An element that reads less than this share of the truth is taken to read this share."""


def gain_errors(generator: np.random.Generator, bins: int, share: float, deviation: float) -> NDArray[np.float32]:
    """Draw what miscalibrated elements add to the line integrals of every view: -ln(gain).

    The scanner makes a full turn, in which every ray is measured twice, from either side, by the elements at s and -s:
    half a turn of parallel views holds the mean of both, so the errors are symmetric about the centre and the
    rings are closed.

    Parameters
    ----------
    generator
        Decides on which elements are wrong, and by how much.
    bins
        Elements of the detector.
    share
        Share of them that is miscalibrated; at least one is.
    deviation
        Standard deviation of a miscalibrated element's gain about 1.

    Returns
    -------
    numpy.ndarray
        float32 of shape (bins,), dimensionless.
    """
    wrong = generator.permutation(bins)[: max(1, round(share * bins))]
    gain = np.ones(bins)
    gain[wrong] += deviation * generator.standard_normal(len(wrong))
    error = -np.log(np.maximum(gain, LOWEST_GAIN))
    return np.asarray((error + error[::-1]) / 2, dtype=np.float32)


@register_corruption(
    "ct-rings",
    family="rings",
    stage="detector",
    modalities=["ct"],
    summary="Miscalibrated detector elements draw rings around the scanner's axis.",
    parameters={
        "share": Parameter("share of detector elements, one pixel wide, that are miscalibrated", 0, 1),
        "gain": Parameter("% standard deviation of their gain", 0, 100),
    },
    levels=[
        {"share": 0.05, "gain": 2.0},
        {"share": 0.1, "gain": 2.5},
        {"share": 0.2, "gain": 3.0},
        {"share": 0.4, "gain": 3.5},
        {"share": 0.8, "gain": 4.0},
    ],
    source="Gain errors constant over the views in parallel-beam filtered back-projection (ram-lak).",
)
def ct_rings(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add the rings of detector elements whose gain is off by a little.

    An element of gain g reads g I for an intensity I, so the line integral comes out wrong by -ln g, whatever the
    object is, at every view: see :func:`gain_errors`. Its reconstruction is a ring around the image's centre, high near
    it and fading outwards like one over the square root of the radius.

    A gain error of one percent is the attenuation of half a millimetre of water: in HU, rings are higher where
    pixels, and with them the elements, are smaller. Without a scale or a pixel size in the context, a lung window and a
    field of view of 360 mm are taken, as in ``low-dose-ct``. Images on another device are computed on the CPU and
    returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Of a colour image the mean of the channels is
        corrupted and the change added to each.
    level
        ``share`` of the elements and the standard deviation ``gain`` in percent.
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
        errors = gain_errors(case_generator(seed), scanner.bins, level["share"], level["gain"] / 100)
        every_view = np.ascontiguousarray(np.broadcast_to(errors, (scanner.views, scanner.bins)))
        return attenuation_scale(context, image.shape).grey_values(scanner.reconstruct(every_view, "ram-lak"))

    return add_changes(images, seeds, contexts, change)
