"""Signed distances, partial-volume painting and band-limited noise on a square pixel grid.

All lengths are millimetres. A signed distance is negative inside a shape. Painting covers each pixel by the share of
it that the shape fills, so that edges carry the partial-volume effect of a scanner instead of staircases.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
FIELD_OF_VIEW_MM = 340.0
"""Side of every phantom image: a usual reconstruction diameter for an adult chest."""

ANGLES = 512
"""Entries of a table over the polar angle; 1.5 mm of arc at the body surface."""


@dataclass(frozen=True)
class Grid:
    """Pixel centres in the patient's own axes: x to the patient's left, y to the back.

    Parameters
    ----------
    x, y
        float32 of shape (size, size), in mm from the centre of the chest.
    pixel
        Side of a pixel in mm.
    origin
        Centre of the chest in image coordinates, (x, y) in mm from the image's centre.
    rotation
        Turn of the patient on the table, in radians.
    """

    x: FloatImage
    y: FloatImage
    pixel: float
    origin: tuple[float, float]
    rotation: float

    @property
    def size(self) -> int:
        """Side of the image in pixels."""
        return int(self.x.shape[0])

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (column, row) of points (..., 2) given in the patient's axes; whole numbers are pixel centres."""
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        x = cos * points[..., 0] - sin * points[..., 1] + self.origin[0]
        y = sin * points[..., 0] + cos * points[..., 1] + self.origin[1]
        return np.stack([x, y], axis=-1) / self.pixel + (self.size - 1) / 2

    def sample(self, image: FloatImage, points: NDArray[np.float64]) -> FloatImage:
        """Read an image at the pixels nearest to points (..., 2)."""
        column_row = np.clip(np.rint(self.to_pixels(points)).astype(np.intp), 0, self.size - 1)
        return image[column_row[..., 1], column_row[..., 0]]


def make_grid(size: int, origin: tuple[float, float], rotation: float) -> Grid:
    """Lay the patient's axes over an image of ``size`` pixels a side."""
    pixel = FIELD_OF_VIEW_MM / size
    axis = ((np.arange(size) - (size - 1) / 2) * pixel).astype(np.float32)
    u, v = axis[None, :] - np.float32(origin[0]), axis[:, None] - np.float32(origin[1])
    cos, sin = np.float32(np.cos(rotation)), np.float32(np.sin(rotation))
    return Grid(cos * u + sin * v, cos * v - sin * u, pixel, origin, rotation)


@dataclass(frozen=True)
class Polar:
    """Polar coordinates of a grid, prepared for reading tables over the angle."""

    radius: FloatImage
    index: NDArray[np.int32]
    fraction: FloatImage

    def lookup(self, table: NDArray[np.float64]) -> FloatImage:
        """Interpolate a periodic table of ``ANGLES`` entries, the first at angle -pi, at every pixel."""
        padded = np.append(table, table[0]).astype(np.float32)
        return padded[self.index] + np.diff(padded)[self.index] * self.fraction


def make_polar(grid: Grid) -> Polar:
    """Compute radius and angle of every pixel about the centre of the chest."""
    turn = (np.arctan2(grid.y, grid.x) + np.float32(np.pi)) * np.float32(ANGLES / (2 * np.pi))
    index = np.clip(turn.astype(np.int32), 0, ANGLES - 1)
    return Polar(length(grid.x, grid.y), index, turn - index)


def table_angles() -> NDArray[np.float64]:
    """Angles of a polar table's entries, in radians; -pi/2 is the front of the chest, 0 the patient's left."""
    return np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)


def angular_bump(angles: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    """Return a Gaussian bump of height 1 on the circle; centre and width in radians."""
    away = (angles - centre + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(np.exp(-0.5 * (away / width) ** 2))


def length(u: NDArray[np.floating[Any]], v: NDArray[np.floating[Any]]) -> FloatImage:
    """Return the Euclidean length of (u, v); faster than ``numpy.hypot``, which guards against overflow."""
    return np.asarray(np.sqrt(u * u + v * v), dtype=np.float32)


def paint(image: FloatImage, distance: FloatImage, value: float | FloatImage, pixel: float) -> None:
    """Fill the inside of a signed distance with a value, in place, weighted by pixel coverage."""
    cover = np.minimum(np.maximum(0.5 - distance / np.float32(pixel), 0), 1)
    image += (value - image) * cover


def ellipse(grid: Grid, centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0) -> FloatImage:
    """Return the approximate signed distance of an ellipse, exact for a circle and on the border."""
    u, v = grid.x - np.float32(centre[0]), grid.y - np.float32(centre[1])
    if angle:
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        u, v = cos * u + sin * v, cos * v - sin * u
    if radii[0] == radii[1]:
        return length(u, v) - np.float32(radii[0])
    scaled = length(u / np.float32(radii[0]), v / np.float32(radii[1]))
    gradient = length(u / np.float32(radii[0] ** 2), v / np.float32(radii[1] ** 2))
    return np.asarray((scaled - 1) * scaled / np.maximum(gradient, np.float32(1e-6)), dtype=np.float32)


def capsule(grid: Grid, start: tuple[float, float], end: tuple[float, float], radius: float) -> FloatImage:
    """Return the signed distance of a line segment thickened by ``radius``."""
    along_x, along_y = np.float32(end[0] - start[0]), np.float32(end[1] - start[1])
    squared = max(along_x * along_x + along_y * along_y, np.float32(1e-6))
    u, v = grid.x - np.float32(start[0]), grid.y - np.float32(start[1])
    share = np.clip((u * along_x + v * along_y) / squared, 0, 1)
    return length(u - share * along_x, v - share * along_y) - np.float32(radius)


def smooth_max(a: FloatImage, b: FloatImage, blend: float) -> FloatImage:
    """Intersect two signed distances with a corner rounded over ``blend`` mm."""
    overlap = np.maximum(np.float32(blend) - np.abs(a - b), 0)
    return np.asarray(np.maximum(a, b) + overlap * overlap / np.float32(4 * blend))


@lru_cache(maxsize=64)
def _spline_taps(size: int, scale: float) -> tuple[NDArray[np.intp], FloatImage]:
    """Return the first of four knots ``scale`` mm apart for every pixel, and the cubic B-spline weights (size, 4).

    The weights of a pixel have a unit sum of squares, so that white knots give unit variance everywhere.
    """
    position = (np.arange(size) + 0.5) * FIELD_OF_VIEW_MM / size / scale
    first = np.floor(position).astype(np.intp)
    away = np.abs((position - first)[:, None] - np.arange(-1, 3)[None, :])
    weights = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.clip(2 - away, 0, None) ** 3 / 6)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    return first, weights.astype(np.float32)


def smooth_noise(rng: np.random.Generator, size: int, scale: float) -> FloatImage:
    """Draw a field of zero mean and unit variance whose features are about ``scale`` mm wide, on any grid alike."""
    first, weights = _spline_taps(size, scale)
    count = int(first[-1]) + 4
    knots = rng.standard_normal((count, count), dtype=np.float32)
    # Four taps a direction instead of a matrix product: no BLAS threads, hence the same bits on any number of cores.
    tall = sum(weights[:, tap, None] * knots[first + tap] for tap in range(4))
    across = np.ascontiguousarray(np.asarray(tall).T)
    field = sum(weights[:, tap, None] * across[first + tap] for tap in range(4))
    return np.ascontiguousarray(np.asarray(field, dtype=np.float32).T)
