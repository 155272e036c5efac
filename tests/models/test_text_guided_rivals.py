"""What every model promises that fuses text and image inside its network."""

import dataclasses

import pytest
import torch

from biclip_bench.models import Batch, ModelSettings, build_model, frozen_text_encoders
from biclip_bench.models.text_encoders import CONTEXT_LENGTH
from biclip_bench.models.text_guided import TextGuidedModel

MODELS = ["lang-guided-decoder", "lvit"]
TOKENS_READ = {"lang-guided-decoder": 24, "lvit": 10}
CORNERS = {
    "upper left lung": (4, 4),
    "upper right lung": (4, 18),
    "lower left lung": (18, 4),
    "lower right lung": (18, 18),
}


def build(name: str, **settings) -> TextGuidedModel:
    torch.manual_seed(0)
    model = build_model(name, ModelSettings(**{"image_size": 32, "width": 8, **settings}))
    assert isinstance(model, TextGuidedModel)
    return model


def noise(cases: int = 2, side: int = 32) -> torch.Tensor:
    return torch.rand(cases, 3, side, side, generator=torch.Generator().manual_seed(1))


def corners(generator: torch.Generator, alike: bool) -> Batch:
    """A bright square a case, in fresh noise; where all images are alike, each shows all four and only texts differ."""
    texts = (2 if alike else 1) * list(CORNERS)
    mask = torch.zeros(len(texts), 1, 32, 32)
    for case, text in enumerate(texts):
        top, left = CORNERS[text]
        mask[case, 0, top : top + 10, left : left + 10] = 1
    bright = mask.amax(dim=0, keepdim=True) if alike else mask
    return Batch(0.3 * torch.rand(len(texts), 3, 32, 32, generator=generator) + 0.5 * bright, texts, mask)


def train(name: str, alike: bool, steps: int, rate: float) -> tuple[TextGuidedModel, Batch]:
    """Train and return the model with cases whose noise it has not seen."""
    model = build(name).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=steps)
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(model.training_losses(corners(generator, alike)).values()).backward()
        optimiser.step()
        schedule.step()
    return model.eval(), corners(torch.Generator().manual_seed(2), alike)


@torch.no_grad()
def dice(model: TextGuidedModel, data: Batch) -> torch.Tensor:
    predicted = (model(data) > 0).float()
    return 2 * (predicted * data.mask).sum((1, 2, 3)) / (predicted + data.mask).sum((1, 2, 3))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("side", "width"), [(32, 8), (48, 4), (64, 12), (80, 8), (96, 28)])
def test_it_predicts_at_every_size_and_width(name, side, width):
    model = build(name, image_size=side, width=width).eval()
    with torch.no_grad():
        assert model(Batch(noise(1, side), ["left lung"])).shape == (1, 1, side, side)


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_where_the_image_shows_the_answer(name):
    model, unseen = train(name, alike=False, steps=90, rate=1e-2)
    assert dice(model, unseen).min() > 0.9


@pytest.mark.parametrize(("name", "steps", "rate"), [("lang-guided-decoder", 400, 2e-3), ("lvit", 140, 4e-3)])
def test_it_reads_the_text_where_the_image_leaves_the_answer_open(name, steps, rate):
    model, unseen = train(name, alike=True, steps=steps, rate=rate)
    assert dice(model, unseen).min() > 0.8
    others = dataclasses.replace(unseen, text=unseen.text[1:] + unseen.text[:1])
    assert dice(model, others).max() < 0.2


@pytest.mark.parametrize("name", MODELS)
def test_order_of_words_counts(name):
    model = build(name).eval()
    texts = [["left lung and no right lung"], ["right lung and no left lung"]]
    with torch.no_grad():
        one, other = (model(Batch(noise(1), text)) for text in texts)
    assert (one - other).abs().max() > 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_a_mirrored_image_comes_with_a_mirrored_text(name):
    model = build(name).train()
    model.augmentation = dataclasses.replace(model.augmentation, horizontal_flip=1.0, affine=0.0)
    asked, seen = [], []
    model.text_encoder.register_forward_pre_hook(lambda _m, args: asked.extend(args[0]))
    model.normalise.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    image, mask = noise(), torch.zeros(2, 1, 32, 32)
    model.training_losses(Batch(image, ["Left lung", "upper right lung"], mask))
    assert asked == ["Right lung", "upper left lung"]
    torch.testing.assert_close(seen[0], image.flip(3))


@pytest.mark.parametrize("name", MODELS)
def test_padding_and_tokens_past_its_own_limit_change_nothing(name):
    model = build(name).eval()
    image, text = model.normalise(noise()), ["left lung", ""]
    features = model.text_encoder(text)
    assert features.tokens.shape[1] == CONTEXT_LENGTH
    changed = features.tokens.clone()
    changed[:, TOKENS_READ[name] :] += torch.rand(CONTEXT_LENGTH - TOKENS_READ[name], 1)
    heard = features.tokens.clone()
    heard[:, TOKENS_READ[name] - 1] += 1
    with torch.no_grad():
        expected = model.segment(image, features)
        assert torch.equal(model.segment(image, dataclasses.replace(features, tokens=changed)), expected)
        assert not torch.equal(model.segment(image, dataclasses.replace(features, tokens=heard)), expected)
        # What the encoder would say of padding: "left lung" has 4 tokens with both marks, the empty text 2.
        places = model.text_encoder.tower.positional_embedding
        places[4:] += torch.randn(places[4:].shape)
        torch.testing.assert_close(model.segment(image, model.text_encoder(text)), expected)
        places[3] += torch.randn(places[3].shape)
        assert not torch.allclose(model.segment(image, model.text_encoder(text))[0], expected[0])


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_every_parameter_but_none_of_a_frozen_encoder(name):
    model = build(name, freeze_text=True).train()
    mask = torch.zeros(4, 1, 32, 32)
    mask[:, :, 8:20, 8:20] = 1
    sum(model.training_losses(Batch(noise(4), 4 * ["left lung"], mask)).values()).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []
    moved = {key.partition(".")[0] for key, parameter in model.named_parameters() if parameter.grad.any()}
    assert moved == {key.partition(".")[0] for key, _ in model.named_parameters()}
    (frozen,) = frozen_text_encoders(model)
    assert all(parameter.grad is None for parameter in frozen.encoder.parameters())
