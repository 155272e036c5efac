"""The wall of the chest: skin, fat, muscle, ribs, breastbone, shoulder blades, vertebra, and the table beneath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import tissue
from .anatomy import Patient
from .fields import (
    FIELD_OF_VIEW_MM,
    FloatImage,
    Grid,
    Polar,
    capsule,
    ellipse,
    length,
    paint,
    smooth_noise,
    table_angles,
)

INTERCOSTAL_MM = 10.5
"""Thickness of the layer that holds ribs and intercostal muscles."""

_SKIN_MM = 2.0
_CORTEX_MM = 1.3
_BODY_LIMIT_MM = 170.0


@dataclass(frozen=True)
class Wall:
    """Signed distances to the inner and the outer surface of the chest wall, in mm."""

    thorax: FloatImage
    body: FloatImage


def measure_wall(patient: Patient, polar: Polar, thorax: NDArray[np.float64]) -> Wall:
    """Lay the surfaces of the wall around the thorax.

    Parameters
    ----------
    patient
        Gives the thickness of muscle and fat.
    polar
        The grid.
    thorax
        Inner radius of the rib cage over the polar angle.
    """
    body = thorax + INTERCOSTAL_MM + patient.muscle + patient.fat + _SKIN_MM
    limit = _BODY_LIMIT_MM - float(np.hypot(*patient.origin)) / 2
    kernel = np.exp(-0.5 * (np.arange(-24, 25) / 8.0) ** 2)
    body = np.convolve(np.pad(body, 24, mode="wrap"), kernel / kernel.sum(), mode="valid")
    # A soft minimum keeps large patients inside the field of view without a visible corner.
    body = np.maximum(-8 * np.logaddexp(-body / 8, -limit / 8), thorax + INTERCOSTAL_MM + 4)
    return Wall(_surface(polar, thorax), _surface(polar, body))


def _surface(polar: Polar, radius: NDArray[np.float64]) -> FloatImage:
    """Return the signed distance to a star-shaped surface: the radial distance times the cosine of its slope."""
    slope = np.gradient(np.concatenate([radius[-1:], radius, radius[:1]]))[1:-1] * radius.size / (2 * np.pi)
    cosine = 1 / np.sqrt(1 + (slope / radius) ** 2)
    return (polar.radius - polar.lookup(radius)) * polar.lookup(cosine)


def paint_table(image: FloatImage, grid: Grid, patient: Patient) -> None:
    """Paint the curved table under the back, fixed to the scanner and not to the patient."""
    if not patient.table:
        return
    axis = (np.arange(grid.size) - (grid.size - 1) / 2) * grid.pixel
    x, y = axis[None, :].astype(np.float32), axis[:, None].astype(np.float32)
    distance = length(x, y + np.float32(255)) - np.float32(255 + 138)
    shell = np.maximum(np.abs(distance) - np.float32(1.1), np.abs(x) - np.float32(FIELD_OF_VIEW_MM / 2 + 10))
    paint(image, shell, tissue.PATIENT_TABLE + 350, grid.pixel)
    paint(image, np.abs(distance - np.float32(9)) - np.float32(8), tissue.AIR + 60, grid.pixel)


def paint_wall(
    image: FloatImage,
    grid: Grid,
    polar: Polar,
    patient: Patient,
    wall: Wall,
    thorax: NDArray[np.float64],
    level: float,
    rng: np.random.Generator,
) -> None:
    """Paint everything between the skin and the rib cage, with the ribs, in place."""
    size, pixel = grid.size, grid.pixel
    paint(image, wall.body, tissue.SKIN, pixel)
    fat = tissue.FAT + 9 * smooth_noise(rng, size, 9.0)
    paint(image, wall.body + np.float32(_SKIN_MM), fat, pixel)

    ragged = wall.thorax + np.float32(1.2) * smooth_noise(rng, size, 12.0)
    depth = polar.lookup(patient.muscle + INTERCOSTAL_MM)
    muscle = tissue.MUSCLE + 9 * smooth_noise(rng, size, 6.0)
    streaks = np.clip(smooth_noise(rng, size, 7.0) - np.float32(1.4), 0, 0.8)
    paint(image, np.maximum(ragged - depth, wall.body + np.float32(_SKIN_MM)), muscle - 110 * streaks, pixel)
    # Fat between the layers of muscle, thinner than most pixels: it shows by its partial volume alone.
    fascia = np.abs(ragged - (np.float32(INTERCOSTAL_MM) + np.float32(0.5) * (depth - np.float32(INTERCOSTAL_MM))))
    paint(image, np.maximum(fascia - np.float32(0.5), np.float32(INTERCOSTAL_MM + 3) - depth), tissue.FAT, pixel)

    _paint_ribs(image, grid, polar, patient, wall, thorax, rng)
    if level < 0.62:
        _paint_shoulder_blades(image, grid, patient, thorax, level, rng)
    # Small vessels and lymph nodes make the fat of the mediastinum a little denser than that under the skin.
    paint(image, wall.thorax, tissue.FAT + 20 + 8 * smooth_noise(rng, size, 8.0), pixel)
    _paint_breastbone(image, grid, patient, thorax)
    _paint_vertebra(image, grid, patient, rng)


def _paint_bone(
    image: FloatImage, distance: FloatImage, patient: Patient, pixel: float, marrow: float | FloatImage
) -> None:
    """Paint a bone as a cortical shell around cancellous bone."""
    paint(image, distance, tissue.CORTICAL_BONE * patient.bone, pixel)
    paint(image, distance + np.float32(_CORTEX_MM), marrow, pixel)


def _paint_ribs(
    image: FloatImage,
    grid: Grid,
    polar: Polar,
    patient: Patient,
    wall: Wall,
    thorax: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Paint the ribs that the slice cuts: pieces of the oblique arches, in coordinates along and across the wall."""
    angles = table_angles()
    beyond_end = np.full(angles.size, 1e3)
    height = np.zeros(angles.size)
    count = 6
    for side in (-1, 1):
        for rib in range(count):
            # From the costal cartilage beside the breastbone to the neck of the rib beside the spine.
            share = (rib + 0.5 + 0.6 * (patient.rib_phase - 0.5) + rng.uniform(-0.15, 0.15)) / count
            centre = -np.pi / 2 + side * (0.32 + share * 2.45)
            half_length = rng.uniform(7, 15) * (1 + 0.5 * np.sin(np.pi * share))
            along = ((angles - centre + np.pi) % (2 * np.pi) - np.pi) * thorax
            excess = np.maximum(np.abs(along) - half_length, 0)
            nearest = excess < beyond_end
            beyond_end = np.where(nearest, excess, beyond_end)
            tilt = side * rng.uniform(0.02, 0.12)
            height = np.where(nearest, 5.2 + np.clip(tilt * along, -3, 3), height)
    thickness = np.float32(3.9)
    distance = length(polar.lookup(np.minimum(beyond_end, 40)), wall.thorax - polar.lookup(height)) - thickness
    marrow = tissue.CANCELLOUS_BONE * patient.bone * 0.8 + 40 * smooth_noise(rng, grid.size, 4.0)
    _paint_bone(image, distance, patient, grid.pixel, marrow)


def _paint_shoulder_blades(
    image: FloatImage, grid: Grid, patient: Patient, thorax: NDArray[np.float64], level: float, rng: np.random.Generator
) -> None:
    """Paint the thin oblique plates behind the ribs, shorter at lower levels."""
    angles = table_angles()
    for side in (-1, 1):
        direction = np.pi / 2 - side * rng.uniform(0.78, 0.92)
        radius = float(np.interp(direction, angles, thorax)) + INTERCOSTAL_MM + 6
        centre = (radius * np.cos(direction), radius * np.sin(direction))
        half = 24 * (1 - level) + 4
        tangent = direction + np.pi / 2 + side * 0.12
        step = (half * np.cos(tangent), half * np.sin(tangent))
        start, end = (centre[0] - step[0], centre[1] - step[1]), (centre[0] + step[0], centre[1] + step[1])
        _paint_bone(image, capsule(grid, start, end, 2.6), patient, grid.pixel, tissue.CANCELLOUS_BONE * patient.bone)


def _paint_breastbone(image: FloatImage, grid: Grid, patient: Patient, thorax: NDArray[np.float64]) -> None:
    front = -float(np.interp(-np.pi / 2, table_angles(), thorax)) - 5.5
    for side in (-1, 1):
        cartilage = capsule(grid, (side * 15, front + 1), (side * 30, front + 5), 4.0)
        paint(image, cartilage, tissue.CARTILAGE, grid.pixel)
    _paint_bone(
        image,
        ellipse(grid, (0.0, front), (16.0, 5.5)),
        patient,
        grid.pixel,
        0.6 * tissue.CANCELLOUS_BONE * patient.bone,
    )


def vertebra_centre(patient: Patient) -> tuple[float, float]:
    """Return the middle of the vertebral body in the patient's axes, in mm."""
    return (0.0, 0.64 * patient.half_depth)


def _paint_vertebra(image: FloatImage, grid: Grid, patient: Patient, rng: np.random.Generator) -> None:
    """Paint body, arch, canal and processes of one thoracic vertebra."""
    scale = patient.spine
    _, middle = vertebra_centre(patient)
    marrow = tissue.CANCELLOUS_BONE * patient.bone * 0.75 + 45 * smooth_noise(rng, grid.size, 3.0)
    canal = middle + 23 * scale
    arch = ellipse(grid, (0.0, canal), (13.0 * scale, 12.0 * scale))
    spinous = capsule(grid, (0.0, canal + 9 * scale), (rng.uniform(-2, 2), canal + 27 * scale), 3.4 * scale)
    bone = np.minimum(arch, spinous)
    for side in (-1, 1):
        tip = (side * rng.uniform(27, 33) * scale, canal + rng.uniform(4, 9) * scale)
        transverse = capsule(grid, (side * 10 * scale, canal - 2), tip, 4.2 * scale)
        bone = np.minimum(bone, transverse)
    paint(image, bone - np.float32(5), tissue.MUSCLE, grid.pixel)
    _paint_bone(image, bone, patient, grid.pixel, marrow)
    body = ellipse(grid, (0.0, middle), (17.0 * scale, 14.0 * scale))
    paint(image, body - np.float32(3), tissue.MUSCLE - 15, grid.pixel)
    _paint_bone(image, body, patient, grid.pixel, marrow)
    paint(image, ellipse(grid, (0.0, canal), (8.0 * scale, 7.5 * scale)), tissue.SPINAL_CORD, grid.pixel)
