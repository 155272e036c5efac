"""How many photons a scan sends along each ray: the dose, the bowtie filter and the modulation of the tube current."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .attenuation import WATER_ATTENUATION
from .namespace import Values, namespace

PHOTONS_PER_RAY = 1e5
"""Photons sent along each ray at the full dose (dose fraction 1), in the reference geometry."""

REFERENCE_BIN_MM = 360 / 224
"""Width of a detector bin in the reference geometry: a field of view of 360 mm over 224 pixels."""

REFERENCE_VIEWS = 352
"""Views in the reference geometry: ceil(pi/2 * 224)."""

BOWTIE_DIAMETER_MM = 300.0
"""Diameter of the cylinder of water that the ideal bowtie filter equalises: about the chest of an adult."""


def ray_share(pixel_size_mm: float, views: int) -> float:
    """Give the share that one ray has in the exposure of one ray of the reference geometry.

    A scan's exposure does not depend on the grid on which its slice is stored: it is spread over the
    views and bins that the grid asks for. So a slice has the same noise at the same resolution,
    whether it is stored finely and averaged or stored coarsely.

    Parameters
    ----------
    pixel_size_mm
        Width of a detector bin, one pixel, in millimetres.
    views
        Number of views over half a turn.
    """
    return pixel_size_mm / REFERENCE_BIN_MM * REFERENCE_VIEWS / views


def log_bowtie(bins: int, pixel_size_mm: float, strength: float) -> NDArray[np.float32]:
    """Give the logarithm of what a bowtie filter lets through along each ray, relative to the central ray.

    The ideal filter, strength 1, is as much thicker than at its centre as a centred cylinder of water of
    :data:`BOWTIE_DIAMETER_MM` is thinner along the ray, so that behind both the detector is lit evenly:
    exp(strength mu (chord(s) - diameter)) at the distance s from the axis. The central ray keeps its photons, the
    others get fewer: the photons per ray state the exposure at the isocentre. Real filters lie between none and the
    ideal.

    Parameters
    ----------
    bins
        Number of detector bins.
    pixel_size_mm
        Width of a detector bin in millimetres.
    strength
        0 (no filter) to 1.

    Returns
    -------
    numpy.ndarray
        float32 of shape (bins,), at most 0.
    """
    distance = (np.arange(bins) - (bins - 1) / 2) * pixel_size_mm
    chord = np.sqrt(np.clip(BOWTIE_DIAMETER_MM**2 - 4 * distance**2, 0, None))
    return np.asarray(strength * WATER_ATTENUATION * (chord - BOWTIE_DIAMETER_MM), dtype=np.float32)


def log_modulation(line_integrals: Values, strength: float) -> Values:
    """Give the logarithm of each view's photons relative to the mean view's, with the tube current modulated.

    The noise at the body's centre for a given total is least where the photons are proportional to the square root of
    the view's attenuation, exp(p / 2) (Gies, Kalender, Wolf and Suess 1999, "Dose reduction in CT by anatomically
    adapted tube current modulation. I. Simulation studies", Med Phys 26): strength 1. p is the largest line integral of
    the view. The mean over the views, so the exposure, stays what it is without modulation.

    Parameters
    ----------
    line_integrals
        float32 of shape (..., views, bins), dimensionless.
    strength
        0 (constant current) to 1.

    Returns
    -------
    numpy.ndarray or Tensor
        float32 of shape (..., views, 1).
    """
    xp = namespace(line_integrals)
    wanted = xp.amax(line_integrals, axis=-1, keepdims=True) * (strength / 2)
    # From the largest view down, so that the exponential of a long path does not overflow.
    wanted -= xp.amax(wanted, axis=-2, keepdims=True)
    modulation: Values = wanted - xp.log(xp.mean(xp.exp(wanted), axis=-2, keepdims=True))
    return modulation


def log_photons_at_centre(dose: float, share: float) -> float:
    """Natural logarithm of the photons along a central ray that has ``share`` of a reference ray's exposure."""
    return math.log(PHOTONS_PER_RAY * dose * share)
