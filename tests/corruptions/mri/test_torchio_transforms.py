import math
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchio
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.corruptions import SEVERITIES, ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.mri.torchio_transforms import (
    GHOSTS,
    draw_bias_field,
    draw_ghosting,
    draw_motion,
    draw_spike,
    mr_motion,
    run_transform,
)
from biclip_bench.corruptions.seeding import case_seed

NAMES = ["torchio-bias-field", "torchio-ghosting", "torchio-motion", "torchio-spike"]
MR = ImageContext("mr", None, 1.0)
seeds = st.integers(0, 2**128 - 1)


def head(height=60, width=76):
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    skull = 1 / (1 + np.exp(30 * (np.hypot(x, 1.3 * y) - 0.7)))
    return (0.05 + skull * (0.5 + 0.2 * np.sin(9 * x + 4 * y))).astype(np.float32)


def volume(plane):
    """A sagittal plane of unit voxels whose centre lies at the world's origin."""
    affine = np.eye(4)
    affine[1, 3], affine[2, 3] = -(plane.shape[0] - 1) / 2, -(plane.shape[1] - 1) / 2
    return torchio.ScalarImage(tensor=torch.from_numpy(plane.copy())[None, None], affine=affine)


def drawn(name, severity, shape, case="a"):
    """The transform with the parameters of a case, and whether the plane is transposed for it."""
    level = corruption_registry.get(name).levels[severity - 1]
    seed = case_seed(name, severity, case)
    if name == "torchio-ghosting":
        return torchio.Ghosting(**draw_ghosting(level, seed)), False
    if name == "torchio-spike":
        return torchio.Spike(**draw_spike(level, seed)), False
    if name == "torchio-bias-field":
        return torchio.BiasField(**draw_bias_field(level, seed)), False
    by_rows, arguments = draw_motion(level, seed, shape)
    return torchio.Motion(**arguments), by_rows


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("shape", [(60, 76), (61, 47)])
def test_result_is_torchios_own_with_the_recorded_parameters(name, severity, shape):
    plane = head(*shape)
    for case in ("a", "b", "c"):
        transform, transposed = drawn(name, severity, shape, case)
        direct = transform(volume(plane.T if transposed else plane)).numpy()[0, 0]
        expected = np.clip(direct.T if transposed else direct, 0, 1)
        result = corrupt(name, torch.from_numpy(plane)[None, None], severity, [case], MR)[0, 0].numpy()
        assert np.array_equal(result, expected)
        assert np.abs(result - plane).max() > 1e-3


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("ghosts", [4, 7])
def test_ghosting_weakens_every_nth_line_of_k_space(axis, ghosts):
    plane = head()
    spectrum = np.fft.fftshift(np.fft.fft2(plane.astype(np.float64)))
    lines = spectrum if axis == 1 else spectrum.T
    centre = lines[len(lines) // 2].copy()
    lines[::ghosts] *= 1 - 0.8
    lines[len(lines) // 2] = centre
    expected = np.fft.ifft2(np.fft.ifftshift(spectrum)).real
    arguments = {"num_ghosts": ghosts, "axis": axis, "intensity": 0.8, "restore": None}
    assert np.abs(run_transform(plane, "Ghosting", arguments) - expected).max() < 1e-6


def test_a_ghosts_amplitude_is_the_intensity_over_their_number():
    plane = np.zeros((60, 80), np.float32)
    plane[:, 40] = 1
    arguments = {"num_ghosts": 5, "axis": 2, "intensity": 0.5, "restore": None}
    row = run_transform(plane, "Ghosting", arguments)[30]
    peaks = np.abs(row[(40 + 16 * np.arange(1, 5)) % 80])
    # The restored line spreads intensity / width over the row.
    assert np.abs(peaks - 0.5 / 5).max() < 0.5 / 80 + 1e-6
    assert row[40] == pytest.approx(1 - 0.5 / 5, abs=0.5 / 80 + 1e-6)


@given(st.integers(0, 59), st.integers(0, 75), st.floats(0.01, 1))
def test_spike_adds_a_cosine_of_the_images_mean(row, column, intensity):
    plane = head()
    places = np.array([[0.0, (row + 0.5) / 60, (column + 0.5) / 76]])
    result = run_transform(plane, "Spike", {"spikes_positions": places, "intensity": intensity})
    r, c = np.indices(plane.shape)
    wave = np.cos(2 * np.pi * ((row - 30) * r / 60 + (column - 38) * c / 76))
    assert np.abs(result - (plane + intensity * plane.mean() * wave)).max() < 1e-5


@given(seeds, st.floats(0.05, 0.5))
def test_bias_field_is_the_exponential_of_a_polynomial_without_constant(seed, coefficient):
    arguments = draw_bias_field({"coefficient": coefficient}, seed)
    plane = np.full((30, 41), 0.5, np.float32)
    field = np.log(run_transform(plane, "BiasField", arguments) / 0.5)
    # TorchIO's unit is the outermost pixel's centre.
    u, v = np.linspace(-1, 1, 30)[:, None], np.linspace(-1, 1, 41)[None]
    terms = [u**j * v**k for j in range(4) for k in range(4 - j) if j + k > 0]
    design = np.stack([np.broadcast_to(term, plane.shape).ravel() for term in terms], axis=1)
    found, residual, *_ = np.linalg.lstsq(design, field.ravel(), rcond=None)
    assert residual.sum() < 1e-8
    assert np.sqrt(np.mean(found**2)) == pytest.approx(coefficient, rel=1e-3)


def test_motion_puts_k_space_together_from_moved_copies():
    plane = np.zeros((48, 64), np.float32)
    plane[15:30, 20:44] = 0.6
    plane[18:22, 25:30] = 0.2
    shifts = [(2, -3), (-4, 5)]
    arguments = {
        "degrees": np.zeros((2, 3)),
        # TorchIO moves the sampling points: the image goes the other way. Its world turns over the first two axes.
        "translation": np.array([[0.0, row, -column] for row, column in shifts]),
        "times": np.array([0.3, 0.7]),
        "image_interpolation": "linear",
    }
    result = run_transform(plane, "Motion", arguments)
    still, first, second = (np.fft.fftshift(np.fft.fft2(np.roll(plane, by, (0, 1)))) for by in [(0, 0), *shifts])
    # The image at rest gets the middle third, with the centre; the first copy the third that was its.
    together = np.concatenate([first[:, :19], still[:, 19:44], second[:, 44:]], axis=1)
    assert np.abs(result - np.fft.ifft2(np.fft.ifftshift(together)).real).max() < 1e-5


def test_motion_turns_about_the_images_centre():
    arguments = {
        "degrees": np.array([[37.0, 0, 0], [-80.0, 0, 0]]),
        "translation": np.zeros((2, 3)),
        "times": np.array([0.45, 0.55]),
        "image_interpolation": "linear",
    }
    r, c = np.indices((61, 75))
    for row, column, least, most in [(30, 37, 0, 0.05), (20, 37, 0.2, 2), (30, 49, 0.2, 2)]:
        disc = (1 / (1 + np.exp(1.5 * (np.hypot(r - row, c - column) - 12)))).astype(np.float32)
        change = np.abs(run_transform(disc, "Motion", arguments) - disc).max()
        assert least <= change < most, (row, column)


@given(seeds)
def test_drawn_motions_have_exactly_the_levels_size(seed):
    level = {"degrees": 3.0, "translation": 5.0, "movements": 6}
    _, arguments = draw_motion(level, seed, (112, 448))
    assert np.array_equal(np.abs(arguments["degrees"]), [[3.0, 0, 0]] * 6)
    assert np.allclose(np.linalg.norm(arguments["translation"], axis=1), 10)
    assert not arguments["translation"][:, 0].any()
    assert arguments["times"][0] > 0
    assert arguments["times"][-1] < 1
    assert (np.diff(arguments["times"]) > 0).all()


def test_movements_lie_at_regular_times_give_or_take_a_share_of_the_interval():
    level = {"degrees": 1.0, "translation": 1.0, "movements": 4}
    offsets = np.array([5 * draw_motion(level, seed, (9, 9))[1]["times"] - np.arange(1, 5) for seed in range(500)])
    assert 0.29 < np.abs(offsets).max() <= 0.3
    assert np.abs(offsets.mean(axis=0)).max() < 4 * 0.3 / math.sqrt(3 * 500)


def test_numbers_of_ghosts_and_axes_are_all_drawn():
    found = [draw_ghosting({"intensity": 1.0}, seed) for seed in range(300)]
    assert {arguments["num_ghosts"] for arguments in found} == set(range(GHOSTS[0], GHOSTS[1] + 1))
    assert {arguments["axis"] for arguments in found} == {1, 2}
    assert {draw_motion({"degrees": 1, "translation": 1, "movements": 2}, seed, (9, 9))[0] for seed in range(20)} == {
        True,
        False,
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 5), (7, 1)])
def test_smallest_images_come_back(name, shape):
    images = torch.rand(16, 1, *shape, generator=torch.Generator().manual_seed(0))
    for severity in SEVERITIES:
        result = corrupt(name, images, severity, [str(case) for case in range(16)], MR)
        assert result.shape == images.shape
        assert bool(((result >= 0) & (result <= 1)).all())
        if shape == (1, 1) and name != "torchio-spike":
            assert (result - images).abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_images_come_back(name, value):
    result = corrupt(name, torch.full((3, 2, 40, 33), value), 5, ["a", "b", "c"], MR)
    assert torch.isfinite(result).all()
    if value == 0:
        assert result.abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_channels_are_corrupted_alike(name):
    plane = torch.from_numpy(head())
    other = plane.flip(0)
    both = corrupt(name, torch.stack([plane, other])[None], 4, ["a"], MR)[0]
    assert torch.equal(both[0], corrupt(name, plane[None, None], 4, ["a"], MR)[0, 0])
    assert torch.equal(both[1], corrupt(name, other[None, None], 4, ["a"], MR)[0, 0])
    repeated = corrupt(name, plane.expand(1, 3, -1, -1), 4, ["a"], MR)[0]
    assert torch.equal(repeated, both[:1].expand(3, -1, -1))


@pytest.mark.parametrize("name", NAMES)
def test_global_random_state_is_left_alone(name):
    torch.manual_seed(5)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    corrupt(name, torch.from_numpy(head())[None, None], 3, ["a"], MR)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


@pytest.mark.parametrize("name", NAMES)
def test_bits_do_not_depend_on_threads_at_512_px(name):
    import SimpleITK as sitk  # noqa: N813

    images = torch.from_numpy(head(512, 509))[None, None]
    threads, itk_threads = torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    results = []
    try:
        for count in (1, 2, 5, 8):
            torch.set_num_threads(count)
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
            results.append(corrupt(name, images, 3, ["a"], MR))
    finally:
        torch.set_num_threads(threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(itk_threads)
    assert all(torch.equal(result, results[0]) for result in results)


def test_motion_with_no_amplitude_is_the_image():
    images = torch.from_numpy(head())[None, None]
    result = mr_motion(images, {"degrees": 0.0, "translation": 0.0, "movements": 4}, [1], [MR])
    assert (result - images).abs().max() < 1e-5


def test_importing_the_corruptions_does_not_import_torchio():
    program = "import sys, biclip_bench.corruptions; sys.exit('torchio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_they_are_made_for_magnetic_resonance_images():
    families = {"ghosting", "spike", "bias-field", "mr-motion"}
    assert {corruption_registry.get(name).family for name in NAMES} == families
    assert all(corruption_registry.get(name).modalities == ("mr",) for name in NAMES)


def test_spikes_lie_anywhere_in_k_space():
    places = np.array([draw_spike({"intensity": 1.0}, seed)["spikes_positions"][0] for seed in range(400)])
    assert places[:, 0].max() == 0
    assert places.min() >= 0
    assert places.max() < 1
    assert np.abs(places[:, 1:].mean(axis=0) - 0.5).max() < 4 * math.sqrt(1 / 12 / 400)
