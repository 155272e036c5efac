"""Brightness: the same shift of every grey level."""

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
    "brightness",
    family="brightness",
    stage="image",
    summary="Every grey level is shifted by the same amount; darker or brighter by the case's coin.",
    parameters={"shift": Parameter("in units of the displayed grey range", 0, 1), "direction": DIRECTION},
    levels=[{"shift": 0.04}, {"shift": 0.08}, {"shift": 0.13}, {"shift": 0.19}, {"shift": 0.26}],
    source="y = x + shift or x - shift, as the brightness of ImageNet-C (Hendrycks and Dietterich 2019: 0.1 to 0.5) "
    "in both directions; a window level set wrong.",
)
def brightness(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Shift every grey level: y = x + shift (brighter) or x - shift (darker), clipped to [0, 1].

    x is what is displayed, and what is clipped is lost, as in a picture exported with a wrong window level. The
    direction is a fair coin of the case's seed, or as ``direction`` says.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``shift``, where the displayed grey range is 1; ``direction``.
    seeds
        One integer a case.
    contexts
        One a case: what is displayed is the context's ``window`` (see :func:`.display.corrupt_displayed`).

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``.
    """
    shift = np.float32(level["shift"])

    def shifted(image: Image, seed: int) -> Image:
        return image + shift if goes_brighter(level["direction"], seed) else image - shift

    return corrupt_displayed(images, seeds, contexts, shifted)
