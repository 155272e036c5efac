"""From the grey values of a CT slice to the attenuation of X-rays, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..context import ImageContext
from .namespace import Values, namespace

WATER_ATTENUATION = 0.0192
"""Linear attenuation coefficient of water at about 70 keV, per millimetre."""

LUNG_WINDOW = (-1350.0, 150.0)
"""Hounsfield units of the values 0 and 1 of an image without a known scale: centre -600, width 1500."""

FIELD_OF_VIEW_MM = 360.0
"""Longer side, in millimetres, of an image without a known pixel size."""


@dataclass(frozen=True)
class AttenuationScale:
    """How the values of an image stand for attenuation.

    Parameters
    ----------
    hu_range
        Hounsfield units of the values 0 and 1: two numbers for one image, two tensors (B, 1, 1) for a batch.
    pixel_size_mm
        Side of a pixel in millimetres, a number or a tensor likewise.
    """

    hu_range: tuple[float, float] | tuple[Tensor, Tensor]
    pixel_size_mm: float | Tensor

    @property
    def water(self) -> float | Tensor:
        """Attenuation of water over the length of one pixel."""
        return WATER_ATTENUATION * self.pixel_size_mm

    def attenuation(self, image: Values) -> Values:
        """Give the attenuation of every pixel over the length of one pixel: water (1 + HU / 1000), never negative.

        Below -1000 HU there is nothing left to attenuate: such values are padding or the window's lower end.

        Parameters
        ----------
        image
            float32 of shape (H, W), or (B, H, W) for a batch, in [0, 1].

        Returns
        -------
        numpy.ndarray or Tensor
            float32 of the same shape, dimensionless.
        """
        low, high = self.hu_range
        share: Values = namespace(image).clip(1 + (low + (high - low) * image) / 1000, 0, None)
        share *= self.water
        return share

    def grey_values(self, attenuation: Values) -> Values:
        """Express a difference of attenuations, per pixel length, as a difference of the image's values."""
        low, high = self.hu_range
        return attenuation * (1000 / self.water / (high - low))


def attenuation_scale(context: ImageContext, shape: tuple[int, ...]) -> AttenuationScale:
    """Read an image's scale from its context; stated guesses stand in for what it does not say.

    Parameters
    ----------
    context
        No ``hu_range`` is read as :data:`LUNG_WINDOW`, no ``pixel_size_mm`` as :data:`FIELD_OF_VIEW_MM` along the
        longer side.
    shape
        (H, W) of the image.
    """
    low, high = context.hu_range or LUNG_WINDOW
    # A NumPy number of double precision would make the whole chain double.
    return AttenuationScale((float(low), float(high)), float(context.pixel_size_mm or FIELD_OF_VIEW_MM / max(shape)))


def stack_scales(scales: Sequence[AttenuationScale], device: torch.device) -> AttenuationScale:
    """Gather the scales of a batch's images in float32 tensors of shape (B, 1, 1) on a device."""

    def column(values: Sequence[float | Tensor]) -> Tensor:
        return torch.tensor([float(value) for value in values], dtype=torch.float32, device=device)[:, None, None]

    low, high = (column([scale.hu_range[end] for scale in scales]) for end in (0, 1))
    return AttenuationScale((low, high), column([scale.pixel_size_mm for scale in scales]))
