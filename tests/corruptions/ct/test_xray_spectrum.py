import numpy as np
import pytest
from scipy.optimize import brentq

from biclip_bench.corruptions.ct.spectrum import (
    ENERGIES,
    mass_attenuation,
    polychromatic,
    relative_attenuation,
    spectrum_weights,
    water_corrected,
)


def test_attenuation_is_that_of_the_nist_tables_and_between_its_energies():
    assert mass_attenuation("water")[ENERGIES == 60] == pytest.approx(0.2059)
    assert mass_attenuation("iron")[ENERGIES == 80] == pytest.approx(0.5952)
    assert mass_attenuation("aluminium")[ENERGIES == 100] == pytest.approx(0.1704)
    at_70 = mass_attenuation("water")[ENERGIES == 70]
    # The 0.0192 to 0.0193 per mm by which water at 70 keV is known.
    assert at_70 == pytest.approx(0.1929, rel=0.01)


def test_the_beam_has_the_half_value_layer_of_a_ct_at_120_kv():
    weights, aluminium = spectrum_weights(), mass_attenuation("aluminium") * 2.699 / 10
    layer = brentq(lambda mm: weights @ np.exp(-aluminium * mm) - 0.5, 0.1, 50)
    assert weights.sum() == pytest.approx(1)
    assert layer == pytest.approx(7.2, abs=0.05)


def test_a_thin_layer_attenuates_as_its_line_integral_says():
    thin = np.array([1e-5])
    assert polychromatic(thin) == pytest.approx(1e-5, rel=1e-4)
    assert polychromatic(0 * thin, thin) == pytest.approx(1e-5, rel=1e-4)


def test_a_hardened_beam_is_attenuated_less_and_less():
    thickness = np.linspace(0, 30, 500)
    slope = np.diff(polychromatic(thickness)) / np.diff(thickness)
    assert (np.diff(slope) < 0).all()
    assert slope[-1] > relative_attenuation("water").min()
    # Metal hardens faster.
    assert (polychromatic(0 * thickness, thickness) < polychromatic(thickness))[1:].all()


def test_the_measurement_is_the_formula():
    water, metal = np.array([0.0, 1.0, 5.0, 2.0]), np.array([0.0, 0.0, 3.0, 8.0])
    c, m = relative_attenuation("water"), relative_attenuation("iron")
    transmitted = np.exp(-np.outer(water, c) - np.outer(metal, m)) @ spectrum_weights()
    assert np.allclose(polychromatic(water, metal), -np.log(transmitted), rtol=1e-12)


def test_a_path_of_any_length_has_a_finite_measurement():
    assert np.isfinite(polychromatic(np.array([1e4]), np.array([1e4]))).all()


def test_the_water_correction_undoes_water():
    thickness = np.random.default_rng(0).uniform(0, 12, 1000)
    assert np.abs(water_corrected(polychromatic(thickness)) - thickness).max() < 1e-5
    assert water_corrected(np.zeros(3)).tolist() == [0, 0, 0]
