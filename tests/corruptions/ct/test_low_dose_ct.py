import itertools
import math

import numpy as np
import pytest
import torch

from biclip_bench.corruptions import ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.ct.low_dose_ct import low_dose_ct, noise_image
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam

WIDE = ImageContext("ct", (-2000.0, 2000.0), 1.6)
"""A scale so wide that no noise is clipped: value = (HU + 2000) / 4000."""


def water_disc(size, diameter_mm, pixel_size_mm=1.6, inside=0.0, outside=-1000.0):
    """A disc of water in air, in the scale of WIDE."""
    axis = (np.arange(size) - (size - 1) / 2) * pixel_size_mm
    hounsfield = np.where(np.hypot(axis[:, None], axis) < diameter_mm / 2, inside, outside)
    return ((hounsfield + 2000) / 4000).astype(np.float32)


def noise_in_hu(image, photons, seeds, context=WIDE):
    scanner = parallel_beam(*image.shape)
    return np.stack([4000.0 * noise_image(image, photons, seed, context, scanner) for seed in seeds])


def centre(stack, side):
    first = (stack.shape[-1] - side) // 2
    return stack[..., first : first + side, first : first + side]


def test_noise_at_the_centre_of_a_water_disc_is_what_theory_says():
    size, diameter, photons = 192, 200.0, 1e5
    noise = centre(noise_in_hu(water_disc(size, diameter), photons, range(12)), 24)
    line_integral = 0.0192 * diameter
    # Ramp filter of white noise: var(mu) = pi^2 / 12 var(p) / (views bin^2) (Kak and Slaney 1988, chapter 5).
    views = parallel_beam(size, size).views
    variance = math.pi**2 / 12 * math.exp(line_integral) / photons / (views * 1.6**2)
    assert noise.std() == pytest.approx(1000 / 0.0192 * math.sqrt(variance), rel=0.05)


def test_noise_grows_with_the_inverse_square_root_of_the_dose():
    image = water_disc(128, 180.0)
    doses = [0.5, 0.25, 0.1]
    deviations = [centre(noise_in_hu(image, 1e5 * dose, range(20)), 48).std() for dose in doses]
    for dose, deviation in zip(doses, deviations, strict=True):
        assert deviation * math.sqrt(dose) == pytest.approx(deviations[0] * math.sqrt(0.5), rel=0.05)


def test_noise_grows_with_the_path_through_the_body():
    thin = centre(noise_in_hu(water_disc(128, 100.0), 1e5, range(20)), 24).std()
    thick = centre(noise_in_hu(water_disc(128, 180.0), 1e5, range(20)), 24).std()
    assert thick / thin == pytest.approx(math.exp(0.0192 * 80 / 2), rel=0.05)


@pytest.mark.parametrize("severity", [1, 2, 3, 4])
def test_mean_is_unbiased_above_starvation(severity):
    image = torch.from_numpy(water_disc(128, 180.0))[None, None]
    cases = [f"case-{number}" for number in range(12)]
    noisy = corrupt("low-dose-ct", image.repeat(12, 1, 1, 1), severity, cases, WIDE)
    change = 4000 * (noisy - image)[:, 0].double().numpy()
    assert abs(centre(change, 60).mean()) < 2


def test_starvation_raises_the_noise_above_the_square_root_law_and_biases_the_mean():
    image = water_disc(128, 190.0, inside=700.0)  # as dense as bone: fewer than 10 photons left of 2500
    high, low = (centre(noise_in_hu(image, photons, range(8)), 48) for photons in (1e6, 2500.0))
    assert low.std() > 1.3 * high.std() * math.sqrt(1e6 / 2500)
    assert abs(low.mean()) > 10


def test_noise_power_spectrum_is_a_ramp():
    # In air all rays are alike, so the noise is stationary.
    noise = centre(noise_in_hu(np.full((128, 128), 0.25, np.float32), 1e4, range(40)), 64)
    window = np.hanning(64)[:, None] * np.hanning(64)
    power = (np.abs(np.fft.fft2(noise * window)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    bands = np.arange(0.05, 0.45, 0.05)
    radial = np.array([power[np.abs(frequency - band) < 0.02].mean() for band in bands])
    assert np.polyfit(np.log(bands), np.log(radial), 1)[0] == pytest.approx(1, abs=0.07)
    assert power[0, 0] < 0.05 * radial[-1]  # what the window leaks from its neighbours
    assert power[frequency > 0.55].mean() < 0.05 * radial[-1]


def test_the_clean_image_keeps_its_sharpness():
    image = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    rays = {"dose": 1e6}
    assert (low_dose_ct(image, rays, [1], [WIDE]) - image).abs().max() < 1e-3


def test_severities_are_graded():
    image = torch.from_numpy(water_disc(112, 170.0))[None, None]
    errors = [
        float((corrupt("low-dose-ct", image, severity, ["case"], WIDE) - image).square().mean())
        for severity in range(1, 6)
    ]
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(errors))
    assert [level["dose"] for level in corruption_registry.get("low-dose-ct").levels] == [0.5, 0.25, 0.1, 0.05, 0.025]


def test_equal_channels_stay_equal_and_match_the_grey_image():
    grey = torch.rand(2, 1, 40, 52, generator=torch.Generator().manual_seed(1))
    noisy = corrupt("low-dose-ct", grey, 3, ["a", "b"])
    assert torch.equal(corrupt("low-dose-ct", grey.repeat(1, 3, 1, 1), 3, ["a", "b"]), noisy.repeat(1, 3, 1, 1))


def test_colour_gets_the_change_of_its_mean_in_every_channel():
    colour = 0.4 + 0.2 * torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    change = corrupt("low-dose-ct", colour, 1, ["a"], WIDE) - colour
    grey = colour.mean(dim=1, keepdim=True)
    expected = corrupt("low-dose-ct", grey, 1, ["a"], WIDE) - grey
    assert expected.abs().max() > 1e-3
    assert (change - expected).abs().max() < 1e-5


def test_a_non_square_image_is_the_square_one_with_air_beside_it():
    tall = water_disc(96, 60.0)[:, 24:72]
    wide = np.full((96, 96), 0.25, np.float32)
    wide[:, 24:72] = tall
    a = parallel_beam(96, 48)
    b = parallel_beam(96, 96)
    assert a.views == b.views
    attenuation = np.maximum(tall - 0.25, 0), np.maximum(wide - 0.25, 0)
    extra = (b.bins - a.bins) // 2
    assert np.abs(a.project(attenuation[0]) - b.project(attenuation[1])[:, extra : extra + a.bins]).max() < 2e-2
    narrow = noise_in_hu(tall, 1e4, range(30))[:, 36:60, 12:36].std()
    assert narrow == pytest.approx(noise_in_hu(wide, 1e4, range(30))[:, 36:60, 36:60].std(), rel=0.05)


def test_unknown_scale_is_read_as_a_lung_window_of_360_mm():
    images = torch.rand(1, 1, 60, 90, generator=torch.Generator().manual_seed(3))
    stated = ImageContext("ct", (-1350.0, 150.0), 4.0)
    assert torch.equal(corrupt("low-dose-ct", images, 3, ["a"]), corrupt("low-dose-ct", images, 3, ["a"], stated))


def test_a_larger_body_is_noisier():
    images = torch.full((1, 1, 64, 64), 0.6)
    small, large = (
        (corrupt("low-dose-ct", images, 2, ["a"], ImageContext("ct", None, size)) - images).std() * size
        for size in (1.0, 5.0)
    )
    assert large > 1.5 * small
