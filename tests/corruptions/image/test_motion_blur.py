import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from biclip_bench.corruptions import ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.image import motion as module
from biclip_bench.corruptions.image.motion import (
    convolve_line,
    convolve_line_on_device,
    line_kernel,
    motion,
    reflect_indices,
    reflect_pad,
)

lengths = st.floats(0.0, 40.0)
directions = st.floats(0.0, math.pi)


@given(lengths, directions)
def test_kernel_is_a_symmetric_distribution(length, direction):
    kernel = line_kernel(length, direction)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert np.array_equal(kernel, kernel[::-1, ::-1])


@pytest.mark.parametrize("length", [0.6, 3.0, 7.0, 11.4])
@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 133.7])
def test_kernel_is_the_mean_of_shifted_images(length, degrees):
    radius = math.ceil(length / 2)
    point = np.zeros((2 * radius + 1, 2 * radius + 1))
    point[radius, radius] = 1
    direction = math.radians(degrees)
    path = (np.arange(3000) + 0.5) / 3000 * length - length / 2
    # The margin is there because SciPy treats what lies outside as unknown.
    copies = [
        ndimage.shift(np.pad(point, 2), (step * math.sin(direction), step * math.cos(direction)), order=1)
        for step in path
    ]
    mean = np.mean(copies, axis=0)
    assert np.abs(np.pad(line_kernel(length, direction), 2) - mean).max() < 1e-6


def test_odd_length_along_an_axis_is_the_usual_kernel_size_with_soft_ends():
    usual = np.array([0, 1, 1, 1, 1, 1, 1, 1, 0]) / 7
    soft = np.array([0.125, -0.125, 0, 0, 0, 0, 0, -0.125, 0.125]) / 7
    assert np.allclose(line_kernel(7.0, 0.0)[4], usual + soft)
    assert np.allclose(line_kernel(7.0, math.pi / 2)[:, 4], usual + soft)


@given(lengths, directions)
def test_kernel_changes_continuously(length, direction):
    kernel = line_kernel(length, direction)
    near = line_kernel(length + 1e-4, direction + 1e-4)
    pad = (len(near) - len(kernel)) // 2
    assert np.abs(np.pad(kernel, pad) - near).sum() < 0.01


@pytest.mark.parametrize("length", [7.0, 11.0, 15.0])
def test_a_point_becomes_a_line_of_the_right_length_and_angle(length):
    for degrees in range(0, 180, 10):
        point = np.zeros((1, 41, 41), np.float32)
        point[0, 20, 20] = 1
        blurred = convolve_line(point, line_kernel(length, math.radians(degrees)))[0].astype(np.float64)
        rows, columns = np.indices(blurred.shape) - 20
        moments = np.array(
            [
                [(blurred * columns**2).sum(), (blurred * columns * rows).sum()],
                [(blurred * columns * rows).sum(), (blurred * rows**2).sum()],
            ]
        )
        (across, along), axes = np.linalg.eigh(moments)
        angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180
        # A uniform line has second moment L^2/12; the interpolation adds f (1 - f) <= 1/4 for a fraction f of a pixel.
        assert length**2 / 12 - 1e-5 < along < length**2 / 12 + 0.25
        assert -1e-6 < across < 0.25
        assert min(abs(angle - degrees), 180 - abs(angle - degrees)) < 1


@pytest.mark.parametrize("shape", [(40, 40), (31, 57), (400, 380)])
@pytest.mark.parametrize("length", [0.0, 9.3, 33.0])
def test_blur_agrees_with_scipy(shape, length):
    image = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
    kernel = line_kernel(length, 0.7)
    expected = [ndimage.convolve(channel.astype(np.float64), kernel, mode="mirror") for channel in image]
    blurred = convolve_line(image, kernel)
    assert np.abs(blurred - expected).max() < 1e-6
    assert np.array_equal(blurred, convolve_line_on_device(torch.from_numpy(image), kernel).numpy())


@pytest.mark.parametrize("elements", [1, 1000, 2**20])
def test_bits_do_not_depend_on_the_bands(monkeypatch, elements):
    image = np.random.default_rng(1).random((3, 120, 77), dtype=np.float32)
    kernel = line_kernel(13.1, 2.5)
    whole = convolve_line(image, kernel)
    monkeypatch.setattr(module, "BAND_ELEMENTS", elements)
    assert np.array_equal(convolve_line(image, kernel), whole)


def test_bits_of_large_images_do_not_depend_on_threads():
    images = torch.rand(3, 1, 380, 390, generator=torch.Generator().manual_seed(0))
    assert images[0].numel() >= module.THREADED
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = corrupt("motion", images, 4, ["a", "b", "c"])
        torch.set_num_threads(3)
        assert torch.equal(corrupt("motion", images, 4, ["a", "b", "c"]), alone)
    finally:
        torch.set_num_threads(before)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 30))
def test_padded_image_is_numpys_even_beyond_the_image(height, width, pad):
    image = np.arange(2 * height * width, dtype=np.float32).reshape(2, height, width)
    assert np.array_equal(reflect_pad(image, pad), np.pad(image, ((0, 0), (pad, pad), (pad, pad)), mode="reflect"))


@given(st.integers(1, 9), st.integers(0, 40))
def test_padding_is_numpys_reflection_even_beyond_the_image(size, pad):
    assert np.array_equal(reflect_indices(size, pad), np.pad(np.arange(size), pad, mode="reflect"))


def test_a_constant_image_stays():
    images = torch.full((3, 3, 50, 70), 0.37)
    for severity in range(1, 6):
        assert (corrupt("motion", images, severity, ["a", "b", "c"]) - images).abs().max() < 1e-6


def test_blur_keeps_its_share_of_the_image_at_every_size():
    small, large = torch.zeros(1, 1, 57, 57), torch.zeros(1, 1, 225, 225)
    small[..., 28, 28], large[..., 112, 112] = 1, 1
    level = {"length": 60.0}
    taps = [int((motion(image, level, [4], [ImageContext()]) > 0).sum()) for image in (small, large)]
    assert taps[1] / taps[0] == pytest.approx(225 / 57, rel=0.15)


def test_directions_are_spread_evenly_over_half_a_turn():
    images = torch.zeros(200, 1, 33, 33)
    images[..., 16, 16] = 1
    blurred = motion(images, {"length": 100.0}, range(200), [ImageContext()] * 200)[:, 0].double()
    rows, columns = torch.meshgrid(torch.arange(-16.0, 17.0), torch.arange(-16.0, 17.0), indexing="ij")
    cross, difference = (blurred * 2 * rows * columns).sum((1, 2)), (blurred * (columns**2 - rows**2)).sum((1, 2))
    angles = torch.atan2(cross, difference) / 2 % math.pi
    assert len(set(angles.tolist())) == 200
    counts = torch.histc(angles, bins=4, min=0, max=math.pi)
    assert counts.min() > 30  # 50 expected, standard deviation 6


def test_levels_grow():
    lengths = [level["length"] for level in corruption_registry.get("motion").levels]
    assert lengths == [3, 5, 7, 11, 15]
