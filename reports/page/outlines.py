"""Outlines of masks as short paths that a browser draws over an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRID = 512
"""Units along the longer side of an image in which outlines are written: finer than any picture in the page."""

TOLERANCE = 1.0
"""How far, in units of the grid, a simplified outline may lie from the true one: half a pixel of a 256 px picture."""

SMALL = 9
"""Outlines with no more points than this are not simplified."""

MOST_PIECES = 40
"""A prediction that is in more pieces shows only its largest ones: speckle would fill the page."""


def grid_size(shape: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the grid of outlines for images of a shape (H, W)."""
    height, width = shape
    longest = max(height, width)
    return max(1, round(GRID * width / longest)), max(1, round(GRID * height / longest))


def outline_path(mask: NDArray[np.bool_]) -> str:
    """Write the outline of a mask as the path of an SVG.

    Marching squares at 0.5, simplified by Matplotlib's path simplification (a tenth of the time of Douglas-Peucker),
    rounded to the grid and written relative to the point before.

    Parameters
    ----------
    mask
        bool of shape (H, W).

    Returns
    -------
    str
        Closed subpaths in units of :data:`GRID`, origin at the image's upper left corner; empty for an empty mask. Of
        more than :data:`MOST_PIECES` the longest.
    """
    from skimage.measure import find_contours

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return ""
    top, left = rows[0], columns[0]
    # The border of zeros closes outlines that run into the edge.
    inside = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1).astype(np.float32)
    scale, origin = GRID / max(mask.shape), np.array([left - 0.5, top - 0.5])
    contours = find_contours(inside, 0.5)  # type: ignore[no-untyped-call]
    parts = []
    for contour in sorted(contours, key=len, reverse=True)[:MOST_PIECES]:
        corners = (_smoothed(contour[:, ::-1]) + origin) * scale
        points = np.round(_simplified(corners)).astype(int)
        parts.append(_closed_path(points))
    return "".join(parts)


def _smoothed(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the stairs of the pixels out of a closed line (x, y): no point moves by more than a quarter of a pixel."""
    ring = corners[:-1]
    if len(corners) <= SMALL:
        return corners
    smooth = (np.roll(ring, 1, axis=0) + 2 * ring + np.roll(ring, -1, axis=0)) / 4
    return np.vstack([smooth, smooth[:1]])


def _simplified(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out points (x, y) of a closed line that lie within the tolerance of what is kept."""
    from matplotlib.path import Path

    if len(corners) <= SMALL:
        return corners
    path = Path(corners)
    path.simplify_threshold = TOLERANCE
    # The last vertex is the mark of the path's end.
    kept = np.asarray(path.cleaned(simplify=True).vertices)[:-1]
    return kept if len(kept) > 3 else corners


def _closed_path(points: NDArray[np.int64]) -> str:
    steps = np.diff(points, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    words = "".join(f"{x}{y:+d}" if number == 0 else f"{x:+d}{y:+d}" for number, (x, y) in enumerate(steps.tolist()))
    return f"M{points[0][0]} {points[0][1]}l{words}z" if words else ""
