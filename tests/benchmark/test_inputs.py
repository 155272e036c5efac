import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.inputs import (
    EpochSampler,
    apply_window,
    model_input,
    resize_images,
    resize_masks,
)


def test_a_window_stretches_its_range_and_clips_the_rest():
    images = torch.tensor([0.0, 0.2, 0.3, 0.4, 1.0]).reshape(1, 1, 1, 5)
    expected = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]).reshape(1, 1, 1, 5)
    torch.testing.assert_close(apply_window(images, (0.2, 0.4)), expected)
    assert apply_window(images, (0.0, 1.0)) is images


def test_resizing_keeps_the_mean_and_the_place():
    images = torch.zeros(1, 1, 64, 64)
    images[..., :32, 16:48] = 1.0
    small = resize_images(images, 16)
    assert small.mean().item() == pytest.approx(images.mean().item(), abs=1e-3)
    columns = (small.mean(dim=-2).flatten() * torch.arange(16)).sum() / small.mean(dim=-2).sum()
    assert columns.item() == pytest.approx(7.5, abs=1e-3)


def test_a_mask_pixel_is_lesion_where_half_of_it_is_covered():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:24] = 1.0
    small = resize_masks(mask, 16)
    assert set(small.unique().tolist()) == {0.0, 1.0}
    assert small.sum().item() == 64


def test_grey_becomes_three_equal_channels_and_colour_stays():
    grey = torch.rand(2, 1, 20, 30)
    out = model_input(grey, (0.0, 1.0), 16)
    assert out.shape == (2, 3, 16, 16)
    assert torch.equal(out[:, 0], out[:, 2])
    colour = torch.rand(2, 3, 20, 30)
    assert not torch.equal(model_input(colour, (0.0, 1.0), 16)[:, 0], model_input(colour, (0.0, 1.0), 16)[:, 2])


@given(st.integers(1, 30), st.integers(0, 40), st.integers(0, 3))
def test_an_epoch_shows_every_case_before_any_a_second_time(cases, extra, seed):
    sampler = EpochSampler(cases, cases + extra, seed)
    order = list(sampler)
    assert len(order) == len(sampler) == cases + extra
    counts = np.bincount(order, minlength=cases)
    assert counts.max() - counts.min() <= 1


def test_the_order_depends_on_seed_and_epoch_alone():
    one, other = EpochSampler(50, 50, 3), EpochSampler(50, 50, 3)
    first = list(one)
    one.set_epoch(7)
    other.set_epoch(7)
    assert list(one) == list(other) != first
    assert list(EpochSampler(50, 50, 4)) != first
