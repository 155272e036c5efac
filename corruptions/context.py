"""What a corruption must know about an image besides its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Modality = Literal["ct", "mr", "radiograph", "other"]


@dataclass(frozen=True)
class ImageContext:
    """The physical meaning of an image's pixels.

    Parameters
    ----------
    modality
        ``"ct"`` for slices of a computed tomography, ``"mr"`` for those of magnetic resonance imaging,
        ``"radiograph"`` for projections, ``"other"`` for anything else (endoscopy, histology).
    hu_range
        Hounsfield units that the pixel values 0.0 and 1.0 stand for, or None where the image has no such scale.
        An 8-bit slice saved through a lung window of centre -600 and width 1500 has (-1350.0, 150.0).
    pixel_size_mm
        Side of a (square) pixel in the image's own grid, in millimetres, or None where it is not known.
    window
        The part of [0, 1] that a reader or a model sees, stretched to [0, 1] AFTER corruption; (0.0, 1.0) for images
        that were windowed when they were saved. Lets low-dose CT see bone that a lung window hides, and a change of
        brightness act on what is displayed.
    """

    modality: Modality = "other"
    hu_range: tuple[float, float] | None = None
    pixel_size_mm: float | None = None
    window: tuple[float, float] = (0.0, 1.0)

    @property
    def window_hu(self) -> tuple[float, float] | None:
        """Hounsfield units of the window's ends, or None where the image has no such scale."""
        if self.hu_range is None:
            return None
        low, high = self.hu_range
        return low + self.window[0] * (high - low), low + self.window[1] * (high - low)
