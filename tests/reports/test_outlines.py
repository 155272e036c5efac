import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from biclip_bench.reports.page.outlines import GRID, MOST_PIECES, grid_size, outline_path


def corners_of(path):
    """Follow a path as a browser would: the points of each closed subpath, in units of the grid."""
    for start, steps in re.findall(r"M(-?\d+ -?\d+)l([^z]+)z", path):
        moves = np.array([int(number) for number in re.findall(r"[+-]?\d+", steps)]).reshape(-1, 2)
        yield np.vstack([np.array(start.split(), dtype=int), moves]).cumsum(axis=0)


def filled(path, shape):
    """Fill a path by the even-odd rule and bring it to the mask's pixels."""
    size = grid_size(shape)
    inside = np.zeros(size[::-1], dtype=bool)
    for corners in corners_of(path):
        canvas = Image.new("1", size)
        ImageDraw.Draw(canvas).polygon([tuple(map(int, corner)) for corner in corners], fill=1)
        inside ^= np.asarray(canvas)
    return np.asarray(Image.fromarray(inside).resize(shape[::-1], Image.Resampling.NEAREST))


def disc(height, width, row, column, radius):
    rows, columns = np.mgrid[:height, :width]
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


@pytest.mark.parametrize(
    "mask",
    [
        disc(224, 224, 100, 80, 40),
        disc(224, 224, 0, 0, 60),
        disc(300, 150, 150, 75, 60) & ~disc(300, 150, 150, 75, 30),
        disc(96, 96, 30, 30, 12) | disc(96, 96, 60, 70, 16),
        np.ones((50, 80), dtype=bool),
    ],
    ids=["disc", "in a corner", "ring in a tall image", "two discs", "everything"],
)
def test_the_outline_encloses_the_mask(mask):
    drawn = filled(outline_path(mask), mask.shape)
    overlap = 2 * (drawn & mask).sum() / (drawn.sum() + mask.sum())
    assert overlap > 0.97


@pytest.mark.parametrize("place", [(0, 0), (0, 31), (31, 0), (31, 31), (10, 20)])
def test_even_a_single_pixel_is_outlined_where_it_lies(place):
    mask = np.zeros((32, 32), dtype=bool)
    mask[place] = True
    (corners,) = corners_of(outline_path(mask))
    centre = (np.array(place[::-1]) + 0.5) * GRID / 32
    assert np.abs(corners - centre).max() <= GRID / 32
    assert np.abs(corners.mean(axis=0) - centre).max() < GRID / 32 / 2


def test_an_empty_mask_has_no_outline():
    assert outline_path(np.zeros((20, 20), dtype=bool)) == ""


def test_an_outline_is_short():
    assert len(outline_path(disc(224, 224, 100, 80, 40))) < 400


def test_speckle_shows_its_largest_pieces():
    mask = np.zeros((128, 128), dtype=bool)
    mask[::4, ::4] = True
    mask[40:60, 40:60] = True
    pieces = list(corners_of(outline_path(mask)))
    assert len(pieces) == MOST_PIECES
    assert np.ptp(pieces[0], axis=0).min() > 18 * GRID / 128


@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_any_mask_stays_inside_its_image(mask):
    path = outline_path(mask)
    assert bool(path) == bool(mask.any())
    width, height = grid_size(mask.shape)
    for corners in corners_of(path):
        assert (corners >= 0).all()
        assert (corners <= np.array([width, height]) + 1).all()
        assert len(corners) >= 3
