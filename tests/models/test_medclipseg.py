import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from biclip_bench.models import Batch, ModelSettings, build_model
from biclip_bench.models.augmentation import warp
from biclip_bench.models.losses import segmentation_loss
from biclip_bench.models.probabilistic_attention import (
    CONFIDENCE_PENALTY,
    BidirectionalAdapter,
    ProbabilisticAttention,
    confidence_weights,
)
from biclip_bench.models.soft_contrast import soft_contrast_loss


def build(side: int = 32, width: int = 8, **options):
    torch.manual_seed(0)
    return build_model("medclipseg", ModelSettings(image_size=side, width=width, options=options))


def batch(side: int = 32) -> Batch:
    image = torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(4, 1, side, side)
    mask[..., : side // 2] = 1
    return Batch(image, ["upper left lung", "no infected area", "", "upper left lung"], mask)


def test_the_penalty_is_a_normal_distributions_full_width_at_half_maximum():
    half = 0.5
    width = 2 * math.sqrt(-2 * math.log(half))  # where exp(-x^2 / 2) is a half, on both sides
    assert pytest.approx(width, abs=0.01) == CONFIDENCE_PENALTY


def test_two_keys_that_differ_in_confidence_alone_by_hand():
    query = torch.full((1, 1, 1, 1), 2.0)
    mean = torch.ones(1, 1, 2, 1)
    variance = torch.tensor([0.0, 0.25]).reshape(1, 1, 2, 1)
    # The scores' standard deviations are 0 and 2 x 0.5 = 1, so the second lies 2.35 below the first.
    expected = 1 / (1 + math.exp(-2.35))
    weights = confidence_weights(query, mean, variance).flatten()
    torch.testing.assert_close(weights, torch.tensor([expected, 1 - expected]), atol=3e-4, rtol=0)


def test_the_score_has_the_stated_mean_and_deviation():
    """The penalty is 2.35 standard deviations of the score that keys drawn from their distributions would get."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(1, 1, 1, 4, generator=generator)
    means = torch.randn(1, 1, 3, 4, generator=generator)
    variances = torch.rand(1, 1, 3, 4, generator=generator)
    drawn = means + variances.sqrt() * torch.randn(200_000, 1, 3, 4, generator=generator)
    scores = (drawn @ query.transpose(-1, -2))[:, 0, :, 0] / 2
    expected = (scores.mean(0) - 2.35 * scores.std(0)).softmax(0)
    torch.testing.assert_close(confidence_weights(query, means, variances).flatten(), expected, atol=5e-3, rtol=0)


def test_sure_keys_get_the_usual_attention():
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 3, 5, 4, generator=generator), torch.randn(2, 3, 6, 4, generator=generator)
    own = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    expected = F.scaled_dot_product_attention(query, key, torch.eye(6).expand(2, 3, 6, 6), own[:, None, None])
    weights = confidence_weights(query, key, torch.zeros_like(key), own)
    torch.testing.assert_close(weights, expected, atol=1e-5, rtol=1e-5)


@given(st.integers(0, 1000), st.floats(0.01, 10))
@settings(max_examples=30, deadline=None)
def test_a_less_certain_key_is_heard_less(seed, more):
    generator = torch.Generator().manual_seed(seed)
    query, key = torch.randn(1, 1, 4, 8, generator=generator), torch.randn(1, 1, 5, 8, generator=generator)
    variance = torch.rand(1, 1, 5, 8, generator=generator)
    own = torch.tensor([[True, True, True, True, False]])
    before = confidence_weights(query, key, variance, own)
    variance[:, :, 2] += more
    after = confidence_weights(query, key, variance, own)
    assert (after[..., 2] < before[..., 2]).all()
    assert (after[..., 4] == 0).all()
    torch.testing.assert_close(after.sum(-1), torch.ones(1, 1, 4))


def test_values_are_drawn_in_training_and_are_their_means_in_evaluation():
    torch.manual_seed(0)
    attention = ProbabilisticAttention(16, heads=4)
    x, context = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    mean = attention.eval()(x, context)
    assert torch.equal(attention(x, context), mean)
    attention.train()
    first, second = attention(x, context), attention(x, context)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    again = attention(x, context)
    torch.manual_seed(3)
    assert torch.equal(attention(x, context), again)
    with torch.no_grad():
        attention.value_variance.bias.fill_(-60)
        attention.value_variance.weight.zero_()
        torch.testing.assert_close(attention(x, context), mean, atol=1e-5, rtol=1e-5)


def test_the_gate_blends_what_was_heard_with_the_query():
    torch.manual_seed(0)
    attention = ProbabilisticAttention(8, heads=2).eval()
    x, context = torch.randn(1, 3, 8), torch.randn(1, 4, 8)
    with torch.no_grad():
        attention.gate.weight.zero_()
        attention.gate.bias.fill_(-100)
        torch.testing.assert_close(attention(x, context), x)
        attention.gate.bias.fill_(100)
        heard = attention(x, context)
        attention.gate.bias.zero_()
        torch.testing.assert_close(attention(x, context), (heard + x) / 2)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_is_heard_by_no_patch(bidirectional):
    torch.manual_seed(0)
    adapter = BidirectionalAdapter(16, 12, 8, 2, probabilistic=True, bidirectional=bidirectional).eval()
    patches, words = torch.randn(2, 9, 16), torch.randn(2, 5, 12)
    own = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    other = words.clone()
    other[0, 3:] = 100.0
    with torch.no_grad():
        (first, first_words), (second, second_words) = (adapter(patches, text, own) for text in (words, other))
    assert torch.equal(first, second)
    assert torch.equal(first_words[own], second_words[own])
    assert torch.equal(first_words, words) != bidirectional


def test_the_soft_contrast_of_two_unlike_texts_by_hand():
    axes = torch.eye(2)
    # Targets and predictions: softmax(1 / 0.2, 0) = (0.9933071, 0.0066929), whatever the vectors' lengths.
    right = -(0.9933071 * math.log(0.9933071) + 0.0066929 * math.log(0.0066929))
    assert soft_contrast_loss(3 * axes, 0.5 * axes).item() == pytest.approx(right, abs=1e-5)
    # Each patch feature at the other's text: the predictions change places.
    wrong = -(0.9933071 * math.log(0.0066929) + 0.0066929 * math.log(0.9933071))
    assert soft_contrast_loss(axes.flip(0), axes).item() == pytest.approx(wrong, abs=1e-4)


def test_cases_with_one_text_are_not_told_apart():
    text = torch.tensor([[0.6, 0.8]]).repeat(4, 1)
    assert soft_contrast_loss(text, text).item() == pytest.approx(math.log(4), abs=1e-5)
    spread = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]])
    assert soft_contrast_loss(spread, text).item() > math.log(4) + 0.1


def test_the_soft_contrast_sends_no_gradient_into_its_targets():
    generator = np.random.default_rng(0)
    patches, text = generator.normal(size=(3, 5)), generator.normal(size=(3, 5))

    def unit(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def softmax(rows: np.ndarray) -> np.ndarray:
        return np.exp(rows) / np.exp(rows).sum(1, keepdims=True)

    targets = softmax(unit(text) @ unit(text).T / 0.2)

    def loss(moved: np.ndarray) -> float:
        similarity = unit(patches) @ unit(moved).T / 0.2
        both = [-(targets * np.log(softmax(one))).sum(1).mean() for one in (similarity, similarity.T)]
        return sum(both) / 2

    tensor = torch.tensor(text, requires_grad=True)
    value = soft_contrast_loss(torch.tensor(patches), tensor)
    assert value.item() == pytest.approx(loss(text), abs=1e-5)
    value.backward()
    step = 1e-5
    for place in np.ndindex(3, 5):
        moved = text.copy()
        moved[place] += step
        assert tensor.grad[place].item() == pytest.approx((loss(moved) - loss(text)) / step, abs=1e-3)


def test_the_logits_are_the_scaled_cosine_with_the_text():
    model = build()
    sentence = torch.zeros(1, 16)
    sentence[0, 0] = 5.0
    for direction, cosine in [((1.0, 0.0), 1.0), ((0.0, 2.0), 0.0), ((-3.0, 0.0), -1.0), ((1.0, 1.0), 0.5**0.5)]:
        pixels = torch.zeros(1, 16, 16, 16)
        pixels[:, 0], pixels[:, 1] = direction
        expected = torch.full((1, 1, 32, 32), cosine / 0.07 - 2.0)
        torch.testing.assert_close(model.similarity(pixels, sentence), expected, atol=1e-4, rtol=1e-4)


def test_the_terms_are_the_weighted_losses_of_the_moved_batch():
    model = build().train()
    data = batch()
    seen = {}
    model.upsampling.register_forward_hook(lambda _m, _i, out: seen.update(logits=out))
    model.upscale.register_forward_hook(lambda _m, _i, out: seen.update(pixels=out))
    model.text_projection.register_forward_hook(lambda _m, _i, out: seen.update(sentence=out))
    torch.manual_seed(5)
    terms = model.training_losses(data)
    torch.manual_seed(5)
    maps = model.augmentation.draw(4)
    mask = warp(data.mask, maps, "nearest")
    torch.testing.assert_close(terms["segmentation"], 0.5 * segmentation_loss(seen["logits"], mask))
    contrast = soft_contrast_loss(seen["pixels"].flatten(2).mean(2), seen["sentence"])
    torch.testing.assert_close(terms["contrast"], 0.1 * contrast)
    assert terms.keys() == {"segmentation", "contrast"}


def test_each_part_can_be_left_out():
    assert build(contrast=False).train().training_losses(batch()).keys() == {"segmentation"}
    names = [name for name, _ in build(probabilistic=False).named_parameters()]
    assert names
    assert not any("variance" in name for name in names)
    names = [name for name, _ in build(bidirectional=False).named_parameters()]
    assert not any("to_text" in name or "text_up" in name for name in names)
    certain = build(probabilistic=False, contrast=False).train()
    data = Batch(batch().image, ["one"] * 4, batch().mask)
    losses = []
    for _ in range(2):
        torch.manual_seed(1)
        losses.append(certain.training_losses(data)["segmentation"].item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("width", [8, 64])
@pytest.mark.parametrize("side", [32, 48, 80])
def test_it_predicts_at_every_size(side, width):
    with torch.no_grad():
        assert build(side, width).eval()(batch(side)).shape == (4, 1, side, side)
