import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, radon, resize

from biclip_bench.corruptions.ct.beam_geometry import ramp_filter
from biclip_bench.corruptions.ct.parallel_beam import ParallelBeam, parallel_beam


def grids(scanner):
    """Pixel coordinates x, y and the sinogram's angle and bin position, as the class documents them."""
    x = np.arange(scanner.width) - (scanner.width - 1) / 2
    y = np.arange(scanner.height) - (scanner.height - 1) / 2
    theta = np.arange(scanner.views) * math.pi / scanner.views
    s = np.arange(scanner.bins) - (scanner.bins - 1) / 2
    return x[None, :], y[:, None], theta[:, None], s[None, :]


def disc(scanner, cx, cy, radius, fine=8):
    """A disc whose edge pixels hold the share of their area that it covers."""
    parts = (np.arange(fine) + 0.5) / fine - 0.5
    x, y, _, _ = grids(scanner)
    x = (x.ravel()[:, None] + parts).ravel()
    y = (y.ravel()[:, None] + parts).ravel()
    inside = (x[None, :] - cx) ** 2 + (y[:, None] - cy) ** 2 < radius**2
    return inside.reshape(scanner.height, fine, scanner.width, fine).mean(axis=(1, 3)).astype(np.float32)


SIZES = [(64, 64), (65, 65), (48, 81), (80, 33), (224, 224)]


@pytest.mark.parametrize("size", SIZES)
def test_gaussian_ellipse_has_its_analytic_radon_transform(size):
    scanner = parallel_beam(*size)
    x, y, theta, s = grids(scanner)
    cx, cy, tilt = 0.08 * size[1], -0.11 * size[0], 0.4
    a, b = 0.12 * min(size), 0.05 * min(size)
    u = (x - cx) * math.cos(tilt) + (y - cy) * math.sin(tilt)
    v = (y - cy) * math.cos(tilt) - (x - cx) * math.sin(tilt)
    image = np.exp(-(u**2) / (2 * a**2) - v**2 / (2 * b**2)).astype(np.float32)
    width = np.sqrt((a * np.cos(theta - tilt)) ** 2 + (b * np.sin(theta - tilt)) ** 2)
    offset = s - cx * np.cos(theta) - cy * np.sin(theta)
    expected = math.sqrt(2 * math.pi) * a * b / width * np.exp(-(offset**2) / (2 * width**2))
    assert np.abs(scanner.project(image) - expected).max() < 1e-3 * expected.max()


def test_disc_has_its_analytic_chord_lengths():
    scanner = parallel_beam(224, 224)
    _, _, theta, s = grids(scanner)
    cx, cy, radius = 21.3, -30.2, 60.0
    distance = np.abs(s - cx * np.cos(theta) - cy * np.sin(theta))
    chord = 2 * np.sqrt(np.clip(radius**2 - distance**2, 0, None))
    error = np.abs(scanner.project(disc(scanner, cx, cy, radius)) - chord) / (2 * radius)
    # At the rim the chord has a vertical tangent, which no detector of finite bins follows.
    assert error[np.abs(distance - radius) > 3].max() < 0.01
    assert np.sqrt((error**2).mean()) < 0.003


SHEPP_LOGAN = [
    (2.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.98, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.02, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.02, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.01, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.01, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.01, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.01, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.01, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.01, 0.023, 0.046, 0.06, -0.605, 0.0),
]
"""Density, half axes, centre and tilt in degrees of each ellipse (Kak and Slaney 1988, table 3.1)."""


def test_the_shepp_logan_phantom_has_its_analytic_sinogram_and_comes_back():
    size, fine = 224, 6
    scanner = parallel_beam(size, size)
    _, _, theta, s = grids(scanner)
    axis = (np.arange(size * fine) + 0.5) / (size * fine / 2) - 1
    x, y = axis[None, :], axis[:, None]
    image, expected = np.zeros((size * fine, size * fine)), np.zeros((scanner.views, scanner.bins))
    smooth = np.ones_like(expected, dtype=bool)  # away from the skull's rims, where the chord has a vertical tangent
    for density, a, b, cx, cy, tilt in SHEPP_LOGAN:
        phi = math.radians(tilt)
        u = (x - cx) * math.cos(phi) + (y - cy) * math.sin(phi)
        v = (y - cy) * math.cos(phi) - (x - cx) * math.sin(phi)
        image += density * ((u / a) ** 2 + (v / b) ** 2 < 1)
        square = (a * np.cos(theta - phi)) ** 2 + (b * np.sin(theta - phi)) ** 2
        distance = s * 2 / size - cx * np.cos(theta) - cy * np.sin(theta)
        chord = 2 * a * b / square * np.sqrt(np.clip(square - distance**2, 0, None))
        expected += density * chord * size / 2
        if abs(density) > 0.5:
            smooth &= np.abs(np.abs(distance) - np.sqrt(square)) * size / 2 > 3
    image = image.reshape(size, fine, size, fine).mean(axis=(1, 3)).astype(np.float32)
    error = scanner.project(image) - expected
    assert np.sqrt((error**2).mean()) < 0.003 * expected.max()
    assert np.abs(error)[smooth].max() < 0.01 * expected.max()
    result = scanner.reconstruct(expected.astype(np.float32))
    inside = (x[:, ::fine] / 0.6) ** 2 + (y[::fine] / 0.8) ** 2 < 1
    assert abs((result - image)[inside].mean()) < 0.002
    assert np.abs(result - image)[inside].mean() < 0.01  # the skull, twice as dense, rings


def test_projection_agrees_with_scikit_image():
    scanner = parallel_beam(101, 101)
    x, y, theta, s = grids(scanner)
    image = np.exp(-((x - 12) ** 2) / 150 - (y + 9) ** 2 / 60) + 0.5 * np.exp(-((x + 15) ** 2 + (y - 4) ** 2) / 40)
    image[x**2 + y**2 > 49**2] = 0  # scikit-image asks for it
    # scikit-image measures angles with rows pointing up.
    reference = radon(image[::-1], np.degrees(theta.ravel()), circle=True).T
    ours = scanner.project(image.astype(np.float32))
    wanted = np.arange(101) - 50
    at_reference_bins = np.array([np.interp(wanted, s.ravel(), view) for view in ours])
    assert np.corrcoef(at_reference_bins.ravel(), reference.ravel())[0, 1] > 0.9999
    assert np.abs(at_reference_bins - reference).max() < 0.01 * reference.max()


@pytest.mark.parametrize("size", [*SIZES, (1, 1), (1, 7), (2, 3)])
def test_back_projection_is_the_adjoint_of_projection(size):
    scanner = parallel_beam(*size)
    draw = np.random.default_rng(0)
    image = draw.random(size, dtype=np.float32)
    sinogram = draw.random((scanner.views, scanner.bins), dtype=np.float32)
    there = np.vdot(scanner.project(image).astype(np.float64), sinogram)
    back = np.vdot(image.astype(np.float64), scanner.back_project(sinogram))
    assert there == pytest.approx(back, rel=1e-4)


def test_projection_keeps_the_mass_in_every_view():
    scanner = parallel_beam(70, 90)
    image = np.random.default_rng(1).random((70, 90), dtype=np.float32)
    assert np.allclose(scanner.project(image).sum(axis=1), image.sum(), rtol=1e-4)


@pytest.mark.parametrize(("kernel", "limit"), [("ram-lak", 0.018), ("hann", 0.045)])
def test_a_clean_phantom_is_reconstructed(kernel, limit):
    phantom = resize(shepp_logan_phantom(), (224, 224), anti_aliasing=True).astype(np.float32)
    scanner = parallel_beam(224, 224)
    image = scanner.reconstruct(scanner.project(phantom), kernel)
    assert np.sqrt(((image - phantom) ** 2).mean()) < limit
    assert image.mean() == pytest.approx(phantom.mean(), rel=2e-3)


def test_the_level_inside_a_disc_is_right_at_every_radius():
    scanner = parallel_beam(225, 225)
    image = disc(scanner, 0.0, 0.0, 90.0)
    result = scanner.reconstruct(scanner.project(image))
    x, y, _, _ = grids(scanner)
    ring = np.hypot(x, y) // 10
    levels = np.array([result[ring == number].mean() for number in range(8)])
    assert np.abs(levels - 1).max() < 0.002  # neither cupping nor an offset


def test_reconstruction_agrees_with_scikit_image():
    scanner = parallel_beam(101, 101)
    x, y, theta, _ = grids(scanner)
    image = np.exp(-((x - 12) ** 2) / 150 - (y + 9) ** 2 / 60).astype(np.float32)
    middle = slice((scanner.bins - 101) // 2, (scanner.bins - 101) // 2 + 101)
    sinogram = scanner.project(image)
    # An odd number of bins has one in the middle: move ours by half a bin to it.
    aligned = (sinogram[:, middle] + sinogram[:, middle.start + 1 : middle.stop + 1]) / 2
    reference = iradon(aligned.T, np.degrees(theta.ravel()), filter_name="ramp", circle=True)[::-1]
    inside = x**2 + y**2 < 45**2
    assert np.abs(scanner.reconstruct(sinogram) - reference)[inside].max() < 0.03


def test_hann_window_ends_at_zero_and_leaves_low_frequencies():
    ramp, hann = ramp_filter(64, "ram-lak"), ramp_filter(64, "hann")
    assert ramp[-1] == pytest.approx(0.5, rel=0.01)
    assert hann[-1] == pytest.approx(0, abs=1e-7)
    assert hann[2] == pytest.approx(ramp[2], rel=0.01)


def test_threads_share_a_scanner_and_get_the_same_bits():
    scanner = ParallelBeam(96, 96)
    images = np.random.default_rng(2).random((12, 96, 96), dtype=np.float32)
    alone = [scanner.reconstruct(scanner.project(image)) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: scanner.reconstruct(scanner.project(image)), images))
    assert np.array_equal(alone, together)
