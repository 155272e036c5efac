"""From the grey values of a CT slice to the attenuation of X-rays, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..context import ImageContext

WATER_ATTENUATION = 0.0192
"""Linear attenuation coefficient of water at about 70 keV, per millimetre."""

LUNG_WINDOW = (-1350.0, 150.0)
"""Hounsfield units of the values 0 and 1 of an image without a known scale: centre -600, width 1500."""

FIELD_OF_VIEW_MM = 360.0
"""Longer side, in millimetres, of an image without a known pixel size."""


@dataclass(frozen=True)
class AttenuationScale:
    """How the values of one image stand for attenuation.

    Parameters
    ----------
    hu_range
        Hounsfield units of the values 0 and 1.
    pixel_size_mm
        Side of a pixel in millimetres.
    """

    hu_range: tuple[float, float]
    pixel_size_mm: float

    @property
    def water(self) -> float:
        """Attenuation of water over the length of one pixel."""
        return WATER_ATTENUATION * self.pixel_size_mm

    def attenuation(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the attenuation of every pixel over the length of one pixel: water (1 + HU / 1000), never negative.

        Below -1000 HU there is nothing left to attenuate: such values are padding or the window's lower end.

        Parameters
        ----------
        image
            float32 of shape (H, W) in [0, 1].

        Returns
        -------
        numpy.ndarray
            float32 of shape (H, W), dimensionless.
        """
        low, high = self.hu_range
        hounsfield = np.float32(low) + np.float32(high - low) * image
        return np.maximum(1 + hounsfield / 1000, 0) * np.float32(self.water)

    def grey_values(self, attenuation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Express a difference of attenuations, per pixel length, as a difference of the image's values."""
        low, high = self.hu_range
        return np.asarray(attenuation * np.float32(1000 / self.water / (high - low)))


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
    return AttenuationScale(context.hu_range or LUNG_WINDOW, context.pixel_size_mm or FIELD_OF_VIEW_MM / max(shape))
