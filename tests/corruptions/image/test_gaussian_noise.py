import numpy as np
import pytest
import torch
from scipy import stats

from biclip_bench.corruptions import SEVERITIES, ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.image.gaussian_noise import gaussian_noise

GREY = torch.full((1, 1, 200, 220), 0.5)


def noise(sd, seed=1, images=GREY):
    return (gaussian_noise(images, {"sd": sd}, [seed] * len(images), [ImageContext()] * len(images)) - images).numpy()


def test_noise_is_normal_with_the_stated_standard_deviation():
    drawn = noise(0.08).ravel()
    assert stats.kstest(drawn / 0.08, "norm").pvalue > 0.01
    assert drawn.std() == pytest.approx(0.08, rel=4 / np.sqrt(2 * drawn.size))
    assert abs(drawn.mean()) < 4 * 0.08 / np.sqrt(drawn.size)


def test_noise_is_white():
    power = np.abs(np.fft.fft2(noise(0.05)[0, 0])) ** 2 / (GREY.numel() * 0.05**2)
    frequency = np.hypot(np.fft.fftfreq(200)[:, None], np.fft.fftfreq(220))
    for low, high in [(0.02, 0.1), (0.1, 0.25), (0.25, 0.4), (0.4, 0.7)]:
        band = power[(frequency > low) & (frequency <= high)]
        # Each value is exponential with mean 1, and comes twice.
        assert band.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / band.size))


def test_every_severity_has_the_deviation_of_its_table():
    for severity, level in zip(SEVERITIES, corruption_registry.get("gaussian-noise").levels, strict=True):
        assert (corrupt("gaussian-noise", GREY, severity, ["a"]) - GREY).std() == pytest.approx(level["sd"], rel=0.02)


def test_channels_share_their_noise():
    images = torch.stack([torch.full((60, 60), 0.4), torch.full((60, 60), 0.6)])[None]
    drawn = noise(0.02, images=images)[0]
    assert np.abs(drawn[0] - drawn[1]).max() < 1e-6
    grey = gaussian_noise(GREY.repeat(1, 3, 1, 1), {"sd": 0.3}, [1], [ImageContext()])[0]
    assert torch.equal(grey[0], grey[1])
    assert torch.equal(grey[0], grey[2])


def test_cases_do_not_share_their_noise():
    correlation = np.corrcoef(noise(0.05, seed=1).ravel(), noise(0.05, seed=2).ravel())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(GREY.numel())
