import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, radon, resize

from biclip_bench.corruptions import ImageContext, corrupt, corrupt_image, corruption_registry, parse_spec
from biclip_bench.corruptions.ct.low_dose_ct import change, low_dose_ct
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.errors import UserError

WIDE = ImageContext("ct", (-2000.0, 2000.0), 1.6)
"""A scale so wide that no noise is clipped: value = (HU + 2000) / 4000."""


def wide(hounsfield):
    return ((hounsfield + 2000) / 4000).astype(np.float32)


def water_disc(size, diameter_mm, pixel_size_mm=1.6, inside=0.0, outside=-1000.0):
    """A disc of water in air, in the scale of WIDE."""
    axis = (np.arange(size) - (size - 1) / 2) * pixel_size_mm
    return wide(np.where(np.hypot(axis[:, None], axis) < diameter_mm / 2, inside, outside))


def level_of(dose, **options):
    return {**corruption_registry.get("low-dose-ct").defaults, "dose": dose, **options}


def noise_in_hu(image, dose, seeds, context=WIDE, **options):
    """What the corruption changes, in HU; mode reconstruct's error without noise is taken off."""
    scanner = parallel_beam(*image.shape)
    level = level_of(dose, **options)
    noise = np.stack([4000.0 * change(image, level, seed, context, scanner) for seed in seeds])
    if level["mode"] == "reconstruct":
        noise -= 4000.0 * change(image, {**level, "dose": 1e6, "source_dose": 1e6}, 0, context, scanner)
    return noise


def photons(dose, size, pixel_size_mm=1.6):
    """Photons along a ray as the docstring promises them."""
    return 1e5 * dose * (pixel_size_mm * 224 / 360) * (352 / math.ceil(math.pi / 2 * size))


def centre(stack, side):
    first = (stack.shape[-1] - side) // 2
    return stack[..., first : first + side, first : first + side]


def radial_power(noise, bands):
    """Noise power spectrum of square patches, averaged over rings around the given frequencies (cycles a pixel)."""
    side = noise.shape[-1]
    power = (np.abs(np.fft.fft2(noise * np.hanning(side)[:, None] * np.hanning(side))) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    return power, frequency, np.array([power[np.abs(frequency - band) < 0.02].mean() for band in bands])


def test_noise_at_the_centre_of_a_water_disc_is_what_theory_says():
    size, diameter = 192, 200.0
    noise = centre(noise_in_hu(water_disc(size, diameter), 1.0, range(12)), 24)
    # Ramp filter of white noise: var(mu) = pi^2 / 12 var(p) / (views bin^2) (Kak and Slaney 1988, chapter 5).
    variance = (
        math.pi**2 / 12 * math.exp(0.0192 * diameter) / photons(1, size) / (parallel_beam(size, size).views * 1.6**2)
    )
    assert noise.std() == pytest.approx(1000 / 0.0192 * math.sqrt(variance), rel=0.05)


def test_noise_grows_with_the_inverse_square_root_of_the_dose_down_to_5_percent():
    image = water_disc(128, 160.0)
    deviations = {dose: centre(noise_in_hu(image, dose, range(20)), 48).std() for dose in (1.0, 0.5, 0.25, 0.1, 0.05)}
    for dose, deviation in deviations.items():
        assert deviation * math.sqrt(dose) == pytest.approx(deviations[1.0], rel=0.05)


def test_noise_grows_with_the_path_through_the_body():
    thin = centre(noise_in_hu(water_disc(128, 100.0), 1, range(20)), 24).std()
    thick = centre(noise_in_hu(water_disc(128, 180.0), 1, range(20)), 24).std()
    assert thick / thin == pytest.approx(math.exp(0.0192 * 80 / 2), rel=0.05)


@pytest.mark.parametrize(("size", "pixel_size_mm"), [(80, 4.5), (224, 360 / 224), (300, 1.2)])
@pytest.mark.parametrize("diameter", [200.0, 300.0])
def test_mean_is_unbiased_above_starvation(size, pixel_size_mm, diameter):
    # Starvation begins where the relative variance of the counts, (N + electronic) / N^2, exceeds half a percent.
    full = photons(1, size, pixel_size_mm)
    share, through = full / 1e5, math.exp(-0.0192 * diameter)
    counts = (1 + math.sqrt(1 + 4 * 0.005 * 10 * share)) / (2 * 0.005)
    assert (counts + 10 * share) / counts**2 == pytest.approx(0.005)
    context = ImageContext("ct", WIDE.hu_range, pixel_size_mm)
    image = water_disc(size, diameter, pixel_size_mm)
    noise = noise_in_hu(image, counts / full / through, range(6), context)
    assert abs(centre(noise, int(100 / pixel_size_mm)).mean()) < 2


def test_starvation_raises_the_noise_above_the_square_root_law_and_biases_the_mean():
    image = water_disc(128, 190.0, inside=700.0)  # as dense as bone: fewer than 10 photons left of 2500
    high, low = (centre(noise_in_hu(image, dose, range(8)), 48) for dose in (10, 0.0144))
    assert photons(0.0144, 128) == pytest.approx(2500, rel=0.02)
    assert low.std() > 1.3 * high.std() * math.sqrt(10 / 0.0144)
    assert abs(low.mean()) > 10


@pytest.mark.parametrize("mode", ["insert", "reconstruct"])
def test_noise_power_spectrum_is_a_ramp(mode):
    # In air all rays are alike, so the noise is stationary.
    noise = centre(noise_in_hu(np.full((128, 128), 0.25, np.float32), 0.05, range(40), mode=mode), 64)
    bands = np.arange(0.05, 0.45, 0.05)
    power, frequency, radial = radial_power(noise, bands)
    assert np.polyfit(np.log(bands), np.log(radial), 1)[0] == pytest.approx(1, abs=0.07)
    assert power[0, 0] < 0.05 * radial[-1]  # what the window leaks from its neighbours
    assert power[frequency > 0.55].mean() < 0.05 * radial[-1]


def test_both_modes_have_the_same_noise():
    image = water_disc(128, 170.0)
    inserted = noise_in_hu(image, 0.1, range(24))
    same_draws = noise_in_hu(image, 0.1, range(24), mode="reconstruct")
    assert np.abs(inserted - same_draws).max() < 0.01 * inserted.std()
    other_draws = noise_in_hu(image, 0.1, range(100, 124), mode="reconstruct")
    assert centre(other_draws, 64).std() == pytest.approx(centre(inserted, 64).std(), rel=0.02)
    bands = np.arange(0.05, 0.5, 0.05)
    spectra = [radial_power(centre(noise, 64), bands)[2] for noise in (inserted, other_draws)]
    assert np.abs(spectra[1] / spectra[0] - 1).max() < 0.1


def test_reconstruction_with_unlimited_photons_has_the_error_of_filtered_back_projection():
    phantom = resize(shepp_logan_phantom(), (128, 128), anti_aliasing=True).astype(np.float32)
    image = torch.from_numpy(wide(1000 * phantom - 1000))[None, None]
    result = low_dose_ct(image, level_of(1e6, mode="reconstruct"), [1], [WIDE])
    ours = 4 * (result - image)[0, 0].numpy()
    angles = np.arange(202) * 180 / 202
    theirs = iradon(radon(phantom, angles, circle=True), angles, filter_name="ramp", circle=True) - phantom
    assert 0.1 * theirs.std() < ours.std() < theirs.std()
    assert abs(ours.mean()) < 1e-3


def test_values_below_air_keep_their_place_in_a_reconstruction():
    padded = water_disc(96, 100.0)
    padded[:8] = wide(np.float64(-1500.0))
    result = low_dose_ct(torch.from_numpy(padded)[None, None], level_of(1e6, mode="reconstruct"), [1], [WIDE])
    assert 4000 * float((result[0, 0, :4] - torch.from_numpy(padded[:4])).abs().max()) < 20


def test_the_inserted_noise_leaves_the_image_its_sharpness():
    image = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    assert (low_dose_ct(image, level_of(1e6), [1], [WIDE]) - image).abs().max() < 1e-3


def test_noise_does_not_depend_on_the_grid_of_the_image():
    coarse, fine = (water_disc(size, 200.0, 360 / size) for size in (112, 224))
    contexts = [ImageContext("ct", WIDE.hu_range, 360 / size) for size in (112, 224)]
    reference = centre(noise_in_hu(coarse, 1, range(16), contexts[0]), 40).std()
    noise = noise_in_hu(fine, 1, range(16), contexts[1])
    spectrum = np.fft.fftshift(np.fft.fft2(noise), axes=(-2, -1))
    # Ideal antialiasing: only what the coarse scanner's detector resolves in every direction is kept.
    frequency = np.arange(-56, 56) / 112
    resolved = centre(spectrum, 112) * (np.hypot(frequency[:, None], frequency) < 0.5)
    band_limited = np.fft.ifft2(np.fft.ifftshift(resolved, axes=(-2, -1))).real / 4
    assert centre(band_limited, 40).std() == pytest.approx(reference, rel=0.03)
    # A usual antialiasing filter also takes a part of what the coarse grid could still hold.
    lanczos = [Image.fromarray(field).resize((112, 112), Image.Resampling.LANCZOS) for field in noise]
    assert centre(np.stack([np.asarray(field) for field in lanczos]), 40).std() == pytest.approx(reference, rel=0.15)
    assert centre(noise, 80).std() > 2.5 * reference


def test_severities_are_graded():
    image = torch.from_numpy(water_disc(112, 170.0))[None, None]
    errors = [
        float((corrupt("low-dose-ct", image, severity, ["case"], WIDE) - image).square().mean())
        for severity in range(1, 6)
    ]
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(errors))
    assert [level["dose"] for level in corruption_registry.get("low-dose-ct").levels] == [0.5, 0.25, 0.1, 0.05, 0.025]


def test_the_papers_levels_keep_their_ratios():
    doses = [level["dose"] for level in parse_spec("low-dose-ct:paper").parts[0].levels]
    assert np.allclose(np.array(doses) / doses[0], np.array([140, 120, 110]) / 140)
    assert "name only" in corruption_registry.get("low-dose-ct").presets["paper"].note


def test_equal_channels_stay_equal_and_match_the_grey_image():
    grey = torch.rand(2, 1, 40, 52, generator=torch.Generator().manual_seed(1))
    noisy = corrupt("low-dose-ct", grey, 3, ["a", "b"])
    assert torch.equal(corrupt("low-dose-ct", grey.repeat(1, 3, 1, 1), 3, ["a", "b"]), noisy.repeat(1, 3, 1, 1))


@pytest.mark.parametrize("mode", ["insert", "reconstruct"])
def test_colour_gets_the_change_of_its_mean_in_every_channel(mode):
    colour = 0.4 + 0.2 * torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(2))
    spec = f"low-dose-ct:dose=0.05,mode={mode}"
    difference = corrupt(spec, colour, 1, ["a"], WIDE) - colour
    grey = colour.mean(dim=1, keepdim=True)
    expected = corrupt(spec, grey, 1, ["a"], WIDE) - grey
    assert expected.abs().max() > 1e-3
    assert (difference - expected).abs().max() < 1e-5


def test_a_non_square_image_is_the_square_one_with_air_beside_it():
    tall = water_disc(96, 60.0)[:, 24:72]
    square = np.full((96, 96), 0.25, np.float32)
    square[:, 24:72] = tall
    a = parallel_beam(96, 48)
    b = parallel_beam(96, 96)
    assert a.views == b.views
    attenuation = np.maximum(tall - 0.25, 0), np.maximum(square - 0.25, 0)
    extra = (b.bins - a.bins) // 2
    assert np.abs(a.project(attenuation[0]) - b.project(attenuation[1])[:, extra : extra + a.bins]).max() < 2e-2
    narrow = noise_in_hu(tall, 0.05, range(30))[:, 36:60, 12:36].std()
    assert narrow == pytest.approx(noise_in_hu(square, 0.05, range(30))[:, 36:60, 36:60].std(), rel=0.05)


def test_unknown_scale_is_read_as_a_lung_window_of_360_mm():
    images = torch.rand(1, 1, 60, 90, generator=torch.Generator().manual_seed(3))
    stated = ImageContext("ct", (-1350.0, 150.0), 4.0)
    assert torch.equal(corrupt("low-dose-ct", images, 3, ["a"]), corrupt("low-dose-ct", images, 3, ["a"], stated))


def test_an_8_bit_lung_window_gets_the_noise_of_the_hounsfield_units_in_it():
    hounsfield = 4000.0 * water_disc(96, 120.0) - 2000
    window = ImageContext("ct", (-1350.0, 150.0), 1.6)
    stored = np.rint((hounsfield + 1350) / 1500 * 255).astype(np.uint8)
    noisy = corrupt_image("low-dose-ct:dose=0.5", stored, 1, "a", window)
    wide_noisy = corrupt_image("low-dose-ct:dose=0.5", wide(hounsfield), 1, "a", WIDE)
    kept = np.clip(4000.0 * wide_noisy - 2000, -1350, 150)
    assert np.abs(noisy / 255 * 1500 - 1350 - kept).max() < 1.5 * 1500 / 255  # two roundings
    assert (noisy / 255 * 1500 - 1350)[40:56, 40:56].mean() == pytest.approx(0, abs=4)
    assert np.array_equal(corrupt_image("low-dose-ct:dose=1e6", stored, 1, "a", window), stored)


def test_what_a_window_cut_off_attenuates_no_more():
    bone = water_disc(96, 120.0)
    bone[40:56, 40:56] = wide(np.float64(1500.0))
    cut = np.minimum(bone, wide(np.float64(150.0)))
    behind = [noise_in_hu(image, 0.5, range(12))[:, 44:52, 44:52].std() for image in (bone, cut)]
    assert behind[0] > 1.1 * behind[1]


def test_a_larger_body_is_noisier():
    images = torch.full((1, 1, 64, 64), 0.6)
    small, large = (
        (corrupt("low-dose-ct", images, 2, ["a"], ImageContext("ct", None, size)) - images).std() * size
        for size in (1.0, 5.0)
    )
    assert large > 1.5 * small


def test_a_scale_in_numpy_numbers_does_not_change_a_bit():
    images = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(4))
    numbers = ImageContext("ct", (np.float64(-1000), np.float64(400)), np.float64(2.5))
    plain = ImageContext("ct", (-1000.0, 400.0), 2.5)
    assert torch.equal(
        corrupt("low-dose-ct", images, 3, ["a"], numbers), corrupt("low-dose-ct", images, 3, ["a"], plain)
    )


options = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["insert", "reconstruct"]),
        "kernel": st.sampled_from(["ram-lak", "hann"]),
        "bowtie": st.floats(0, 1),
        "modulation": st.floats(0, 1),
        "source_dose": st.sampled_from([0.0, 1e-4, 1.0, 1e6]),
        "electronic": st.sampled_from([0.0, 1e-3, 10.0, 1e6]),
    }
)


@given(
    npst.arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.floats(0, 1, width=32)),
    st.sampled_from([1e-4, 0.1]),
    options,
    st.sampled_from([None, (0.0, 30000.0), (-3000.0, -2000.0)]),
    st.sampled_from([None, 1e-3, 1e3]),
)
def test_any_image_and_any_option_give_a_finite_change(image, dose, chosen, hu_range, pixel_size_mm):
    context = ImageContext("ct", hu_range, pixel_size_mm)
    level = level_of(dose, **chosen)
    images = torch.from_numpy(image)[None, None]
    if 0 < chosen["source_dose"] < dose:
        with pytest.raises(UserError, match="source_dose"):
            low_dose_ct(images, level, [1], [context])
        return
    result = change(image, level, 1, context, parallel_beam(*image.shape))
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
