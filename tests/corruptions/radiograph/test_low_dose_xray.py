import itertools
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from biclip_bench.corruptions import ImageContext, advice, corrupt, corruption_registry, parse_spec
from biclip_bench.corruptions.radiograph.low_dose_xray import low_dose_xray, noise_image

XRAY = ImageContext("radiograph", None, 0.5)
COARSE = ImageContext("radiograph", None, 1.6)
"""Pixels so large that the noise is small and the logarithm a straight line."""
DECADES = 2.0
QUANTA = 31077 * 0.5 * 2.5 * 0.25
"""Counted quanta in a pixel of XRAY at middle grey and the full dose."""
ELECTRONIC = 31077 * 0.5 * 0.01 * 0.25
NOISELESS = {"source_dose": 1e6, "scatter": 0.3, "blur": 0.15, "polarity": "bright"}


def flat(value, size=256):
    return np.full((size, size), value, np.float32)


def change(value, seeds=range(3), size=256, context=XRAY, **level):
    return np.stack([noise_image(flat(value, size), {**NOISELESS, **level}, seed, context) for seed in seeds])


def line_integral(grey):
    return DECADES * math.log(10) * grey


@pytest.mark.parametrize("value", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("dose", [0.2, 0.02])
def test_noise_is_that_of_counting_quanta(value, dose):
    noise = line_integral(change(value, dose=dose, blur=0.0).astype(np.float64))
    draw = np.random.default_rng(0)
    primary = 0.7 * QUANTA * dose * 10 ** (DECADES * (0.5 - value))
    scattered = 0.3 * QUANTA * dose
    counts = draw.poisson(primary + scattered, noise.shape) + draw.normal(0, math.sqrt(ELECTRONIC), noise.shape)
    expected = -np.log((counts - scattered).clip(primary / 100) / primary)
    assert noise.std() == pytest.approx(expected.std(), rel=0.02)
    assert noise.mean() == pytest.approx(expected.mean(), abs=0.02 * expected.std())
    quantiles = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999]
    difference = np.quantile(noise, quantiles) - np.quantile(expected, quantiles)
    assert np.abs(difference).max() < 0.15 * expected.std()


def test_noise_grows_with_the_inverse_square_root_of_the_dose():
    doses = [0.5, 0.2, 0.1, 0.05]
    deviations = [change(0.5, dose=dose).std() * math.sqrt(dose) for dose in doses]
    assert deviations == pytest.approx([deviations[0]] * 4, rel=0.05)


def test_electronic_noise_raises_the_noise_above_that_law_at_the_lowest_doses():
    high, low = (change(0.5, context=COARSE, dose=dose).std() * math.sqrt(dose) for dose in (1.0, 0.01))
    assert low / high == pytest.approx(math.sqrt((1 + 0.4) / (1 + 0.004)), rel=0.03)


@pytest.mark.parametrize("scatter", [0.0, 0.3, 0.6])
def test_noise_grows_behind_dense_parts(scatter):
    thin, dense = (change(value, dose=0.5, scatter=scatter).std() for value in (0.4, 0.8))
    primary = [(1 - scatter) * 10 ** (DECADES * (0.5 - value)) for value in (0.4, 0.8)]
    expected = math.sqrt(primary[1] + scatter) / primary[1] / (math.sqrt(primary[0] + scatter) / primary[0])
    assert dense / thin == pytest.approx(expected, rel=0.05)
    if scatter == 0:
        assert expected == pytest.approx(math.exp(line_integral(0.4) / 2))


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_mean_is_unbiased_above_starvation(severity):
    image = torch.full((6, 1, 224, 224), 0.6)
    noisy = corrupt("low-dose-xray", image, severity, list("abcdef"), ImageContext("radiograph"))
    deviation = float((noisy - 0.6).std())
    # The logarithm's bias is half the relative variance, here below a hundredth of a grey level of 255.
    assert abs(float(noisy.double().mean()) - 0.6) < line_integral(deviation**2) / 2 + 4 * deviation / 548


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize("value", [0.4, 0.8])
def test_a_severity_is_the_same_radiograph_at_every_image_size(severity, value):
    large = torch.full((1, 1, 1024, 1024), value)
    small = torch.full((6, 1, 256, 256), value)
    noisy = corrupt("low-dose-xray", large, severity, ["a"], ImageContext("radiograph"))
    direct = corrupt("low-dose-xray", small, severity, list("abcdef"), ImageContext("radiograph"))
    resampled = torch.nn.functional.interpolate(noisy, size=(256, 256), mode="area")
    assert float(resampled.std() / direct.std()) == pytest.approx(1, abs=0.05)
    assert float(noisy.std() / direct.std()) > 2.5


def test_unknown_pixel_size_is_read_as_400_mm():
    images = torch.rand(1, 1, 60, 90, generator=torch.Generator().manual_seed(3))
    stated = ImageContext("radiograph", None, 400 / 90)
    assert torch.equal(corrupt("low-dose-xray", images, 3, ["a"]), corrupt("low-dose-xray", images, 3, ["a"], stated))


def spectrum(noise):
    return (np.abs(np.fft.fft2(noise)) ** 2).mean(axis=0) / noise[0].size


def test_noise_power_spectrum_falls_with_the_modulation_transfer():
    context = ImageContext("radiograph", None, 0.15)
    noise = change(0.5, range(24), 128, context, dose=0.2)
    frequency = np.hypot(np.fft.fftfreq(128, 0.15)[:, None], np.fft.fftfreq(128, 0.15))
    # In units of the quantum noise at frequency 0; the electronic noise is not blurred.
    expected = np.exp(-2 * (math.pi * 0.15 * frequency) ** 2) ** 2 + 0.01 / (0.2 * 2.5)
    power = spectrum(noise)
    bands = [(low, low + 0.4) for low in np.arange(0.05, 2.4, 0.4)]
    rings = [(frequency >= low) & (frequency < high) for low, high in bands]
    ratio = np.array([power[ring].mean() / expected[ring].mean() for ring in rings])
    assert ratio / ratio[0] == pytest.approx(1, abs=0.1)
    assert power[rings[-1]].mean() < 0.1 * power[rings[0]].mean()


def test_noise_has_no_direction():
    noise = change(0.7, range(24), 128, ImageContext("radiograph", None, 0.2), dose=0.2)
    power = spectrum(noise)
    y, x = np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)
    ring = (np.hypot(y, x) > 0.1) & (np.hypot(y, x) < 0.3)
    angle = np.degrees(np.arctan2(y, x)) % 180
    sectors = [power[ring & (np.abs((angle - middle + 90) % 180 - 90) < 11.25)].mean() for middle in range(0, 180, 22)]
    assert sectors == pytest.approx([np.mean(sectors)] * len(sectors), rel=0.06)
    # Streaks along rows or columns would be power on the axes.
    assert power[0, 13:38].mean() == pytest.approx(power[1:4, 13:38].mean(), rel=0.15)
    assert power[13:38, 0].mean() == pytest.approx(power[13:38, 1:4].mean(), rel=0.15)


@pytest.mark.parametrize(("source_dose", "dose"), [(0.5, 0.1), (0.02, 0.01)])
def test_a_picture_with_noise_of_its_own_gets_only_what_is_missing(source_dose, dose):
    draw = np.random.default_rng(1)
    area = 1.6**2 / 0.25
    quanta = area * QUANTA * source_dose
    counts = draw.poisson(quanta, (256, 256)) + draw.normal(0, math.sqrt(area * ELECTRONIC), (256, 256))
    picture = (0.5 - np.log10(counts / quanta) / DECADES).astype(np.float32)
    level = {**NOISELESS, "dose": dose, "source_dose": source_dose, "scatter": 0.0}
    lowered = picture + noise_image(picture, level, 5, COARSE)
    assert lowered.std() == pytest.approx(change(0.5, context=COARSE, dose=dose, scatter=0.0).std(), rel=0.02)


@pytest.mark.parametrize("dose", [0.3, 0.8])
def test_nothing_is_added_where_the_picture_was_taken_at_no_higher_dose(dose):
    images = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(corrupt(f"low-dose-xray:dose={dose},source_dose=0.3", images, 1, ["a"], XRAY), images)


def test_the_clean_image_keeps_its_sharpness():
    images = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    level = {**NOISELESS, "dose": 1.0, "blur": 2.0}
    assert (low_dose_xray(images, level, [1], [ImageContext("radiograph", None, 20.0)]) - images).abs().max() < 3e-3


def test_a_dark_picture_is_the_negative_of_a_bright_one():
    images = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(4))
    negative = 1 - corrupt("low-dose-xray:polarity=dark", 1 - images, 3, ["a"], XRAY)
    assert (negative - corrupt("low-dose-xray", images, 3, ["a"], XRAY)).abs().max() < 1e-5


def test_severities_are_graded():
    images = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(5))
    smooth = torch.from_numpy(gaussian_filter(images[0, 0].numpy(), 4))[None, None]
    for side in (224, 1024):
        context = ImageContext("radiograph", None, 400 / side)
        errors = [
            float((corrupt("low-dose-xray", smooth, severity, ["case"], context) - smooth).square().mean())
            for severity in range(1, 6)
        ]
        assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(errors))
    doses = [level["dose"] for level in corruption_registry.get("low-dose-xray").levels]
    assert doses == [0.2, 0.1, 0.05, 0.02, 0.01]


def test_equal_channels_stay_equal_and_match_the_grey_image():
    grey = torch.rand(2, 1, 40, 52, generator=torch.Generator().manual_seed(1))
    noisy = corrupt("low-dose-xray", grey, 3, ["a", "b"])
    assert torch.equal(corrupt("low-dose-xray", grey.repeat(1, 3, 1, 1), 3, ["a", "b"]), noisy.repeat(1, 3, 1, 1))


def test_colour_gets_the_change_of_its_mean_in_every_channel():
    colour = 0.4 + 0.2 * torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    difference = corrupt("low-dose-xray", colour, 2, ["a"], XRAY) - colour
    grey = colour.mean(dim=1, keepdim=True)
    expected = corrupt("low-dose-xray", grey, 2, ["a"], XRAY) - grey
    assert expected.abs().max() > 1e-3
    assert (difference - expected).abs().max() < 1e-5


@pytest.mark.parametrize("pixel_size", [1e-4, 0.02, 1e4])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_starved_or_flooded_constant_image_stays_an_image(pixel_size, value):
    images = torch.full((1, 1, 20, 30), value)
    noisy = corrupt("low-dose-xray:dose=0.0001", images, 1, ["a"], ImageContext("radiograph", None, pixel_size))
    assert bool(((noisy >= 0) & (noisy <= 1)).all())


def test_advice_for_radiographs_names_it():
    (paragraph,) = advice(parse_spec("low-dose-ct"), "radiograph")
    assert paragraph.endswith("Made for radiographs: low-dose-xray.")
    assert advice(parse_spec("low-dose-xray"), "radiograph") == []
