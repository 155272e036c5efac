import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import DiceCELoss

from biclip_bench.models import Batch
from biclip_bench.models.losses import (
    consistency_loss,
    cycle_loss,
    dice_loss,
    generation_loss,
    segmentation_loss,
    training_mask,
)


def logits_and_mask(seed: int, cases: int = 3):
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(cases, 1, 9, 7, generator=generator)
    mask = (torch.rand(cases, 1, 9, 7, generator=generator) < 0.3).float()
    mask[0] = 0
    return logits, mask


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_on_logits_it_is_monais_dice_and_cross_entropy(seed):
    logits, mask = logits_and_mask(seed)
    torch.testing.assert_close(segmentation_loss(logits, mask), DiceCELoss(sigmoid=True)(logits, mask))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_on_probabilities_it_is_monais_loss_fed_with_probabilities(seed):
    logits, mask = logits_and_mask(seed)
    expected = DiceCELoss()(logits.sigmoid(), mask)
    torch.testing.assert_close(segmentation_loss(logits, mask, "probabilities"), expected)


def test_dice_by_hand():
    probabilities = torch.tensor([1.0, 0.5, 0.0, 0.0]).reshape(1, 1, 2, 2)
    mask = torch.tensor([1.0, 0.0, 1.0, 0.0]).reshape(1, 1, 2, 2)
    # overlap 1, sizes 1.5 and 2
    assert dice_loss(probabilities, mask).item() == pytest.approx(1 - 2 / 3.5, abs=1e-5)


def test_an_empty_prediction_of_an_empty_mask_costs_no_dice():
    assert dice_loss(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)).item() == 0


def test_cross_entropy_on_probabilities_never_drops_below_log_2_on_background():
    certain = torch.full((1, 1, 4, 4), -50.0)
    empty = torch.zeros(1, 1, 4, 4)
    assert segmentation_loss(certain, empty).item() == pytest.approx(0, abs=1e-6)
    assert segmentation_loss(certain, empty, "probabilities").item() == pytest.approx(math.log(2), abs=1e-6)


def test_generation_by_hand():
    pseudo_image = torch.full((1, 3, 2, 2), 0.5)
    image = torch.full((1, 3, 2, 2), 0.8)
    mask = torch.tensor([1.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    # one pixel misses 0.8 by 0.3, three miss zero by 0.5
    assert generation_loss(pseudo_image, image, mask).item() == pytest.approx((0.3 + 3 * 0.5) / 4)


def test_consistency_by_hand_and_without_gradient_into_the_strong_view():
    weak = torch.tensor([[1.0, 0.0], [1.0, 1.0]], requires_grad=True)
    strong = torch.tensor([[0.0, 2.0], [3.0, 3.0]], requires_grad=True)
    loss = consistency_loss(weak, strong)  # cosines 0 and 1
    assert loss.item() == pytest.approx(0.5, abs=1e-6)
    loss.backward()
    assert strong.grad is None
    assert weak.grad is not None
    assert weak.grad.abs().sum() > 0


@pytest.mark.parametrize(("distance", "value"), [("l1", 1.5), ("squared-l2", 3.5)])
def test_cycle_by_hand_and_without_gradient_into_the_text(distance, value):
    text = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    reconstruction = torch.tensor([[0.0, 4.0], [0.0, -3.0]], requires_grad=True)  # off by 1, 2, 0, 3
    loss = cycle_loss(text, reconstruction, distance)
    assert loss.item() == pytest.approx(value)
    loss.backward()
    assert text.grad is None
    assert reconstruction.grad is not None


def test_training_without_masks_is_refused():
    with pytest.raises(ValueError, match="need a batch with masks"):
        training_mask(Batch(torch.zeros(1, 3, 32, 32), [""]))
