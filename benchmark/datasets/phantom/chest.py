"""Inside the rib cage: the shapes of the lungs, heart and great vessels, oesophagus, windpipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import tissue
from .anatomy import Patient, medial_borders
from .fields import FloatImage, Grid, capsule, ellipse, paint, smooth_max, smooth_noise
from .torso import Wall, vertebra_centre

_PLEURA_MM = 1.2
_CORNER_MM = 16.0


@dataclass(frozen=True)
class Lungs:
    """Signed distances in mm to the two lungs and to their union; ``right`` lies on the viewer's left."""

    right: FloatImage
    left: FloatImage
    either: FloatImage


def measure_lungs(patient: Patient, grid: Grid, wall: Wall, level: float, rng: np.random.Generator) -> Lungs:
    """Carve the lungs out of the thorax along the borders of the mediastinum."""
    heights, right, left = medial_borders(patient, level, rng)
    y = grid.y
    index = np.clip(y - np.float32(heights[0]), 0, heights.size - 1.001)
    whole = index.astype(np.int32)
    part = index - whole

    def distance(border: NDArray[np.float64], outward: float) -> FloatImage:
        slope = np.gradient(border)
        cosine = (1 / np.sqrt(1 + slope**2)).astype(np.float32)
        line = border.astype(np.float32)
        at_height = line[whole] * (1 - part) + line[np.minimum(whole + 1, line.size - 1)] * part
        return np.asarray((at_height - np.float32(outward) * grid.x) * cosine[whole])

    inside = wall.thorax + np.float32(_PLEURA_MM)
    right_lung = smooth_max(inside, distance(right, -1.0), _CORNER_MM)
    left_lung = smooth_max(inside, distance(left, 1.0), _CORNER_MM)
    return Lungs(right_lung, left_lung, np.minimum(right_lung, left_lung))


def paint_mediastinum(
    image: FloatImage, grid: Grid, patient: Patient, lungs: Lungs, level: float, rng: np.random.Generator
) -> None:
    """Paint the organs between the lungs, in place. Nothing here reaches into a lung: it is painted later."""
    pixel, depth = grid.pixel, patient.half_depth
    blood = tissue.BLOOD + 5 * smooth_noise(rng, grid.size, 6.0)
    spine_x, spine_y = vertebra_centre(patient)
    radius = patient.aorta
    descending = (spine_x + 14 + radius * 0.75, spine_y - 8 - 0.35 * radius)

    if level < 0.25:
        arch = capsule(grid, (-8.0, -0.32 * depth), (descending[0] - 2, descending[1] - 6), 0.9 * radius)
        paint(image, arch, blood, pixel)
        paint(image, ellipse(grid, (-22.0, -0.3 * depth), (8.0, 9.0)), blood, pixel)
    elif level < 0.68:
        paint(image, ellipse(grid, (-12.0, -0.36 * depth), (1.15 * radius, 1.1 * radius)), blood, pixel)
        paint(image, ellipse(grid, (-28.0, -0.18 * depth), (7.5, 9.0)), blood, pixel)
        trunk = capsule(grid, (14.0, -0.42 * depth), (24.0, -0.1 * depth), 1.0 * radius)
        cross = capsule(grid, (16.0, -0.18 * depth), (-24.0, 0.06 * depth), 0.68 * radius)
        paint(image, np.minimum(trunk, cross), blood, pixel)
    if level > 0.55:
        growth = np.clip((level - 0.5) / 0.4, 0.35, 1.0) * patient.heart
        heart = ellipse(grid, (16.0, -0.3 * depth), (60.0 * growth + 10, 48.0 * growth + 8), angle=0.35)
        epicardial_fat = 2.0 + 1.5 * smooth_noise(rng, grid.size, 14.0)
        heart = smooth_max(heart, epicardial_fat - lungs.either, 8.0)
        paint(image, heart, tissue.MYOCARDIUM + 6 * smooth_noise(rng, grid.size, 10.0), pixel)
    paint(image, ellipse(grid, descending, (radius, radius)), blood, pixel)
    paint(image, ellipse(grid, (4.0, spine_y - 22 * patient.spine), (8.0, 5.5)), tissue.OESOPHAGUS, pixel)


def paint_central_airways(
    image: FloatImage, grid: Grid, patient: Patient, level: float, rng: np.random.Generator
) -> None:
    """Paint the windpipe above its division, and the main bronchi below it, each with its wall."""
    depth = patient.half_depth
    middle = 0.1 * depth + rng.uniform(-2, 2)
    if level < 0.3:
        _paint_tube(image, grid, (-2 + rng.uniform(-2, 2), middle), (8.0, 9.0 + rng.uniform(-1, 1)), 1.6)
    elif level < 0.66:
        spread = 12 + 34 * (level - 0.3)
        for side in (-1, 1):
            centre = (side * spread - 1, middle + 2 + 6 * (level - 0.3))
            _paint_tube(image, grid, centre, (7.5, 5.6), 1.4, angle=side * 0.5)


def _paint_tube(
    image: FloatImage,
    grid: Grid,
    centre: tuple[float, float],
    radii: tuple[float, float],
    wall: float,
    angle: float = 0.0,
) -> None:
    distance = ellipse(grid, centre, radii, angle)
    paint(image, distance - np.float32(wall), tissue.MUSCLE - 20, grid.pixel)
    paint(image, distance, tissue.AIR + 10, grid.pixel)
