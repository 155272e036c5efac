import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from biclip_bench.corruptions import ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.mri.rician_noise import rician_noise


def magnitudes(signal, sd, seed=3, size=(200, 220)):
    images = torch.full((1, 1, *size), signal)
    return rician_noise(images, {"sd": sd}, [seed], [ImageContext("mr")]).double().numpy().ravel()


@pytest.mark.parametrize("signal", [0.0, 0.02, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("sd", [0.02, 0.05])
def test_values_have_the_rician_distribution(signal, sd):
    drawn = magnitudes(signal, sd)
    rice = stats.rice(signal / sd, scale=sd)
    assert stats.kstest(drawn, rice.cdf).pvalue > 0.01
    mean, variance, _, kurtosis = rice.stats("mvsk")
    assert drawn.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / drawn.size))
    spread = math.sqrt((kurtosis + 2) / drawn.size)
    assert drawn.var() == pytest.approx(variance, rel=4 * spread)


def test_background_has_rayleigh_noise():
    drawn = magnitudes(0.0, 0.05)
    assert drawn.mean() == pytest.approx(0.05 * math.sqrt(math.pi / 2), rel=0.01)
    assert drawn.std() == pytest.approx(0.05 * math.sqrt(2 - math.pi / 2), rel=0.02)


def test_strong_signal_has_gaussian_noise_and_the_known_bias():
    drawn = magnitudes(0.5, 0.02)
    # Gudbjartsson and Patz 1995: approximately Gaussian with mean sqrt(A^2 + sd^2) and variance sd^2.
    assert drawn.mean() == pytest.approx(math.sqrt(0.5**2 + 0.02**2), abs=4 * 0.02 / math.sqrt(drawn.size))
    assert drawn.std() == pytest.approx(0.02, rel=0.02)


@given(st.integers(0, 2**64), st.floats(0.001, 1.0))
def test_noise_is_that_of_the_same_draws_in_every_channel(seed, sd):
    images = torch.rand(1, 1, 5, 7, generator=torch.Generator().manual_seed(0)).repeat(1, 3, 1, 1)
    result = rician_noise(images, {"sd": sd}, [seed], [ImageContext("mr")])
    assert torch.equal(result, result[:, :1].repeat(1, 3, 1, 1))


def test_it_is_made_for_magnetic_resonance_images():
    assert corruption_registry.get("rician-noise").modalities == ("mr",)


def test_pixels_are_independent():
    noise = corrupt("rician-noise", torch.full((1, 1, 200, 200), 0.5), 3, ["a"])[0, 0].double().numpy() - 0.5
    for shifted in (noise[:, 1:] * noise[:, :-1], noise[1:] * noise[:-1]):
        assert abs(shifted.mean()) < 5 * noise.var() / np.sqrt(shifted.size)
