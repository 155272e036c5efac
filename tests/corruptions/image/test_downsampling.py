import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.transform import downscale_local_mean

from biclip_bench.corruptions import SEVERITIES, corrupt
from biclip_bench.corruptions.image.downsampling import resampling_matrix

IMAGES = torch.rand(1, 2, 60, 84, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
def test_whole_factors_are_scikit_images_mean_and_scipys_interpolation(factor):
    result = corrupt(f"downsampling:factor={factor}", IMAGES, 1, ["a"])[0].numpy()
    for channel, image in zip(result, IMAGES[0].double().numpy(), strict=True):
        coarse = downscale_local_mean(image, (factor, factor))
        expected = ndimage.zoom(coarse, factor, order=1, mode="nearest", grid_mode=True)
        assert np.abs(channel - expected).max() < 1e-6


def test_partly_covered_pixels_count_by_their_share():
    row = torch.tensor([0.9, 0.1, 0.5]).reshape(1, 1, 1, 3)
    left, right = (0.9 + 0.1 / 2) / 1.5, (0.1 / 2 + 0.5) / 1.5
    # Centres of the three pixels lie at 1/6, 1/2 and 5/6, those of the two coarse ones at 1/4 and 3/4.
    expected = torch.tensor([left, (left + right) / 2, right])
    assert (corrupt("downsampling:factor=1.5", row, 1, ["a"]).flatten() - expected).abs().max() < 1e-6


def test_factor_1_is_the_image():
    assert torch.equal(corrupt("downsampling:factor=1", IMAGES, 1, ["a"]), IMAGES)


def test_a_factor_beyond_the_image_leaves_its_mean():
    result = corrupt("downsampling:factor=1000", IMAGES, 1, ["a"])
    assert (result - IMAGES.mean((2, 3), keepdim=True)).abs().max() < 1e-6


def test_fine_stripes_vanish_without_aliasing():
    stripes = (torch.arange(96) % 2).float().expand(1, 1, 96, 96)
    for severity in SEVERITIES[1:]:
        result = corrupt("downsampling", stripes, severity, ["a"])
        assert result.std() < 0.2 * stripes.std()


@given(st.floats(1, 12), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1, width=32))
def test_a_constant_image_stays_and_the_grid_too(factor, height, width, value):
    images = torch.full((1, 1, height, width), value)
    assert (corrupt(f"downsampling:factor={factor}", images, 1, ["a"]) - images).abs().max() < 1e-6


@given(st.integers(1, 60), st.data())
def test_every_row_of_the_matrix_is_a_weighted_mean(side, data):
    matrix = resampling_matrix(side, data.draw(st.integers(1, side))).toarray()
    assert matrix.min() > -1e-12
    assert np.abs(matrix.sum(axis=1) - 1).max() < 1e-12
    assert np.abs(matrix - matrix[::-1, ::-1]).max() < 1e-12


@given(st.floats(1, 12))
def test_nothing_leaves_the_range_of_the_image(factor):
    result = corrupt(f"downsampling:factor={factor}", 0.2 + IMAGES / 2, 1, ["a"])
    assert result.min() >= 0.2 - 1e-6
    assert result.max() <= 0.7 + 1e-6
