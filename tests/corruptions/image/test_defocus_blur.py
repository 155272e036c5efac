import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, special

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.image.defocus_blur import convolve_kernel, defocus_blur, disc_kernel

radii = st.floats(0.0, 30.0)


@given(radii)
def test_kernel_is_a_symmetric_distribution(radius):
    kernel = disc_kernel(radius)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    for same in (kernel[::-1], kernel[:, ::-1], kernel.T):
        assert np.array_equal(kernel, same)


@given(radii)
def test_kernel_changes_continuously(radius):
    kernel, near = disc_kernel(radius), disc_kernel(radius + 1e-4)
    assert np.abs(np.pad(kernel, (len(near) - len(kernel)) // 2) - near).sum() < 0.01


def test_no_radius_is_the_identity():
    assert np.array_equal(disc_kernel(0.0), [[1.0]])
    tiny = disc_kernel(1e-6)
    assert tiny[1, 1] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.3, 4.0, 9.1])
def test_kernel_is_the_mean_of_bilinear_shifts_over_the_disc(radius):
    reach = len(disc_kernel(radius)) // 2
    places = ((np.arange(3000) + 0.5) / 1500 - 1) * radius
    inside = np.hypot(places, places[:, None]) <= radius
    # An image moved by a fraction of a pixel gives each of its two neighbours one minus the distance.
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(-reach, reach + 1)), 0)
    mean = weights.T @ inside @ weights / inside.sum()
    assert np.abs(disc_kernel(radius) - mean).max() < 5e-6


@pytest.mark.parametrize("radius", [3.0, 5.5, 11.7])
def test_transfer_function_is_that_of_a_disc(radius):
    size = 128
    kernel = disc_kernel(radius)
    padded = np.zeros((size, size))
    padded[: len(kernel), : len(kernel)] = kernel
    transfer = np.abs(np.fft.fft2(padded))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    low = (frequency > 0) & (frequency < 0.12)
    phase = 2 * np.pi * radius * frequency[low]
    # Bilinear interpolation attenuates by at most 1 - sinc(f)^2, and folds about as much back.
    assert np.abs(transfer[low] - np.abs(2 * special.j1(phase) / phase)).max() < 1 - np.sinc(0.12) ** 2


@given(st.floats(0.0, 20.0))
def test_second_moment_is_that_of_a_disc(radius):
    kernel = disc_kernel(radius)
    places = np.arange(len(kernel)) - len(kernel) // 2
    moment = (kernel.sum(axis=0) * places**2).sum()
    # A uniform disc has second moment R^2/4; the interpolation adds f (1 - f) <= 1/4 for a fraction f of a pixel.
    assert radius**2 / 4 - 1e-9 <= moment <= radius**2 / 4 + 0.25


@pytest.mark.parametrize("shape", [(40, 40), (31, 57), (1, 9), (3, 2), (1, 1)])
@pytest.mark.parametrize("radius", [0.6, 4.7])
def test_blur_agrees_with_scipy(shape, radius):
    image = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
    kernel = disc_kernel(radius)
    blurred = convolve_kernel(image, kernel)
    pad = len(kernel) // 2
    for channel, result in zip(image, blurred, strict=True):
        # SciPy's own reflection needs a larger image than these.
        padded = np.pad(channel.astype(np.float64), pad, mode="reflect")
        expected = ndimage.convolve(padded, kernel, mode="constant")[pad : pad + shape[0], pad : pad + shape[1]]
        assert np.abs(result - expected).max() < 1e-6


def test_a_constant_image_stays():
    images = torch.full((2, 3, 50, 70), 0.37)
    for severity in range(1, 6):
        assert (corrupt("defocus-blur", images, severity, ["a", "b"]) - images).abs().max() < 1e-6


def test_radius_grows_with_the_longer_side():
    for shape, taps in [((224, 224), 21), ((100, 448), 39), ((57, 112), 11)]:
        image = torch.zeros(1, 1, *shape)
        row, column = shape[0] // 2, shape[1] // 2
        image[..., row, column] = 1
        blurred = defocus_blur(image, {"radius": 9.5}, [0], [ImageContext()])[0, 0]
        assert int((blurred[row] > 1e-6).sum()) == taps


def test_equal_channels_stay_equal():
    images = torch.rand(1, 1, 63, 90, generator=torch.Generator().manual_seed(0)).repeat(1, 3, 1, 1)
    blurred = corrupt("defocus-blur", images, 4, ["a"])[0]
    assert torch.equal(blurred[0], blurred[1])
    assert torch.equal(blurred[0], blurred[2])
