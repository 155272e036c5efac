"""Infection: ground-glass and consolidating lesions, and the truth mask that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from . import tissue
from .anatomy import Patient
from .chest import Lungs
from .fields import FloatImage, Grid, length, smooth_noise
from .torso import Wall

SMALLEST_MM2 = 120.0
"""Area under which a piece of a lesion is not called an infected area: it stays faint and out of the mask."""

_SMALLEST_PIXELS = 5
_FAINT = np.float32(0.4)
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Infection:
    """All lesions of a slice.

    Parameters
    ----------
    mask
        bool (H, W): the truth. Its 8-connected components are the infected areas.
    rise
        float32 (H, W): HU that the lesions add to the parenchyma.
    opacity
        float32 (H, W) in [0, 1]: how far consolidation has replaced the air, and hides the vessels.
    """

    mask: NDArray[np.bool_]
    rise: FloatImage
    opacity: FloatImage


def draw_infection(
    rng: np.random.Generator, grid: Grid, patient: Patient, wall: Wall, lungs: Lungs, healthy: bool
) -> Infection:
    """Place lesions in the lungs.

    A pixel belongs to the truth where a lesion has reached half of its full density, as a reader would draw the
    border through the middle of a soft edge.

    Parameters
    ----------
    rng
        Source of randomness.
    grid
        The grid.
    patient
        Gives severity, kind and preferred side.
    wall
        Peripheral lesions lie along its inner surface.
    lungs
        Lesions stay within them.
    healthy
        Whether the slice shows no infection.
    """
    shape = grid.x.shape
    field, rise, opacity = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    inside = lungs.either < 0
    if healthy:
        return Infection(np.zeros(shape, dtype=bool), rise, opacity)
    count = min(1 + int(rng.poisson(patient.burden)), 7)
    for _ in range(count):
        one, rise_one, opacity_one = _draw_lesion(rng, grid, patient, wall, lungs)
        field, rise, opacity = np.maximum(field, one), np.maximum(rise, rise_one), np.maximum(opacity, opacity_one)

    labels, pieces = ndimage.label((field > 0.5) & inside, structure=EIGHT_NEIGHBOURS)
    smallest = max(SMALLEST_MM2 / grid.pixel**2, _SMALLEST_PIXELS)
    area = np.bincount(labels.ravel(), minlength=pieces + 1)
    crumb = (area < smallest)[labels] & (labels > 0)
    rise[crumb] *= _FAINT
    opacity[crumb] = 0
    return Infection((labels > 0) & ~crumb, rise, opacity)


def _draw_lesion(
    rng: np.random.Generator, grid: Grid, patient: Patient, wall: Wall, lungs: Lungs
) -> tuple[FloatImage, FloatImage, FloatImage]:
    """Return one lesion's density in [0, 1], its rise in HU and its consolidation in [0, 1]."""
    lung = lungs.left if rng.random() < patient.left_share else lungs.right
    peripheral = rng.random() < 0.6
    x, y = _draw_place(rng, grid, patient, lung, wall.thorax if peripheral else None)

    radius = float(np.clip(rng.lognormal(np.log(22.0), 0.45), 11.0, 52.0))
    aspect = float(rng.uniform(1.0, 2.3 if peripheral else 1.5))
    # A peripheral lesion spreads along the pleura, which runs across the radius from the centre of the chest.
    heading = float(np.arctan2(y, x)) + np.pi / 2 if peripheral else float(rng.uniform(0, np.pi))
    cos, sin = np.float32(np.cos(heading)), np.float32(np.sin(heading))
    u = (grid.x - np.float32(x)) * cos + (grid.y - np.float32(y)) * sin
    v = (grid.y - np.float32(y)) * cos - (grid.x - np.float32(x)) * sin
    if peripheral:
        v += u * u / np.float32(2 * max(np.hypot(x, y), 40.0))
    long, short = np.float32(radius * np.sqrt(aspect)), np.float32(radius / np.sqrt(aspect))
    distance = (length(u / long, v / short) - 1) * np.float32(radius / aspect**0.25)
    distance += np.float32(0.22 * radius) * smooth_noise(rng, grid.size, max(0.7 * radius, 6.0))
    distance += np.float32(1.6) * smooth_noise(rng, grid.size, 5.0)

    soft = np.float32(rng.uniform(4.0, 11.0))
    within = np.clip(0.5 - lung / np.float32(grid.pixel), 0, 1)
    density = _soft_step(-distance / soft) * within
    share = rng.uniform(0.25, 1.0) if rng.random() < patient.consolidating else 0.0
    least, most = tissue.GROUND_GLASS_RISE
    ground_glass = float(np.clip(patient.rise * rng.lognormal(0, 0.25), least, most))
    texture = np.clip(1 + 0.16 * smooth_noise(rng, grid.size, 4.5), 0.5, 1.5)
    rise = np.float32(ground_glass) * density * texture
    if not share:
        return density, rise, np.zeros_like(density)
    core = distance + np.float32((1 - share) * 0.9 * radius) + np.float32(1.5) * smooth_noise(rng, grid.size, 6.0)
    return density, rise, _soft_step(-core / np.float32(4.0)) * within * np.float32(rng.uniform(0.75, 1.0))


def _draw_place(
    rng: np.random.Generator, grid: Grid, patient: Patient, lung: FloatImage, along: FloatImage | None
) -> tuple[float, float]:
    """Draw a lesion's centre, near the surface ``along`` if one is given.

    COVID-19 pneumonia prefers the periphery and the back of the lungs (Shi et al., Lancet Infect Dis 20:425-434, 2020).
    """
    weight = np.where(lung < -3, 1.0, 0.0) * (1.0 + 0.45 * np.clip(grid.y / patient.half_depth, -1, 1))
    if along is not None:
        weight = weight * np.exp(np.minimum(along, 0) / 8)
    cumulative = np.cumsum(weight.ravel(), dtype=np.float64)
    pixel = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    pixel = min(pixel, cumulative.size - 1)
    return float(grid.x.ravel()[pixel]), float(grid.y.ravel()[pixel])


def _soft_step(inside: NDArray[np.floating[Any]]) -> FloatImage:
    """Map a distance in units of the border's width to [0, 1], 0.5 on the border."""
    t = np.clip(0.5 + inside, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
