import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from biclip_bench.corruptions import ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.ct.exposure import log_bowtie, log_modulation
from biclip_bench.corruptions.ct.low_dose_ct import change
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.errors import UserError

CONTEXT = ImageContext("ct", (-2000.0, 2000.0), 2.0)


def ellipse(size, width_mm, height_mm, pixel_size_mm=2.0):
    """Water in air; value = (HU + 2000) / 4000."""
    axis = (np.arange(size) - (size - 1) / 2) * pixel_size_mm
    inside = (axis[None, :] / (width_mm / 2)) ** 2 + (axis[:, None] / (height_mm / 2)) ** 2 < 1
    return np.where(inside, 0.5, 0.25).astype(np.float32)


def noise_in_hu(image, seeds, dose, **options):
    level = {**corruption_registry.get("low-dose-ct").defaults, "dose": dose, **options}
    return np.stack([4000.0 * change(image, level, seed, CONTEXT, parallel_beam(*image.shape)) for seed in seeds])


def middle(noise, half=12):
    size = noise.shape[-1]
    return noise[:, size // 2 - half : size // 2 + half, size // 2 - half : size // 2 + half]


def test_the_hann_kernel_lowers_the_noise_by_the_integral_of_its_window():
    image = ellipse(128, 160, 160)
    ratio = (
        middle(noise_in_hu(image, range(24), 1, kernel="hann")).std() / middle(noise_in_hu(image, range(24), 1)).std()
    )
    windowed = quad(lambda f: (f * (1 + math.cos(math.pi * f)) / 2) ** 2, 0, 1)[0]
    assert ratio == pytest.approx(math.sqrt(windowed / (1 / 3)), rel=0.05)


def test_the_ideal_bowtie_lights_the_detector_evenly_behind_its_cylinder():
    image = ellipse(192, 300, 300)
    line_integrals = parallel_beam(192, 192).project(np.where(image > 0.3, 0.0192 * 2, 0).astype(np.float32))
    bins = line_integrals.shape[1]
    behind = log_bowtie(bins, 2.0, 1.0) - line_integrals.mean(axis=0)
    distance = np.abs(np.arange(bins) - (bins - 1) / 2) * 2
    assert np.abs(behind - behind[bins // 2])[distance < 140].max() < 0.06
    assert np.abs(behind - behind[bins // 2])[distance > 155].max() < 0.06
    assert log_bowtie(bins, 2.0, 0.5) == pytest.approx(log_bowtie(bins, 2.0, 1.0) / 2)
    assert log_bowtie(bins, 2.0, 1.0).max() == pytest.approx(0, abs=1e-3)


def test_the_ideal_bowtie_makes_the_noise_of_its_cylinder_uniform():
    image = ellipse(192, 300, 300)
    axis = (np.arange(192) - 95.5) * 2
    radius = np.hypot(axis[:, None], axis)
    ratios = []
    for bowtie in (0.0, 1.0):
        noise = noise_in_hu(image, range(12), 20, bowtie=bowtie)
        ratios.append(noise[:, (radius > 110) & (radius < 140)].std() / noise[:, radius < 40].std())
    assert ratios[0] < 0.7
    assert ratios[1] == pytest.approx(1, abs=0.05)


def test_a_bowtie_leaves_the_noise_at_the_centre():
    image = ellipse(128, 160, 160)
    plain, filtered = (middle(noise_in_hu(image, range(16), 1, bowtie=bowtie), 4).std() for bowtie in (0.0, 0.6))
    assert filtered == pytest.approx(plain, rel=0.1)


def test_modulated_current_keeps_the_exposure_and_follows_the_root_of_the_attenuation():
    line_integrals = np.random.default_rng(0).uniform(0, 6, (90, 64)).astype(np.float32)
    photons = np.exp(log_modulation(line_integrals, 1.0))
    assert photons.shape == (90, 1)
    assert photons.mean() == pytest.approx(1, rel=1e-5)
    largest = line_integrals.max(axis=1)
    assert photons[3, 0] / photons[7, 0] == pytest.approx(math.exp((largest[3] - largest[7]) / 2), rel=1e-4)
    assert np.isfinite(log_modulation(line_integrals * 1e4, 1.0)).all()


def test_modulation_lowers_the_noise_at_the_centre_of_an_ellipse_as_theory_says():
    image = ellipse(160, 280, 140)
    theta = np.arange(parallel_beam(160, 160).views) * math.pi / parallel_beam(160, 160).views
    # View theta measures lines perpendicular to it.
    chord = 1 / np.hypot(np.sin(theta) / 280, np.cos(theta) / 140)
    variance = np.exp(0.0192 * chord)
    deviations = {
        strength: middle(noise_in_hu(image, range(24), 20, modulation=strength), 6).std()
        for strength in (0.0, 0.5, 1.0)
    }
    for strength in (0.5, 1.0):
        photons = variance ** (strength / 2)
        expected = math.sqrt((variance / photons).mean() * photons.mean() / variance.mean())
        assert deviations[strength] / deviations[0] == pytest.approx(expected, rel=0.04)
    assert deviations[1.0] < deviations[0.5] < deviations[0.0]


def test_noise_of_a_source_and_what_is_inserted_add_up_to_a_scan_at_the_lower_dose():
    image = ellipse(128, 150, 150)
    taken = image + noise_in_hu(image, range(24), 0.2) / 4000
    level = {**corruption_registry.get("low-dose-ct").defaults, "dose": 0.05, "source_dose": 0.2}
    scanner = parallel_beam(128, 128)
    both = [
        one + change(one.astype(np.float32), level, 1000 + seed, CONTEXT, scanner) - image
        for seed, one in enumerate(taken)
    ]
    direct = noise_in_hu(image, range(24), 0.05)
    assert 4000 * middle(np.stack(both), 20).std() == pytest.approx(middle(direct, 20).std(), rel=0.03)
    missing = middle(noise_in_hu(image, range(24), 0.05, source_dose=0.2), 20).std()
    assert missing / middle(direct, 20).std() == pytest.approx(math.sqrt(1 - 0.05 / 0.2), rel=0.03)


def test_a_dose_at_or_above_the_sources():
    images = torch.from_numpy(ellipse(64, 90, 90))[None, None]
    same = corrupt("low-dose-ct:dose=0.25,source_dose=0.25", images, 1, ["a"], CONTEXT)
    assert torch.equal(same, images)
    assert same is not images
    with pytest.raises(UserError, match=r"dose=0\.5 and source_dose=0\.25.*at most 0\.25"):
        corrupt("low-dose-ct:source_dose=0.25", images, 1, ["a"], CONTEXT)


def test_electronic_noise_adds_to_the_quantum_noise_where_few_photons_arrive():
    image = ellipse(128, 200, 200)
    quiet, loud = (middle(noise_in_hu(image, range(20), 0.3, electronic=electronic)).std() for electronic in (0, 500))
    share = (2 * 224 / 360) * (352 / parallel_beam(128, 128).views)
    counts = 0.3e5 * math.exp(-0.0192 * 200)  # of a ray of the reference geometry; both are shared alike
    assert share > 1
    assert loud / quiet == pytest.approx(math.sqrt(1 + 500 / counts), rel=0.04)


def along(noise, axis, lags):
    """Autocorrelation of a stack of patches, averaged over a range of lags along an axis."""
    total = (noise**2).mean()
    size = noise.shape[axis]
    shifted = [
        (noise.take(range(size - lag), axis) * noise.take(range(lag, size), axis)).mean() / total for lag in lags
    ]
    return float(np.mean(shifted))


def test_noise_between_dense_shoulders_is_drawn_out_along_the_line_through_them():
    body = ellipse(160, 290, 150)
    axis = (np.arange(160) - 79.5) * 2
    shoulders = body.copy()
    for side in (-1, 1):
        shoulders[np.hypot(axis[:, None], axis - side * 105) < 32] = (700 + 2000) / 4000
    lags = range(2, 9)
    anisotropy = []
    for image in (ellipse(160, 150, 150), shoulders):
        noise = middle(noise_in_hu(image, range(24), 2), 20)
        anisotropy.append(along(noise, 2, lags) - along(noise, 1, lags))
    assert abs(anisotropy[0]) < 0.01
    assert anisotropy[1] > 0.1
