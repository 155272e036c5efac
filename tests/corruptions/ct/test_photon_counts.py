import numpy as np
import pytest
import torch
from scipy.stats import binom, norm, poisson

from biclip_bench.corruptions.ct.photon_counts import Detector, detector_reading, measured_line_integrals
from biclip_bench.corruptions.seeding import case_generator


@pytest.mark.parametrize(("electronic", "error"), [(10.0, 1e-4), (5.0, 1e-4), (1.0, 1e-3), (0.5, 3e-3)])
@pytest.mark.parametrize("expected", [0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 1e3, 1e4, 1e5])
def test_reading_is_distributed_as_poisson_plus_electronic_noise(expected, electronic, error):
    normals = np.linspace(-4.5, 4.5, 901, dtype=np.float32)
    reading = detector_reading(np.full_like(normals, expected), normals, Detector(electronic)).astype(np.float64)
    assert (np.diff(reading) > 0).all()
    photons = np.arange(poisson.ppf(1e-12, expected), poisson.isf(1e-12, expected) + 2) if expected else np.zeros(1)
    exact = norm.cdf((reading[:, None] - photons) / np.sqrt(electronic)) @ poisson.pmf(photons, expected)
    assert np.abs(exact - norm.cdf(normals)).max() < error


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("counted", [1, 20, 400, 100_000])
def test_what_a_scan_keeps_is_distributed_as_binomial_plus_the_missing_electronic_noise(kept, counted):
    normals = np.linspace(-4.5, 4.5, 901, dtype=np.float32)
    expected = np.full_like(normals, kept * counted)
    reading = detector_reading(expected, normals, Detector(10.0, kept=kept)).astype(np.float64)
    photons = np.arange(binom.ppf(1e-12, counted, kept), binom.isf(1e-12, counted, kept) + 2)
    smear = np.sqrt(10 * (1 - kept**2))
    exact = norm.cdf((reading[:, None] - photons) / smear) @ binom.pmf(photons, counted, kept)
    assert np.abs(exact - norm.cdf(normals)).max() < 5e-4


def test_a_poisson_scan_thinned_is_a_poisson_scan():
    draw = case_generator(5)
    first = detector_reading(
        np.full(1_000_000, 60, np.float32), draw.standard_normal(1_000_000, dtype=np.float32), Detector(10.0)
    )
    normals = draw.standard_normal(1_000_000, dtype=np.float32)
    second = detector_reading(np.maximum(first, 0) * np.float32(0.25), normals, Detector(10.0, kept=0.25))
    direct = detector_reading(np.full(1_000_000, 15, np.float32), normals, Detector(10.0))
    for reading in (second, direct):
        centred = reading.astype(np.float64) - 15
        assert centred.mean() == pytest.approx(0, abs=0.03)
        assert (centred**2).mean() == pytest.approx(25, abs=0.2)
        assert (centred**3).mean() == pytest.approx(15, abs=1.5)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9999, 1.0])
def test_tensors_and_arrays_get_the_same_reading(kept):
    normals = case_generator(6).standard_normal(10_000, dtype=np.float32)
    expected = np.geomspace(1e-3, 1e5, 10_000).astype(np.float32)
    array = detector_reading(expected, normals, Detector(2.0, kept=kept))
    column = torch.tensor([[2.0]])
    batch = torch.from_numpy(expected)[None], torch.from_numpy(normals)[None]
    tensor = detector_reading(*batch, Detector(column, kept=kept))
    assert array.dtype == np.float32
    assert np.allclose(tensor[0].numpy(), array, rtol=1e-5, atol=1e-4)


def test_nothing_is_drawn_where_nothing_is_missing():
    expected = np.geomspace(1e-3, 1e5, 1000).astype(np.float32)
    reading = detector_reading(expected, np.full(1000, 3, np.float32), Detector(kept=1.0))
    assert np.allclose(reading, expected, rtol=1e-6)


@pytest.mark.parametrize("expected", [2.0, 40.0, 2500.0])
def test_reading_has_the_mean_and_variance_of_counting(expected):
    normals = case_generator(1).standard_normal(1_000_000, dtype=np.float32)
    reading = detector_reading(np.full_like(normals, expected), normals).astype(np.float64)
    assert reading.mean() == pytest.approx(expected, abs=5 * np.sqrt((expected + 10) / 1e6))
    assert reading.var() == pytest.approx(expected + 10, rel=0.01)


def test_reading_moves_little_when_the_expected_count_does():
    normals = case_generator(2).standard_normal(10_000, dtype=np.float32)
    expected = np.geomspace(0.01, 1e5, 10_000).astype(np.float32)
    moved = detector_reading(np.nextafter(expected, np.float32(np.inf)), normals)
    assert np.allclose(moved, detector_reading(expected, normals), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("line_integral", "photons"), [(2.0, 1e4), (4.0, 1e4)])
def test_measured_line_integral_has_the_variance_of_its_counts(line_integral, photons):
    truth = np.full((1000, 1000), line_integral, dtype=np.float32)
    normals = case_generator(3).standard_normal(truth.shape, dtype=np.float32)
    measured = measured_line_integrals(truth, np.log(photons).astype(np.float32), normals).astype(np.float64)
    count = photons * np.exp(-line_integral)
    assert measured.var() == pytest.approx((count + 10) / count**2, rel=0.03)
    # The logarithm's bias: half the relative variance, by its second-order expansion.
    assert measured.mean() - line_integral == pytest.approx((count + 10) / count**2 / 2, rel=0.15)


def test_a_ray_without_photons_is_finite_and_capped_by_the_floor():
    normals = case_generator(4).standard_normal(10_000, dtype=np.float32)
    starved = measured_line_integrals(np.full(10_000, 60, dtype=np.float32), float(np.log(2500.0)), normals)
    assert np.isfinite(starved).all()
    assert starved.max() == pytest.approx(np.log(2500 / 0.1), abs=1e-5)


def test_ringing_beside_an_endless_path_stays_finite():
    ringing = np.array([-1e4, 1e5], dtype=np.float32)
    assert np.isfinite(measured_line_integrals(ringing, 11.5, np.zeros(2, np.float32))).all()
