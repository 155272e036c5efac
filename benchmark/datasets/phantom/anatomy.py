"""What differs between patients, and between the levels of one patient."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .fields import angular_bump, table_angles

FloatTable = NDArray[np.float64]

SLICES = 3
"""Axial levels shown of every patient, from the aortic arch down to the heart."""

_LEVEL_CENTRES = (0.12, 0.47, 0.82)

MEDIAL_HEIGHTS = np.array([-1.3, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.65, 0.85, 1.0, 1.3])
"""Heights (front -1, back +1, in half depths of the chest) at which the medial lung borders are given."""

_MEDIAL_RIGHT = {
    0.0: (9, 10, 16, 25, 30, 30, 26, 23, 23, 27, 32, 34),
    0.45: (5, 6, 10, 24, 34, 35, 29, 23, 22, 26, 32, 34),
    1.0: (12, 14, 28, 38, 40, 36, 28, 22, 21, 25, 31, 34),
}
_MEDIAL_LEFT = {
    0.0: (9, 10, 18, 30, 36, 37, 37, 36, 32, 30, 33, 34),
    0.45: (5, 6, 14, 30, 38, 37, 36, 38, 35, 31, 33, 34),
    1.0: (24, 30, 54, 68, 70, 60, 44, 38, 35, 31, 32, 34),
}


@dataclass(frozen=True)
class Patient:
    """One body. Lengths in mm, angles in radians, densities in HU.

    Parameters
    ----------
    half_width, half_depth, squareness
        The bony thorax as a superellipse.
    outline
        Relative deviation of the thorax from that superellipse, over the polar angle.
    fat, muscle
        Thickness of subcutaneous fat and of the muscle outside the ribs, over the polar angle.
    origin, rotation
        How the patient lies on the table.
    heart, aorta, spine, bone
        Scale of the heart, radius of the aorta, scale of the vertebrae, relative bone density.
    mediastinum
        Relative width of the mediastinum.
    rib_phase
        Angle by which the ribs are shifted along the chest wall.
    lung, gravity, mosaic, dependent
        Density of the parenchyma in the front, its rise towards the back, the strength of patchy aeration, and the
        rise of dependent density in the last millimetres above the posterior pleura, for the right and left lung.
    noise
        Standard deviation of the scanner's noise in a uniform region.
    table
        Whether the patient table is in the field of view.
    infected, burden, rise, consolidating, left_share
        Whether the patient is ill; mean number of further lesions a slice; the typical rise of ground-glass opacity;
        the share of lesions that consolidate; the share of lesions in the left lung.
    """

    half_width: float
    half_depth: float
    squareness: float
    outline: FloatTable = field(repr=False)
    fat: FloatTable = field(repr=False)
    muscle: FloatTable = field(repr=False)
    origin: tuple[float, float]
    rotation: float
    heart: float
    aorta: float
    spine: float
    bone: float
    mediastinum: float
    rib_phase: float
    lung: float
    gravity: float
    mosaic: float
    dependent: tuple[float, float]
    noise: float
    table: bool
    infected: bool
    burden: float
    rise: float
    consolidating: float
    left_share: float


def draw_patient(rng: np.random.Generator) -> Patient:
    """Draw a body and its disease."""
    angles = table_angles()
    front, back = -np.pi / 2, np.pi / 2
    outline = _ripple(rng, angles, 0.012)
    for side in (-1, 1):
        outline += 0.03 * angular_bump(angles, back + side * 0.6, 0.32)
    outline -= rng.uniform(0.0, 0.035) * angular_bump(angles, front, 0.35)

    muscularity = rng.uniform(0.7, 1.35)
    muscle = 6.0 + 0 * angles
    for side in (-1, 1):
        muscle += 10 * angular_bump(angles, front + side * 0.75, 0.32)
        muscle += 8 * angular_bump(angles, back + side * 1.05, 0.3)
        muscle += 15 * angular_bump(angles, back + side * 0.3, 0.2)
    muscle = muscularity * muscle - 5 * angular_bump(angles, front, 0.15)

    thickness = rng.gamma(4.0, 2.6)
    fat = thickness * (1 + rng.uniform(0.0, 0.5) * np.abs(np.sin(angles)) + _ripple(rng, angles, 0.12)) + 2.5
    fat = fat * (1 - 0.3 * angular_bump(angles, back, 0.2)) * (1 - 0.25 * angular_bump(angles, front, 0.3))

    dependent = rng.uniform(40, 190) if rng.random() < 0.65 else 0.0
    return Patient(
        half_width=rng.uniform(122, 140),
        half_depth=rng.uniform(78, 95),
        squareness=rng.uniform(2.2, 2.7),
        outline=outline,
        fat=fat,
        muscle=muscle,
        origin=(rng.uniform(-5, 5), rng.uniform(-14, -6)),
        rotation=float(np.deg2rad(rng.normal(0, 2.0))),
        heart=rng.uniform(0.85, 1.2),
        aorta=rng.uniform(10.5, 15),
        spine=rng.uniform(0.9, 1.12),
        bone=rng.uniform(0.7, 1.1),
        mediastinum=rng.uniform(0.9, 1.12),
        rib_phase=rng.uniform(0, 1),
        lung=rng.uniform(-885, -835),
        gravity=rng.uniform(15, 75),
        mosaic=rng.uniform(8, 24),
        dependent=(dependent * rng.uniform(0.4, 1), dependent * rng.uniform(0.4, 1)),
        noise=rng.uniform(10, 20),
        table=bool(rng.random() < 0.8),
        infected=bool(rng.random() > 0.05),
        burden=rng.gamma(2.0, 0.85),
        rise=rng.uniform(100, 240),
        consolidating=rng.beta(1.0, 4.0),
        left_share=rng.uniform(0.2, 0.8),
    )


def draw_level(rng: np.random.Generator, number: int) -> float:
    """Draw the height of a patient's slice: 0 at the aortic arch, 1 at the heart's greatest width."""
    return float(_LEVEL_CENTRES[number] + rng.uniform(-0.11, 0.11))


def thorax_radius(patient: Patient, level: float) -> FloatTable:
    """Return the inner radius of the rib cage over the polar angle, in mm; the chest narrows towards its top."""
    angles = table_angles()
    width = patient.half_width * (0.86 + 0.14 * np.sin(np.pi / 2 * min(1.0, level / 0.6)))
    depth = patient.half_depth * (0.9 + 0.1 * np.sin(np.pi / 2 * min(1.0, level / 0.7)))
    power = patient.squareness
    superellipse = (np.abs(np.cos(angles) / width) ** power + np.abs(np.sin(angles) / depth) ** power) ** (-1 / power)
    return np.asarray(superellipse * (1 + patient.outline))


def medial_borders(
    patient: Patient, level: float, rng: np.random.Generator
) -> tuple[FloatTable, FloatTable, FloatTable]:
    """Return heights in mm and, for each, how far the right and the left lung keep from the midline, in mm."""
    heights = np.arange(-130.0, 131.0)
    borders = []
    for by_level in (_MEDIAL_RIGHT, _MEDIAL_LEFT):
        levels = sorted(by_level)
        at_level = np.array(
            [np.interp(level, levels, column) for column in zip(*(by_level[v] for v in levels), strict=True)]
        )
        heart_share = np.clip((level - 0.45) / 0.55, 0, 1) * (patient.heart - 1)
        at_level = at_level * (patient.mediastinum * rng.uniform(0.95, 1.05, at_level.size)) * (1 + heart_share)
        at_level[MEDIAL_HEIGHTS >= 0.5] = np.maximum(at_level[MEDIAL_HEIGHTS >= 0.5], 21 * patient.spine)
        line = np.interp(heights / patient.half_depth, MEDIAL_HEIGHTS, at_level)
        kernel = np.exp(-0.5 * (np.arange(-15, 16) / 5.0) ** 2)
        borders.append(np.convolve(np.pad(line, 15, mode="edge"), kernel / kernel.sum(), mode="valid"))
    return heights, borders[0], borders[1]


def _ripple(rng: np.random.Generator, angles: FloatTable, strength: float) -> FloatTable:
    """Draw a smooth periodic function of small relative size from Fourier orders 2 to 6."""
    orders = np.arange(2, 7)
    amplitude = rng.normal(0, strength, orders.size) / np.sqrt(orders)
    phase = rng.uniform(0, 2 * np.pi, orders.size)
    return np.asarray((amplitude[:, None] * np.cos(orders[:, None] * angles[None, :] + phase[:, None])).sum(axis=0))
