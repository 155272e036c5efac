"""Gamma: another transfer curve between signal and grey level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ..context import ImageContext
from ..per_image import Image
from ..registry import Level, Parameter, register_corruption
from .direction import DIRECTION, goes_brighter
from .display import corrupt_displayed


@register_corruption(
    "gamma",
    family="gamma",
    stage="image",
    summary="The grey levels follow another gamma curve; darker or brighter by the case's coin.",
    parameters={
        "exponent": Parameter("exponent of a darker image; a brighter one has its reciprocal", 1, 20),
        "direction": DIRECTION,
    },
    levels=[{"exponent": 1.2}, {"exponent": 1.4}, {"exponent": 1.65}, {"exponent": 1.9}, {"exponent": 2.2}],
    source="y = x^g, the power law of displays (Poynton, Digital Video and HDTV); severity 5, 2.2, is the gamma of "
    "a display applied once too often, or forgotten.",
)
def gamma(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Raise every grey level to a power: y = x^g, with g = exponent (darker) or 1 / exponent (brighter).

    x is what is displayed. Black and white stay; the direction is a fair coin of the case's seed, or as ``direction``
    says.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``exponent``, at least 1, without unit; ``direction``.
    seeds
        One integer a case.
    contexts
        One a case: what is displayed is the context's ``window`` (see :func:`.display.corrupt_displayed`).

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """

    def curved(image: Image, seed: int) -> Image:
        brighter = goes_brighter(level["direction"], seed)
        return np.power(image, np.float32(1 / level["exponent"] if brighter else level["exponent"]))

    return corrupt_displayed(images, seeds, contexts, curved)
