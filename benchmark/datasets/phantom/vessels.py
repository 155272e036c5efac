"""Pulmonary vessels and bronchi: branching trees from the hilum and vessels that cross the slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fields import FloatImage, Grid, length

FloatArray = NDArray[np.float64]

_MURRAY = 2 ** (-1 / 3)
"""Radius of a daughter relative to its parent where a vessel forks evenly (C. D. Murray, PNAS 12:207-214, 1926)."""

_THINNEST_MM = 0.35
_GENERATIONS = 8


@dataclass(frozen=True)
class Segments:
    """Straight pieces of vessels.

    Parameters
    ----------
    start, end
        Float arrays (N, 2) in the patient's axes, in mm.
    start_radius, end_radius
        Float arrays (N,) in mm.
    density
        Float array (N,) in (0, 1]: the share of the slice's thickness that the vessel fills.
    """

    start: FloatArray
    end: FloatArray
    start_radius: FloatArray
    end_radius: FloatArray
    density: FloatArray


def join(parts: list[Segments]) -> Segments:
    """Concatenate several sets of segments."""
    names = ("start", "end", "start_radius", "end_radius", "density")
    return Segments(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def grow_tree(
    rng: np.random.Generator, grid: Grid, lung: FloatImage, hilum: tuple[float, float], side: int
) -> Segments:
    """Grow arteries and veins of one lung from its hilum outwards.

    Parameters
    ----------
    rng
        Source of randomness.
    grid
        The grid of ``lung``.
    lung
        Signed distance to the lung, negative inside; twigs end where they come near the pleura.
    hilum
        Where the trunks enter, in mm.
    side
        -1 for the lung at negative x (the right one), +1 for the other.
    """
    trunks = int(rng.integers(3, 6))
    outward = 0.0 if side > 0 else np.pi
    heading = outward + np.linspace(-1.25, 1.25, trunks) + rng.uniform(-0.2, 0.2, trunks)
    tip = np.array(hilum) + rng.uniform(-5, 5, (trunks, 2)) + 4.0 * np.stack([np.zeros(trunks), np.sin(heading)], -1)
    radius = rng.uniform(1.8, 4.2, trunks)
    density = rng.uniform(0.75, 1.0, trunks)
    grown: list[Segments] = []
    for generation in range(_GENERATIONS):
        reach = rng.uniform(10, 19, (tip.shape[0], 1)) * 0.87**generation
        for _ in range(2):
            heading = heading + rng.normal(0, 0.14, heading.size)
            step = 0.5 * reach * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
            thinner = radius * 0.93
            grown.append(Segments(tip, tip + step, radius, thinner, density))
            tip, radius = tip + step, thinner
        if generation:
            # Vessels leave the plane of the slice, and none reaches the pleura.
            stays = (rng.random(tip.shape[0]) < 0.7) & (grid.sample(lung, tip) < -7)
        else:
            stays = np.ones(tip.shape[0], dtype=bool)
        tip, heading, radius, density = tip[stays], heading[stays], radius[stays], density[stays]
        fork = rng.uniform(0.15, 0.6, tip.shape[0])
        tip, density = np.repeat(tip, 2, axis=0), np.repeat(density, 2)
        heading = np.stack([heading - fork, heading + fork], axis=-1).ravel()
        radius = np.repeat(radius, 2) * _MURRAY * rng.uniform(0.85, 1.08, density.size)
        density = density * rng.uniform(0.72, 1.0, density.size)
        thick = radius > _THINNEST_MM
        tip, heading, radius, density = tip[thick], heading[thick], radius[thick], density[thick]
        if not tip.size:
            break
    return join(grown)


def crossing_vessels(
    rng: np.random.Generator, points: FloatArray, hila: FloatArray, radius: tuple[float, float] = (0.35, 1.05)
) -> Segments:
    """Make vessels that cross the slice: dots and short dashes, thicker near the hilum.

    Parameters
    ----------
    rng
        Source of randomness.
    points
        Float array (N, 2): where they lie, in mm.
    hila
        Float array (M, 2): the hila.
    radius
        Range of their radius far from the hila, in mm.
    """
    count = points.shape[0]
    from_hilum = np.min(np.linalg.norm(points[:, None, :] - hila[None, :, :], axis=-1), axis=1)
    thickness = rng.uniform(radius[0], radius[1], count) * (1 + 0.9 * np.exp(-from_hilum / 25))
    density = np.asarray(rng.uniform(0.35, 1.0, count))
    heading = rng.uniform(0, 2 * np.pi, count)
    reach = rng.exponential(1.4, (count, 1))
    step = 0.5 * reach * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return Segments(points - step, points + step, thickness, thickness * 0.9, density)


def draw_segments(grid: Grid, segments: Segments) -> FloatImage:
    """Return how much of each pixel the vessels fill, float32 in [0, 1].

    Every segment is a tapered capsule, drawn in a patch just large enough for it. Segments of like size are drawn
    together.
    """
    cover = np.zeros((grid.size, grid.size), dtype=np.float32)
    start, end = grid.to_pixels(segments.start), grid.to_pixels(segments.end)
    start_radius, end_radius = segments.start_radius / grid.pixel, segments.end_radius / grid.pixel
    extent = np.abs(end - start).max(axis=1) + 2 * np.maximum(start_radius, end_radius) + 3
    previous = 0
    for side in (5, 8, 12, 18, 28, 48, 96):
        chosen = np.flatnonzero((np.ceil(extent) > previous) & (np.ceil(extent) <= side))
        previous = side
        if not chosen.size:
            continue
        corner = np.rint((start[chosen] + end[chosen]) / 2 - (side - 1) / 2).astype(np.intp)
        offset = np.arange(side)
        columns, rows = corner[:, 0, None] + offset, corner[:, 1, None] + offset
        u = (columns - start[chosen, 0, None]).astype(np.float32)[:, None, :]
        v = (rows - start[chosen, 1, None]).astype(np.float32)[:, :, None]
        along = (end[chosen] - start[chosen]).astype(np.float32)
        squared = np.maximum((along**2).sum(axis=1), np.float32(1e-6))[:, None, None]
        along_x, along_y = along[:, 0, None, None], along[:, 1, None, None]
        share = np.clip((u * along_x + v * along_y) / squared, 0, 1)
        first, last = start_radius[chosen].astype(np.float32), end_radius[chosen].astype(np.float32)
        thickness = first[:, None, None] + share * (last - first)[:, None, None]
        distance = length(u - share * along_x, v - share * along_y)
        # A vessel thinner than a pixel fills at most its own width.
        filled = np.clip(0.5 + thickness - distance, 0, np.minimum(1, 2 * thickness))
        filled *= segments.density[chosen].astype(np.float32)[:, None, None]
        inside = (columns >= 0) & (columns < grid.size)
        inside = inside[:, None, :] & ((rows >= 0) & (rows < grid.size))[:, :, None]
        flat = np.clip(rows, 0, grid.size - 1)[:, :, None] * grid.size + np.clip(columns, 0, grid.size - 1)[:, None, :]
        np.maximum.at(cover.reshape(-1), flat[inside], filled[inside])
    return cover
