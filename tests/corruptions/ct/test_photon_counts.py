import numpy as np
import pytest
from scipy.stats import norm, poisson

from biclip_bench.corruptions.ct.photon_counts import detector_reading, measured_line_integrals
from biclip_bench.corruptions.seeding import case_generator


@pytest.mark.parametrize("expected", [0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 1e3, 1e4, 1e5])
def test_reading_is_distributed_as_poisson_plus_electronic_noise(expected):
    normals = np.linspace(-4.5, 4.5, 901, dtype=np.float32)
    reading = detector_reading(np.full_like(normals, expected), normals).astype(np.float64)
    assert (np.diff(reading) > 0).all()
    photons = np.arange(poisson.ppf(1e-12, expected), poisson.isf(1e-12, expected) + 2) if expected else np.zeros(1)
    exact = norm.cdf((reading[:, None] - photons) / np.sqrt(10)) @ poisson.pmf(photons, expected)
    assert np.abs(exact - norm.cdf(normals)).max() < 1e-4


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
    measured = measured_line_integrals(truth, photons, case_generator(3)).astype(np.float64)
    count = photons * np.exp(-line_integral)
    assert measured.var() == pytest.approx((count + 10) / count**2, rel=0.03)
    # The logarithm's bias: half the relative variance, by its second-order expansion.
    assert measured.mean() - line_integral == pytest.approx((count + 10) / count**2 / 2, rel=0.15)


def test_a_ray_without_photons_is_finite_and_capped_by_the_floor():
    starved = measured_line_integrals(np.full(10_000, 60, dtype=np.float32), 2500.0, case_generator(4))
    assert np.isfinite(starved).all()
    assert starved.max() == pytest.approx(np.log(2500 / 0.1), abs=1e-5)
