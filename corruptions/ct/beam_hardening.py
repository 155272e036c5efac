"""Beam hardening: soft X-rays are lost first, and thick parts of the body look thinner than they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import add_changes
from ..registry import Level, Parameter, register_corruption
from .attenuation import attenuation_scale
from .parallel_beam import parallel_beam
from .spectrum import polychromatic


def hardening_loss(line_integrals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give how much less than the line integral a detector measures behind so much water: p - p'(p), at least 0.

    Parameters
    ----------
    line_integrals
        float32 of any shape, dimensionless; what is negative counts as 0.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape.
    """
    top = max(float(line_integrals.max(initial=0.0)), 0.1)
    # Linear interpolation on this grid is within 1e-6 of the formula, and costs a tenth of it.
    thickness = np.linspace(0.0, top, 4096)
    loss = np.interp(line_integrals, thickness, thickness - polychromatic(thickness))
    return loss.astype(np.float32)


@register_corruption(
    "ct-beam-hardening",
    family="beam-hardening",
    stage="beam",
    modalities=["ct"],
    summary="The beam hardens in the body and the scanner's correction for it falls short: the slice darkens inwards.",
    parameters={"uncorrected": Parameter("share of the hardening that is left uncorrected", 0, 1)},
    levels=[
        {"uncorrected": 0.35},
        {"uncorrected": 0.5},
        {"uncorrected": 0.7},
        {"uncorrected": 0.85},
        {"uncorrected": 1.0},
    ],
    source="Polychromatic Beer-Lambert: Kramers' 120 kV spectrum behind 3 mm of aluminium, NISTIR 5632 coefficients; "
    "Brooks and Di Chiro (1976); parallel-beam filtered back-projection (ram-lak).",
)
def ct_beam_hardening(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Reconstruct from line integrals of a whole spectrum, as if the beam had one energy: cupping.

    With p' = :func:`~biclip_bench.corruptions.ct.spectrum.polychromatic` of the line integral p, all tissue taken
    as water of another density, the scanner reconstructs p - uncorrected (p - p'): 0 is the perfect correction for
    water that clean images have, 1 none at all. Thin objects are unchanged; behind 30 cm of water 14% of the
    line integral is missing. Dark bands between bones, whose own energy dependence is steeper, are not modelled.

    Draws nothing: every case is treated alike. Without a scale or a pixel size in the context, a lung window and a
    field of view of 360 mm are taken, as in ``low-dose-ct``. Images on another device are computed on the CPU and
    returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Of a colour image the mean of the channels is
        corrupted and the change added to each.
    level
        ``uncorrected``, a share from 0 to 1.
    seeds
        Not used.
    contexts
        One a case.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    scanner = parallel_beam(*images.shape[-2:])
    share = np.float32(-level["uncorrected"])

    def change(image: NDArray[np.float32], seed: int, context: ImageContext) -> NDArray[np.float32]:
        scale = attenuation_scale(context, image.shape)
        loss = hardening_loss(scanner.project(scale.attenuation(image)))
        return scale.grey_values(scanner.reconstruct(share * loss, "ram-lak"))

    return add_changes(images, seeds, contexts, change)
