import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from skimage import exposure
from torchvision.transforms.functional import adjust_contrast

from biclip_bench.corruptions import SEVERITIES, corrupt, corruption_registry
from biclip_bench.corruptions.image.direction import goes_brighter
from biclip_bench.models.views import STRONG_VIEW_FAMILIES

IMAGES = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(1))
CASES = ["a", "b"]


@pytest.mark.parametrize("factor", [0.3, 0.8, 1.0, 2.5])
def test_contrast_is_torchvisions_for_one_channel(factor):
    images = IMAGES[:, :1]
    result = corrupt(f"contrast:factor={factor}", images, 1, CASES)
    expected = torch.stack([adjust_contrast(image, factor) for image in images])
    assert (result - expected).abs().max() < 1e-6


@given(st.floats(0, 1))
def test_contrast_keeps_every_channels_mean_and_scales_its_deviation(factor):
    result = corrupt(f"contrast:factor={factor}", IMAGES, 1, CASES)
    assert (result.mean((2, 3)) - IMAGES.mean((2, 3))).abs().max() < 1e-6
    assert (result.std((2, 3)) - factor * IMAGES.std((2, 3))).abs().max() < 1e-6


@pytest.mark.parametrize("direction", ["darker", "brighter"])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_gamma_is_scikit_images(direction, severity):
    exponent = corruption_registry.get("gamma").levels[severity - 1]["exponent"]
    result = corrupt(f"gamma:direction={direction}", IMAGES, severity, CASES).numpy()
    expected = exposure.adjust_gamma(IMAGES.numpy(), exponent if direction == "darker" else 1 / exponent)
    assert np.abs(result - expected).max() < 1e-6


def test_gamma_keeps_black_and_white_and_the_order_of_grey_levels():
    ramp = torch.linspace(0, 1, 256).reshape(1, 1, 1, 256)
    for severity in SEVERITIES:
        for direction in ("darker", "brighter"):
            result = corrupt(f"gamma:direction={direction}", ramp, severity, ["a"]).flatten()
            assert result[0] == 0
            assert result[-1] == 1
            assert bool((result.diff() > 0).all())
            assert bool(((result <= ramp.flatten()) if direction == "darker" else (result >= ramp.flatten())).all())


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_is_a_clipped_shift(severity):
    shift = corruption_registry.get("brightness").levels[severity - 1]["shift"]
    brighter = corrupt("brightness:direction=brighter", IMAGES, severity, CASES).numpy()
    darker = corrupt("brightness:direction=darker", IMAGES, severity, CASES).numpy()
    assert np.abs(brighter - np.minimum(IMAGES.numpy() + shift, 1)).max() < 1e-6
    assert np.abs(darker - np.maximum(IMAGES.numpy() - shift, 0)).max() < 1e-6


@pytest.mark.parametrize("name", ["brightness", "gamma"])
def test_a_fair_coin_decides_between_darker_and_brighter(name):
    images = torch.full((600, 1, 1, 1), 0.5)
    cases = [f"case-{number}" for number in range(len(images))]
    for severity in (1, 5):
        results = corrupt(name, images, severity, cases).flatten()
        ways = {corrupt(f"{name}:direction={way}", images[:1], severity, cases[:1]).item() for way in WAYS}
        assert set(results.tolist()) == ways
        assert len(ways) == 2
        assert stats.binomtest(int((results > 0.5).sum()), len(images)).pvalue > 0.01


WAYS = ("darker", "brighter")


@given(st.integers(0, 2**128 - 1))
def test_a_stated_direction_does_not_depend_on_the_seed(seed):
    assert goes_brighter("brighter", seed)
    assert not goes_brighter("darker", seed)


@pytest.mark.parametrize("name", ["contrast", "gamma", "brightness"])
def test_equal_channels_stay_equal(name):
    images = IMAGES[:, :1].repeat(1, 3, 1, 1)
    for severity in SEVERITIES:
        result = corrupt(name, images, severity, CASES)
        assert torch.equal(result, result[:, :1].repeat(1, 3, 1, 1))


def test_what_models_declare_to_have_seen_are_families_of_corruptions():
    families = {corruption_registry.get(name).family for name in corruption_registry}
    assert set(STRONG_VIEW_FAMILIES) <= families
