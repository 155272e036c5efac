import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import functional as tv
from torchvision.transforms.functional import InterpolationMode

from biclip_bench.models.augmentation import GeometricAugmentation, sample_by_gather, warp
from biclip_bench.models.ef_unet import PAPER_AUGMENTATION

NOTHING = GeometricAugmentation(horizontal_flip=0, vertical_flip=0, affine=0)


def discs(cases: int, side: int = 48) -> torch.Tensor:
    axis = torch.arange(side).float()
    centres = torch.linspace(0.3, 0.6, cases)[:, None, None] * side
    distance = ((axis[None, :, None] - centres) ** 2 + (axis[None, None, :] - side / 2) ** 2).sqrt()
    return (distance < side / 5).float()[:, None]


def test_nothing_drawn_changes_nothing():
    image = torch.rand(3, 2, 16, 16)
    torch.testing.assert_close(warp(image, NOTHING.draw(3)), image)
    mask = (image > 0.5).float()
    assert torch.equal(warp(mask, NOTHING.draw(3), "nearest"), mask)


@pytest.mark.parametrize(("horizontal", "vertical", "axes"), [(1, 0, (3,)), (0, 1, (2,)), (1, 1, (2, 3))])
def test_flips_are_flips(horizontal, vertical, axes):
    image = torch.rand(2, 3, 16, 16)
    maps = GeometricAugmentation(horizontal_flip=horizontal, vertical_flip=vertical, affine=0).draw(2)
    torch.testing.assert_close(warp(image, maps), image.flip(axes))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_an_affine_map_is_what_torchvision_does_with_the_same_parameters(seed):
    torch.manual_seed(seed)
    side = 32
    (map_,) = GeometricAugmentation(horizontal_flip=0, vertical_flip=0, affine=1).draw(1)
    magnification = 1 / map_[:, :2].det().sqrt()
    degrees = math.degrees(math.atan2(map_[0, 1], map_[0, 0]))
    shift = -torch.linalg.solve(map_[:, :2], map_[:, 2]) * side / 2  # where the centre goes, in pixels
    assert 0.8 - 1e-5 <= magnification <= 1.2 + 1e-5
    assert abs(degrees) <= 20 + 1e-3
    assert shift.abs().max() <= 0.1 * side + 1e-4
    image = torch.rand(1, 1, side, side)
    # torchvision turns clockwise by positive angles and takes whole-pixel shifts, so the map is rounded to one
    shift = shift.round()
    map_[:, 2] = -map_[:, :2] @ (shift * 2 / side)
    expected = tv.affine(
        image, degrees, [int(s) for s in shift], magnification.item(), [0.0], interpolation=InterpolationMode.BILINEAR
    )
    torch.testing.assert_close(warp(image, map_[None]), expected, atol=2e-4, rtol=0)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_the_same_seed_draws_the_same_bits(seed):
    image = torch.rand(4, 3, 16, 16)
    torch.manual_seed(seed)
    first = warp(image, GeometricAugmentation().draw(4))
    torch.manual_seed(seed)
    assert torch.equal(warp(image, GeometricAugmentation().draw(4)), first)


def test_each_case_has_a_map_of_its_own():
    torch.manual_seed(0)
    maps = GeometricAugmentation(affine=1).draw(8)
    assert len({tuple(m.flatten().tolist()) for m in maps}) == 8


def test_probabilities_hold_over_many_draws():
    torch.manual_seed(0)
    n = 20_000
    maps = GeometricAugmentation().draw(n)
    mirrored = (maps[:, :, :2].det() < 0).double().mean()  # exactly one of the two flips
    assert mirrored == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / n))
    moved = (maps[:, :, 2].abs().sum(dim=1) > 0).double().mean()
    assert moved == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / n))


def test_the_augmentation_of_ef_unets_paper_reaches_further():
    torch.manual_seed(0)
    maps = PAPER_AUGMENTATION.draw(5000)
    magnification = maps[:, :, :2].det().abs().rsqrt()
    assert 0.5 <= magnification.min() < 0.55
    assert 1.45 < magnification.max() <= 1.5 + 1e-5


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_image_and_mask_move_together(seed):
    torch.manual_seed(seed)
    mask = discs(6)
    image = mask.repeat(1, 3, 1, 1)
    maps = GeometricAugmentation().draw(6)
    moved_image, moved_mask = warp(image, maps), warp(mask, maps, "nearest")
    assert set(moved_mask.unique().tolist()) <= {0.0, 1.0}
    seen = (moved_image[:, :1] > 0.5).float()
    dice = 2 * (seen * moved_mask).sum((1, 2, 3)) / (seen + moved_mask).sum((1, 2, 3))
    assert dice.min() > 0.93


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_sampling_by_gather_equals_grid_sample_in_value_and_gradient(seed):
    torch.manual_seed(seed)
    image = torch.rand(3, 2, 12, 10, dtype=torch.float64, requires_grad=True)
    grid = F.affine_grid(GeometricAugmentation().draw(3).double(), [3, 2, 12, 10], align_corners=False)
    expected = F.grid_sample(image, grid, padding_mode="zeros", align_corners=False)
    result = sample_by_gather(image, grid)
    torch.testing.assert_close(result, expected)
    weight = torch.rand_like(expected)
    (by_reference,) = torch.autograd.grad((expected * weight).sum(), image)
    (by_gather,) = torch.autograd.grad((result * weight).sum(), image)
    torch.testing.assert_close(by_gather, by_reference)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_deterministic_warp_has_a_gradient_and_agrees():
    torch.manual_seed(0)
    maps = GeometricAugmentation().draw(4)
    image = torch.rand(4, 6, 32, 32, device="cuda", requires_grad=True)
    plain = warp(image, maps)
    torch.use_deterministic_algorithms(True)
    try:
        result = warp(image, maps)
        result.sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)
    torch.testing.assert_close(result, plain, atol=1e-5, rtol=0)
