import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform, gaussian_filter, maximum_filter

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.motion import breathing, jerk
from biclip_bench.corruptions.ct.object_motion import ObjectMotion, centred, sinogram_change, view_directions
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.corruptions.seeding import case_generator

SCALE = ImageContext("ct", (-1000.0, 1000.0), 1.5)


def blob(size, centre=(0.0, 0.0), shape=((9.0, 0.0), (0.0, 9.0))):
    """A Gaussian with a covariance matrix, in the order (y, x) from the image's centre."""
    y = np.arange(size[0])[:, None] - (size[0] - 1) / 2 - centre[0]
    x = np.arange(size[1])[None, :] - (size[1] - 1) / 2 - centre[1]
    (a, b), (_, d) = np.linalg.inv(shape)
    return np.exp(-(a * y**2 + 2 * b * x * y + d * x**2) / 2).astype(np.float32)


def constant(scanner, matrix, shift):
    return ObjectMotion(np.tile(np.array(matrix), (scanner.views, 1, 1)), np.tile(np.array(shift), (scanner.views, 1)))


def reconstructed(image, motion):
    scanner = parallel_beam(*image.shape)
    return image + scanner.reconstruct(sinogram_change(scanner, image, motion))


@pytest.mark.parametrize("size", [(64, 64), (65, 65), (48, 81), (80, 33)])
def test_a_moving_gaussian_has_its_analytic_radon_transform_in_every_view(size):
    scanner = parallel_beam(*size)
    draw = np.random.default_rng(0)
    # Any affine motion, and another one at every view.
    maps = np.eye(2) + draw.uniform(-0.2, 0.2, (scanner.views, 2, 2))
    shifts = draw.uniform(-5, 5, (scanner.views, 2))
    centre, shape = np.array([-0.1 * size[0], 0.08 * size[1]]), np.array([[14.0, 3.0], [3.0, 8.0]])
    image = blob(size, centre, shape)
    s = np.arange(scanner.bins) - (scanner.bins - 1) / 2
    expected = np.empty((scanner.views, scanner.bins))
    for view in range(scanner.views):
        theta = view * math.pi / scanner.views
        n = np.array([math.sin(theta), math.cos(theta)])
        covariance = maps[view] @ shape @ maps[view].T
        variance = n @ covariance @ n
        offset = s - n @ (maps[view] @ centre + shifts[view])
        mass = 2 * math.pi * math.sqrt(np.linalg.det(covariance))
        expected[view] = mass / math.sqrt(2 * math.pi * variance) * np.exp(-(offset**2) / (2 * variance))
    moved = scanner.project(image) + sinogram_change(scanner, image, ObjectMotion(maps, shifts))
    assert np.abs(moved - expected).max() < 1e-3 * expected.max()


@pytest.mark.parametrize("size", [(96, 96), (97, 120)])
def test_an_object_that_is_elsewhere_all_the_time_is_reconstructed_there(size):
    draw = np.random.default_rng(1)
    image = gaussian_filter(draw.random(size) * blob(size, shape=np.diag([150.0, 200.0])), 2).astype(np.float32)
    image /= image.max()
    angle = 0.12
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]) @ np.diag([1.05, 0.97])
    shift = np.array([3.3, -4.6])
    middle = (np.array(size) - 1) / 2
    inverse = np.linalg.inv(matrix)
    reference = affine_transform(image, inverse, middle - inverse @ (middle + shift), order=5)
    scanner = parallel_beam(*size)
    result = reconstructed(image, constant(scanner, matrix, shift))
    assert np.abs(result - reference).max() < 0.01
    assert np.abs(image - reference).max() > 0.3


@pytest.mark.parametrize("size", [(80, 80), (55, 90)])
def test_without_motion_the_image_is_what_it_was(size):
    images = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    for kind in ("rigid", "breathing", "mixed"):
        still = corrupt(f"ct-motion:amplitude=0,kind={kind}", images, 1, ["a", "b"], SCALE)
        assert (still - images).abs().max() < 1e-6


def test_a_jerk_in_the_middle_of_the_scan_shows_a_small_object_twice():
    scanner = parallel_beam(101, 101)
    shifts = np.zeros((scanner.views, 2))
    shifts[: scanner.views // 2, 1], shifts[scanner.views // 2 :, 1] = -8, 8
    image = blob((101, 101))
    result = reconstructed(image, ObjectMotion(np.tile(np.eye(2), (scanner.views, 1, 1)), shifts))
    peaks = np.argwhere((maximum_filter(result, 7) == result) & (result > 0.4))
    assert peaks.shape == (2, 2)
    assert np.abs(peaks - [[50, 42], [50, 58]]).max() <= 1
    assert result[50, 50] < 0.25  # where it was, and where a blurred one would be
    # Each half of the directions sees it at one place.
    assert result[50, [42, 58]] == pytest.approx(0.5, abs=0.1)


def test_a_mass_is_kept_by_rigid_motion_and_grows_with_the_area_by_breathing():
    scanner = parallel_beam(72, 90)
    image = blob((72, 90), shape=np.diag([80.0, 60.0]))
    for seed in range(4):
        rigid = jerk(case_generator(seed), scanner.views, 12.0, 1.5)
        assert np.abs(sinogram_change(scanner, image, rigid).sum(axis=1)).max() < 1e-3 * image.sum()
        breath = breathing(case_generator(seed), scanner.views, 12.0, 1.0, 1.5)
        gained = sinogram_change(scanner, image, breath).sum(axis=1) / image.sum()
        area = breath.maps[:, 0, 0] * breath.maps[:, 1, 1]
        assert np.abs(gained - (area - 1)).max() < 1e-3
        assert np.ptp(area) > 0.05


def test_what_leaves_the_detector_does_not_come_back_at_its_other_end():
    scanner = parallel_beam(64, 64)
    image = blob((64, 64), (0.0, 20.0), np.diag([4.0, 4.0]))
    change = sinogram_change(scanner, image, constant(scanner, np.eye(2), [0.0, 60.0]))
    view = slice(0, 5)  # these look along the rows, so the object is beyond the last bin
    assert np.abs(change[view] + scanner.project(image)[view]).max() < 1e-3 * scanner.project(image).max()


def test_an_enlarged_object_has_no_copies_of_its_coarse_structure_at_fine_frequencies():
    # Pixels repeat their spectrum beyond their Nyquist frequency: read there, it would give a pattern of 2 pixels.
    scanner = parallel_beam(64, 64)
    image = blob((64, 64), shape=np.diag([1.0, 1.0]))
    motion = constant(scanner, np.eye(2) * 1.8, [0.0, 0.0])
    power = np.abs(np.fft.rfft(scanner.project(image) + sinogram_change(scanner, image, motion), axis=1)).max(axis=0)
    frequency = np.arange(len(power)) * 2 * math.pi / scanner.bins
    expected = 2 * math.pi * 1.8**2 * np.exp(-((1.8 * frequency) ** 2) / 2)
    assert np.abs(power - expected).max() < 0.02 * power.max()


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 200), st.integers(0, 2**32), st.floats(-20, 20), st.floats(-20, 20))
def test_a_constant_shift_does_not_show_and_centring_is_the_least_squares_fit(views, seed, y, x):
    shifts = np.random.default_rng(seed).normal(size=(views, 2))
    result = centred(shifts)
    directions = view_directions(views)
    assert np.abs((directions * (directions * result).sum(axis=1, keepdims=True)).mean(axis=0)).max() < 1e-9
    assert np.allclose(centred(shifts + np.array([y, x])), result, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_a_jerk_is_one_step_of_the_stated_length(seed):
    motion = jerk(case_generator(seed), 300, 6.0, 1.5)
    steps = np.hypot(*np.diff(motion.shifts, axis=0, append=motion.shifts[:1]).T)
    # Ordered by time the shift goes straight from one place to another; the scan's ends lie side by side.
    ends = motion.shifts[:, None] - motion.shifts[None]
    assert np.hypot(ends[..., 0], ends[..., 1]).max() == pytest.approx(4.0, abs=1e-6)
    assert (steps > 1e-9).mean() < 0.25  # at most a fifth of the scan, and the jump between its ends
    assert steps.sum() == pytest.approx(8.0, abs=1e-6)  # there within the scan, and back between its ends
    assert np.allclose(motion.maps @ motion.maps.transpose(0, 2, 1), np.eye(2))
    angle = np.arctan2(motion.maps[:, 0, 1], motion.maps[:, 0, 0])
    assert np.ptp(angle) <= 6.0 / 150
    assert abs(angle.mean()) < 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_breathing_lifts_the_front_and_leaves_the_back(seed):
    motion = breathing(case_generator(seed), 720, 10.0, 1.0, 2.0)
    front, back = np.array([-50.0, 0.0]), np.array([50.0, 0.0])  # 200 mm apart in pixels of 2 mm
    paths = [motion.maps @ point + motion.shifts for point in (front, back)]
    assert np.ptp(paths[0][:, 0]) == pytest.approx(5.0, rel=1e-3)
    assert np.ptp(paths[1][:, 0]) < 1e-9
    assert np.ptp(paths[0][:, 1]) < 1e-9
    highest = np.argmin(paths[0][:, 0])
    assert motion.maps[highest, 0, 0] > 1.02  # the chest is deep when its front is high (a small row)
    assert 1 < motion.maps[highest, 1, 1] < motion.maps[highest, 0, 0]


def test_mixed_is_one_of_the_two_kinds_and_both_occur():
    images = torch.from_numpy(0.5 + 0.3 * blob((64, 64), shape=np.diag([90.0, 50.0])))[None, None].repeat(10, 1, 1, 1)
    cases = [f"case-{number}" for number in range(10)]
    mixed, rigid, breath = (
        corrupt(f"ct-motion:kind={kind}", images, 4, cases, SCALE) for kind in ("mixed", "rigid", "breathing")
    )
    is_rigid = [torch.equal(a, b) for a, b in zip(mixed, rigid, strict=True)]
    is_breath = [torch.equal(a, b) for a, b in zip(mixed, breath, strict=True)]
    assert all(a != b for a, b in zip(is_rigid, is_breath, strict=True))
    assert 0 < sum(is_rigid) < 10


@pytest.mark.parametrize("kind", ["rigid", "breathing"])
def test_the_change_grows_with_the_amplitude(kind):
    images = torch.from_numpy(0.2 + 0.4 * (blob((96, 96), shape=np.diag([300.0, 500.0])) > 0.3))[None, None].float()
    errors = [
        float((corrupt(f"ct-motion:kind={kind},amplitude={mm}", images, 1, ["case"], SCALE) - images).square().mean())
        for mm in (1, 2, 4, 8, 16)
    ]
    assert all(later > 1.3 * earlier for earlier, later in itertools.pairwise(errors))


def test_padding_below_air_is_moved_like_air():
    window = ImageContext("ct", (-1350.0, 150.0), 1.5)
    body = torch.from_numpy(350 / 1500 + 0.5 * blob((64, 64), (3.0, -9.0), np.diag([6.0, 6.0])))[None, None].float()
    padded = body.clone()
    padded[..., :6] = 0.2
    padded[..., -6:] = 0.2
    changes = [corrupt("ct-motion", images, 5, ["case"], window) - images for images in (body, padded)]
    assert changes[0].abs().max() > 0.05
    assert (changes[0] - changes[1]).abs().max() < 2e-3


def test_the_same_motion_in_millimetres_is_more_pixels_on_a_finer_grid():
    motions = [jerk(case_generator(1), 100, 6.0, size) for size in (1.0, 2.0)]
    assert np.allclose(motions[0].shifts, 2 * motions[1].shifts)
    assert np.array_equal(motions[0].maps, motions[1].maps)
