"""What looks like infection and is not: why counting bright pixels fails.

The Fleischner Society's glossary (see :mod:`.tissue`) names the counterparts: dependent density, mosaic attenuation,
subsegmental (plate-like) atelectasis, fissures, and the ground-glass look of motion blur next to a beating heart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .anatomy import Patient
from .chest import Lungs
from .fields import FloatImage, Grid, length, smooth_noise


def dependent_density(rng: np.random.Generator, grid: Grid, patient: Patient, lungs: Lungs) -> FloatImage:
    """Return the rise in HU of lung that its own weight compresses: a soft band along the posterior pleura."""
    rise = np.zeros_like(grid.x)
    if not any(patient.dependent):
        return rise
    reach = np.float32(rng.uniform(5, 13))
    posterior = np.clip((grid.y / np.float32(patient.half_depth) - np.float32(0.3)) * 2.5, 0, 1)
    uneven = np.clip(1 + 0.35 * smooth_noise(rng, grid.size, 14.0), 0.2, None)
    for lung, strength in ((lungs.right, patient.dependent[0]), (lungs.left, patient.dependent[1])):
        rise += np.float32(strength) * np.exp(np.minimum(lung, 0) / reach) * posterior * uneven * (lung < 2)
    return rise


def hazy_patches(rng: np.random.Generator, grid: Grid, places: NDArray[np.float64]) -> FloatImage:
    """Return the rise in HU of patches of poorer aeration: as dense as faint ground glass, with a blurrier border.

    Parameters
    ----------
    rng
        Source of randomness.
    grid
        The grid.
    places
        Float array (N, 2): their centres in mm.
    """
    rise = np.zeros_like(grid.x)
    for x, y in places:
        radius = np.float32(rng.uniform(9, 24))
        aspect = np.float32(rng.uniform(0.6, 1.6))
        distance = length((grid.x - np.float32(x)) * aspect, (grid.y - np.float32(y)) / aspect) - radius
        distance += np.float32(0.2) * radius * smooth_noise(rng, grid.size, max(0.8 * float(radius), 8.0))
        density = np.clip(0.5 - distance / np.float32(rng.uniform(11, 20)), 0, 1)
        rise = np.maximum(rise, np.float32(rng.uniform(55, 160)) * density * density * (3 - 2 * density))
    return rise


def atelectatic_bands(rng: np.random.Generator, grid: Grid, places: NDArray[np.float64]) -> FloatImage:
    """Return the rise in HU of plate-like atelectases: slightly curved lines of collapsed lung at ``places``."""
    rise = np.zeros_like(grid.x)
    for x, y in places:
        angle = rng.uniform(0, np.pi)
        half_length, half_width = np.float32(rng.uniform(10, 26)), np.float32(rng.uniform(0.7, 2.0))
        bend = np.float32(rng.uniform(-0.006, 0.006))
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        u = cos * (grid.x - np.float32(x)) + sin * (grid.y - np.float32(y))
        v = cos * (grid.y - np.float32(y)) - sin * (grid.x - np.float32(x)) + bend * u * u
        distance = length(np.maximum(np.abs(u) - half_length, 0), v) - half_width
        cover = np.clip(0.5 - distance / max(grid.pixel, 1.2), 0, min(1.0, 2 * float(half_width) / grid.pixel))
        rise = np.maximum(rise, np.float32(rng.uniform(150, 520)) * cover)
    return rise


def fissures(rng: np.random.Generator, grid: Grid, patient: Patient, level: float) -> FloatImage:
    """Return the rise in HU of the major fissures: thin, partly blurred arcs from the mediastinum to the side."""
    rise = np.zeros_like(grid.x)
    for side in (-1, 1):
        if rng.random() > 0.75:
            continue
        height = np.float32((0.45 - 0.85 * level + rng.uniform(-0.12, 0.12)) * patient.half_depth)
        tilt, bend = np.float32(side * rng.uniform(-0.1, 0.35)), np.float32(rng.uniform(-0.003, 0.004))
        out = grid.x - np.float32(side * 75)
        offset = grid.y - height - tilt * out - bend * out * out
        half_width = np.float32(rng.uniform(0.5, 1.8))
        cover = np.clip((half_width + np.float32(grid.pixel) / 2 - np.abs(offset)) / np.float32(grid.pixel), 0, 1)
        cover *= np.minimum(1, 2 * half_width / np.float32(grid.pixel))
        rise = np.maximum(rise, np.float32(rng.uniform(40, 160)) * cover * (np.float32(side) * grid.x > 0))
    return rise


def breathing_blur(
    rng: np.random.Generator, grid: Grid, patient: Patient, image: FloatImage, lungs: Lungs, level: float
) -> None:
    """Smear the lung beside the heart or above the diaphragm by motion during the rotation, in place."""
    if rng.random() > 0.25 + 0.3 * level:
        return
    side = -1.0 if rng.random() < 0.35 else 1.0
    centre = (side * rng.uniform(40, 75), rng.uniform(-0.5, 0.5) * patient.half_depth)
    width = rng.uniform(18, 34)
    length = max(2, round(rng.uniform(5, 10) / grid.pixel))
    blurred = ndimage.uniform_filter1d(image, length, axis=int(rng.integers(2)))
    blurred = ndimage.uniform_filter1d(blurred, max(2, length // 2), axis=0)
    square = (grid.x - np.float32(centre[0])) ** 2 + (grid.y - np.float32(centre[1])) ** 2
    weight = np.clip(1.3 * np.exp(-square / np.float32(2 * width * width)) - 0.15, 0, 1)
    weight *= np.clip(0.5 - lungs.either / np.float32(2 * grid.pixel), 0, 1)
    image += weight * (blurred - image)
