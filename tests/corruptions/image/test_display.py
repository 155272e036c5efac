import pytest
import torch

from biclip_bench.corruptions import ImageContext, corrupt

WINDOW = (0.2, 0.6)
DISPLAYED = ["brightness", "contrast", "gamma", "gaussian-noise", "jpeg"]


def windowed(images, window=WINDOW):
    low, high = window
    return ((images - low) / (high - low)).clamp(0, 1)


@pytest.mark.parametrize("name", DISPLAYED)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_display_corruption_of_the_whole_range_is_that_of_the_window(name, channels):
    images = torch.rand(3, channels, 40, 56, generator=torch.Generator().manual_seed(0))
    cases = ["a", "b", "c"]
    whole = corrupt(name, images, 3, cases, ImageContext(window=WINDOW))
    saved_in_the_window = corrupt(name, windowed(images), 3, cases)
    assert (windowed(whole) - saved_in_the_window).abs().max() < 1e-5
    assert (saved_in_the_window - windowed(images)).abs().max() > 0.01


def test_a_scanners_corruption_sees_the_whole_range():
    images = torch.rand(2, 1, 40, 40, generator=torch.Generator().manual_seed(1))
    for name in ("motion", "low-dose-ct"):
        there = corrupt(name, images, 3, ["a", "b"], ImageContext("ct", window=WINDOW))
        assert torch.equal(there, corrupt(name, images, 3, ["a", "b"], ImageContext("ct")))
