"""One axial slice: anatomy, mimics and infection composed to Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from . import mimics, tissue
from .anatomy import Patient, thorax_radius
from .chest import Lungs, measure_lungs, paint_central_airways, paint_mediastinum
from .fields import FloatImage, Grid, make_grid, make_polar, paint, smooth_noise
from .lesions import draw_infection
from .torso import measure_wall, paint_table, paint_wall
from .vessels import crossing_vessels, draw_segments, grow_tree, join

HU_RANGE = (-1024.0, 1500.0)
"""What a pixel of a phantom image can hold, in HU."""

_HEALTHY_SLICE = 0.06
"""Share of an infected patient's slices that show no infection."""


@dataclass(frozen=True)
class Slice:
    """A made slice.

    Parameters
    ----------
    hu
        int16 (H, W) in HU.
    mask
        bool (H, W): infected areas.
    lungs
        uint8 (H, W): 1 in the patient's right lung (on the viewer's left), 2 in the left one, 0 elsewhere.
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    lungs: NDArray[np.uint8]


def make_slice(patient: Patient, level: float, size: int, rng: np.random.Generator) -> Slice:
    """Make one slice.

    Parameters
    ----------
    patient
        Whose body it shows.
    level
        Height of the slice, 0 (aortic arch) to 1 (heart).
    size
        Side of the image in pixels.
    rng
        Source of everything that differs between slices of a patient.
    """
    grid = make_grid(size, patient.origin, patient.rotation)
    polar = make_polar(grid)
    thorax = thorax_radius(patient, level)
    wall = measure_wall(patient, polar, thorax)
    lungs = measure_lungs(patient, grid, wall, level, rng)

    image = np.full((size, size), tissue.AIR, dtype=np.float32)
    paint_table(image, grid, patient)
    paint_wall(image, grid, polar, patient, wall, thorax, level, rng)
    paint_mediastinum(image, grid, patient, lungs, level, rng)

    places = _Places(rng, grid, lungs)
    vessels = _draw_vessels(rng, grid, patient, lungs, places)
    parenchyma = _draw_parenchyma(rng, grid, patient, lungs, level, places)
    healthy = not patient.infected or rng.random() < _HEALTHY_SLICE
    infection = draw_infection(rng, grid, patient, wall, lungs, healthy)

    lung = parenchyma + (tissue.BLOOD - parenchyma) * vessels
    paint(image, lungs.either, lung, grid.pixel)
    paint_central_airways(image, grid, patient, level, rng)
    mimics.breathing_blur(rng, grid, patient, image, lungs, level)
    # Ground glass raises what holds air, not what already is tissue; consolidation hides both.
    air_share = np.clip((tissue.BLOOD - image) / np.float32(tissue.BLOOD - tissue.LUNG), 0, 1)
    image += infection.rise * air_share
    solid = tissue.CONSOLIDATION + 22 * smooth_noise(rng, size, 4.0)
    image += (np.maximum(solid, image) - image) * infection.opacity
    return Slice(_scan(image, patient, rng), infection.mask, _label_lungs(lungs))


def _label_lungs(lungs: Lungs) -> NDArray[np.uint8]:
    labels = np.zeros(lungs.either.shape, dtype=np.uint8)
    labels[lungs.right < 0] = 1
    labels[lungs.left < 0] = 2
    return labels


class _Places:
    """Draws points inside the lungs, evenly over their area."""

    def __init__(self, rng: np.random.Generator, grid: Grid, lungs: Lungs) -> None:
        self._rng = rng
        self._grid = grid
        self._inside = np.flatnonzero(lungs.either < -4)

    def draw(self, count: int) -> NDArray[np.float64]:
        """Return ``count`` points (count, 2) in mm."""
        chosen = self._inside[(self._rng.random(count) * self._inside.size).astype(np.intp)]
        jitter = self._rng.uniform(-0.5, 0.5, (count, 2)) * self._grid.pixel
        return np.stack([self._grid.x.ravel()[chosen], self._grid.y.ravel()[chosen]], axis=-1) + jitter


def _draw_vessels(rng: np.random.Generator, grid: Grid, patient: Patient, lungs: Lungs, places: _Places) -> FloatImage:
    hilar_height = rng.uniform(-0.05, 0.22) * patient.half_depth
    hila, parts = [], []
    for side, lung in ((-1, lungs.right), (1, lungs.left)):
        row = np.argmin(np.abs(grid.y - hilar_height) + 1e3 * (lung > 0) + 0.3 * np.abs(grid.x))
        hilum = (float(grid.x.ravel()[row]) - 3.0 * side, float(grid.y.ravel()[row]))
        hila.append(hilum)
        parts.append(grow_tree(rng, grid, lung, hilum, side))
    centres = np.array(hila)
    parts.append(crossing_vessels(rng, places.draw(int(rng.integers(120, 190))), centres))
    for centre in places.draw(int(rng.integers(0, 4))):
        cluster = centre + rng.normal(0, 6.0, (int(rng.integers(6, 14)), 2))
        parts.append(crossing_vessels(rng, cluster, centres, radius=(0.5, 1.1)))
    return draw_segments(grid, join(parts))


def _draw_parenchyma(
    rng: np.random.Generator, grid: Grid, patient: Patient, lungs: Lungs, level: float, places: _Places
) -> FloatImage:
    size = grid.size
    back = np.clip(0.5 + grid.y / np.float32(2 * patient.half_depth), 0, 1)
    parenchyma = np.float32(patient.lung) + np.float32(patient.gravity) * back
    parenchyma += np.float32(patient.mosaic) * smooth_noise(rng, size, 22.0) + 13 * smooth_noise(rng, size, 3.2)
    parenchyma += mimics.dependent_density(rng, grid, patient, lungs)
    parenchyma += mimics.hazy_patches(rng, grid, places.draw(int(rng.poisson(1.3))))
    lines = mimics.fissures(rng, grid, patient, level)
    lines = np.maximum(lines, mimics.atelectatic_bands(rng, grid, places.draw(int(rng.poisson(0.15 + 0.5 * level)))))
    return np.asarray(parenchyma + lines, dtype=np.float32)


def _scan(image: FloatImage, patient: Patient, rng: np.random.Generator) -> NDArray[np.int16]:
    """Give the slice the sharpness and the correlated noise of a clean, full-dose scan, and quantise it to 1 HU."""
    sharp = ndimage.gaussian_filter(image, 0.4)
    grain = ndimage.gaussian_filter(rng.standard_normal(image.shape, dtype=np.float32), 0.6)
    # Smoothing with this kernel leaves 1 / (2 sqrt(pi) 0.6) of a white field's standard deviation.
    sharp += np.float32(patient.noise * 2 * np.sqrt(np.pi) * 0.6) * grain
    return np.asarray(np.rint(np.clip(sharp, *HU_RANGE)), dtype=np.int16)
