import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from biclip_bench.models.views import (
    STRONG_VIEW_FAMILIES,
    StrongView,
    convolve_each,
    motion_blur_kernels,
    normalise_image,
    normalise_pseudo_image,
    strong_view,
)

OFF = {
    "gamma": (1.0, 1.0),
    "noise_probability": 0.0,
    "brightness_probability": 0.0,
    "contrast_probability": 0.0,
    "blur_probability": 0.0,
}
ON = {
    "gamma": {"gamma": (0.9, 1.1)},
    "gaussian-noise": {"noise_probability": 1.0},
    "brightness": {"brightness_probability": 1.0},
    "contrast": {"contrast_probability": 1.0},
    "motion-blur": {"blur_probability": 1.0},
}


def test_normalisation_by_hand():
    image = torch.tensor([0.485 + 0.229, 0.456, 0.406 - 0.225]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(normalise_image()(image).flatten(), torch.tensor([1.0, 0.0, -1.0]))
    pseudo_image = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(normalise_pseudo_image()(pseudo_image).flatten(), torch.tensor([-2.0, 0.0, 2.0]))


def test_with_everything_off_the_view_is_the_image():
    image = torch.rand(4, 3, 16, 16)
    torch.testing.assert_close(StrongView(**OFF)(image), image)


def test_the_declared_families_are_the_ones_that_the_view_can_show():
    assert set(STRONG_VIEW_FAMILIES) == set(ON)


@pytest.mark.parametrize("family", STRONG_VIEW_FAMILIES)
def test_each_declared_family_changes_every_case(family):
    torch.manual_seed(0)
    image = 0.2 + 0.5 * torch.rand(6, 3, 16, 16)
    view = StrongView(**{**OFF, **ON[family]})(image)
    assert ((view - image).abs().amax(dim=(1, 2, 3)) > 1e-3).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_the_view_stays_an_image_and_repeats_its_bits(seed):
    image = torch.rand(5, 3, 16, 16)
    torch.manual_seed(seed)
    view = StrongView()(image)
    assert view.shape == image.shape
    assert view.min() >= 0
    assert view.max() <= 1
    torch.manual_seed(seed)
    assert torch.equal(StrongView()(image), view)


def test_noise_has_the_stated_deviation():
    torch.manual_seed(0)
    image = torch.full((8, 3, 64, 64), 0.5)
    view = StrongView(**{**OFF, "noise_probability": 1.0})(image)
    assert (view - image).std().item() == pytest.approx(0.01, rel=0.02)


def test_an_even_level_kernel_is_a_row_mean():
    (kernel,) = motion_blur_kernels(5, torch.zeros(1), torch.zeros(1))
    expected = torch.zeros(5, 5)
    expected[2] = 0.2
    torch.testing.assert_close(kernel, expected)


def test_a_fully_one_sided_kernel_fades_to_zero():
    (kernel,) = motion_blur_kernels(5, torch.zeros(1), torch.ones(1))
    torch.testing.assert_close(kernel[2], torch.tensor([4.0, 3.0, 2.0, 1.0, 0.0]) / 10)


@settings(deadline=None, max_examples=30)
@given(degrees=st.floats(-20, 20), direction=st.floats(-0.5, 0.5))
def test_kernels_keep_the_mean_grey_level(degrees, direction):
    (kernel,) = motion_blur_kernels(5, torch.tensor([degrees]), torch.tensor([direction]))
    assert kernel.min() >= 0
    assert kernel.sum().item() == pytest.approx(1, abs=1e-5)


def test_each_case_is_filtered_by_its_own_kernel():
    image = torch.rand(3, 2, 12, 12)
    kernels = torch.rand(3, 5, 5)
    result = convolve_each(image, kernels)
    for case in range(3):
        for channel in range(2):
            expected = ndimage.correlate(image[case, channel].numpy(), kernels[case].numpy(), mode="constant")
            np.testing.assert_allclose(result[case, channel].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("image_size", "length"), [(32, 3), (80, 3), (96, 3), (224, 5), (336, 7), (448, 9)])
def test_the_blur_of_the_strong_view_keeps_its_share_of_the_image(image_size, length):
    assert strong_view(image_size).blur_size == length
