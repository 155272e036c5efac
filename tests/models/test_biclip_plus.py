"""The model file that stands beside its results: it loads as a model from outside, and is what its README says."""

import dataclasses
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from biclip_bench.benchmark.schedule import warm_cosine
from biclip_bench.models import Batch, ModelSettings, build_model, model_registry
from biclip_bench.models.augmentation import warp
from biclip_bench.models.losses import dice_loss, segmentation_loss

FOLDER = Path(__file__).parents[2] / "results" / "reference" / "biclip-plus"


def load():
    specification = spec_from_file_location("biclip_plus", FOLDER / "biclip_plus.py")
    module = module_from_spec(specification)
    sys.modules["biclip_plus"] = module
    specification.loader.exec_module(module)
    return module


loaded = load()
BiCLIPPlus, deep_loss, gated, prior_loss = loaded.BiCLIPPlus, loaded.deep_loss, loaded.gated, loaded.prior_loss
# Loading registers it; the tests of every listed model must not meet it, for no installation lists it.
model_registry._entries.pop("biclip-plus")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(model_registry._entries, "biclip-plus", BiCLIPPlus)


SMALL = ModelSettings(image_size=32, width=8)
TERMS = {"segmentation", "presence", "deep"}
PARTS = {
    "presence": ({"presence"}, {"presence_head", "text_encoder"}),
    "deep_supervision": ({"deep"}, {"deep_heads"}),
    "text_dropout": (set(), set()),
}


def small(**options) -> BiCLIPPlus:
    torch.manual_seed(0)
    model = build_model("biclip-plus", dataclasses.replace(SMALL, options=options))
    assert isinstance(model, BiCLIPPlus)
    return model


def batch(cases: int = 3, side: int = 32) -> Batch:
    image = torch.rand(cases, 3, side, side, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(cases, 1, side, side)
    mask[:, :, side // 4 : side // 2, side // 3 :] = 1
    texts = ["left lung", "right lung, two areas", ""]
    return Batch(image, [texts[case % 3] for case in range(cases)], mask)


def corners(side: int = 32, shown: str = "one") -> Batch:
    """Four cases in noise; the text names the corner of the square that counts.

    ``shown="one"``: the image shows that square alone. ``"all"``: one and the same image shows squares in all corners,
    so that nothing but the text tells the cases apart.
    """
    places = [(4, 4), (4, 18), (18, 4), (18, 18)]
    image = 0.3 * torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(4, 1, side, side)
    texts = []
    for case, (top, left) in enumerate(places):
        mask[case, 0, top : top + 10, left : left + 10] = 1
        texts.append(f"{'upper' if top < 10 else 'lower'} {'left' if left < 10 else 'right'}")
    if shown == "all":
        return Batch((image[:1] + 0.5 * mask.sum(dim=0)).repeat(4, 1, 1, 1), texts, mask)
    return Batch(image + 0.5 * mask, texts, mask)


def train(model: torch.nn.Module, data: Batch, steps: int) -> torch.nn.Module:
    """Train as the quick profile does, with warm-up and cosine, at one learning rate for all parts."""
    model.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: warm_cosine(step, steps, 0.1))
    torch.manual_seed(0)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(model.training_losses(data).values()).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def dice(model: torch.nn.Module, data: Batch) -> torch.Tensor:
    with torch.no_grad():
        predicted = (model(data) > 0).float()
    return 2 * (predicted * data.mask).sum((1, 2, 3)) / (predicted + data.mask).sum((1, 2, 3))


def test_it_stands_among_the_models_where_it_is_installed_and_nowhere_else():
    package = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    assert package["project"]["entry-points"]["biclip_bench.models"] == {"biclip-plus": "biclip_plus"}
    assert package["tool"]["setuptools"]["py-modules"] == ["biclip_plus"]
    names = subprocess.run(
        [sys.executable, "-c", "from biclip_bench.models import listed_models; print(*listed_models())"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert "biclip" in names
    assert "biclip-plus" not in names


# The loss terms.


def test_the_prior_loss_equals_its_formula():
    logits = torch.tensor([[[[-1.0, 0.5], [2.0, 0.0]]]], dtype=torch.float64)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8, 8:12] = 1  # half of the upper right cell
    mask[..., 8:, :8] = 1  # the whole lower left cell
    share = torch.tensor([[0.0, 0.5], [1.0, 0.0]])
    p = torch.sigmoid(logits[0, 0]).float()
    by_hand = -(share * p.log() + (1 - share) * (1 - p).log()).mean()
    torch.testing.assert_close(prior_loss(logits, mask), by_hand)


def test_the_best_prior_is_the_mean_mask_and_not_its_median():
    masks = torch.zeros(4, 1, 8, 8)
    masks[0] = 1  # one of four: the median is zero, the mean a quarter
    logit = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([logit], lr=5.0)
    for _ in range(200):
        optimiser.zero_grad()
        prior_loss(logit.expand(4, 1, 1, 1), masks).backward()
        optimiser.step()
    assert logit.sigmoid().item() == pytest.approx(0.25, abs=1e-4)


def test_the_deep_loss_halves_the_weight_from_level_to_level():
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(2, 1, side, side, generator=generator) for side in (8, 4, 2)]
    mask = (torch.rand(2, 1, 16, 16, generator=generator) > 0.5).float()
    expected = 0.0
    for k, level in enumerate(logits, start=1):
        side = 16 // 2**k
        share = mask.reshape(2, 1, side, 2**k, side, 2**k).mean(dim=(3, 5))
        p = level.sigmoid()
        entropy = -(share * p.log() + (1 - share) * (1 - p).log()).mean()
        expected += 0.5 ** (k - 1) * (entropy + dice_loss(p, share)).item()
    assert deep_loss(logits, mask).item() == pytest.approx(expected, rel=1e-5)


def test_every_term_is_its_loss_on_what_moved_together():
    model = small(prior=True, text_dropout_rate=0.0).train()
    data = batch()
    seen = {"prior": [], "head": [], "presence": []}
    inputs = []
    model.text_head.register_forward_hook(lambda _m, _i, out: seen["prior"].append(out))
    model.unet.head.register_forward_hook(lambda _m, _i, out: seen["head"].append(out))
    model.presence_head.register_forward_hook(lambda _m, _i, out: seen["presence"].append(out))
    model.unet.stem.register_forward_pre_hook(lambda _m, args: inputs.append(args[0]))
    torch.manual_seed(5)
    terms = model.training_losses(data)
    torch.manual_seed(5)
    torch.rand(3)  # the dropped texts
    maps = model.augmentation.draw(3)

    image, mask = warp(data.image, maps), warp(data.mask, maps, "nearest")
    prior_logits = seen["prior"][0].reshape(3, 1, 4, 4)
    enlarged = F.interpolate(prior_logits.sigmoid(), scale_factor=8, mode="bilinear", align_corners=False)
    (fused,) = inputs
    torch.testing.assert_close(fused[:, 3:], warp(4 * enlarged, maps))
    torch.testing.assert_close(fused[:, :3], model.normalise_image(image))
    assert terms.keys() == TERMS | {"prior"}
    (presence,) = seen["presence"]
    logits = gated(seen["head"][0], presence[..., None, None])
    torch.testing.assert_close(terms["segmentation"], segmentation_loss(logits, mask))
    torch.testing.assert_close(terms["presence"], -0.2 * presence.sigmoid().log().mean())  # each case has a mask
    torch.testing.assert_close(terms["prior"], 0.5 * prior_loss(prior_logits, data.mask))


def test_the_gate_multiplies_probabilities():
    pixel, presence = torch.linspace(-9, 9, 19)[:, None], torch.linspace(-9, 9, 7)
    torch.testing.assert_close(gated(pixel, presence).sigmoid(), pixel.sigmoid() * presence.sigmoid())
    extreme = torch.tensor([-300.0, 0.0, 300.0], requires_grad=True)
    out = gated(extreme[:, None], extreme)
    out.sum().backward()
    assert out.isfinite().all()
    assert extreme.grad.isfinite().all()


# The parts.


def test_gradients_reach_every_part():
    model = small(prior=True, text_dropout_rate=0.0).train()
    sum(model.training_losses(batch(6)).values()).backward()  # two of the six texts are empty
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert idle == []
    assert model.null_text.grad.abs().sum() > 0
    for name, part in model.named_children():
        for own, parameter in part.named_parameters():
            if parameter.dim() > 1 and not own.startswith("tower.positional"):
                assert parameter.grad.abs().sum() > 0, (name, own)


@pytest.mark.parametrize("option", PARTS)
def test_a_switch_takes_its_part_out_and_leaves_nothing_idle(option):
    gone, modules = PARTS[option]
    whole, reduced = small(), small(**{option: False}).train()
    terms = reduced.training_losses(batch())
    assert terms.keys() == TERMS - gone
    assert {name for name, _ in whole.named_children()} - {name for name, _ in reduced.named_children()} == modules
    assert hasattr(reduced, "null_text") == (option == "deep_supervision")
    sum(terms.values()).backward()
    assert all(parameter.grad is not None for parameter in reduced.parameters())


def test_the_switches_are_the_parts_that_ablations_name():
    assert set(BiCLIPPlus.parts) == set(PARTS)
    bare = small(**dict.fromkeys(PARTS, False)).train()
    assert bare.training_losses(batch()).keys() == {"segmentation"}


def test_its_training_sees_no_corruption():
    model = small().train()
    assert model.augmented_with == BiCLIPPlus.augmented_with == ()
    inputs = []
    model.unet.stem.register_forward_pre_hook(lambda _m, args: inputs.append(args[0]))
    torch.manual_seed(5)
    model.training_losses(batch())
    torch.manual_seed(5)
    torch.rand(3)  # the dropped texts
    moved = model.normalise_image(warp(batch().image, model.augmentation.draw(3)))
    assert len(inputs) == 1
    torch.testing.assert_close(inputs[0][:, :3], moved)


def test_without_gate_and_prior_no_text_is_read():
    control = small(presence=False).eval()
    assert not control.uses_text
    assert small().uses_text
    assert small(presence=False, prior=True).uses_text
    data = batch()
    with torch.no_grad():
        torch.testing.assert_close(control(data), control(dataclasses.replace(data, text=["right lung"] * 3)))


def test_the_prior_is_built_on_request():
    children = {name for name, _ in small().named_children()}
    assert {name for name, _ in small(prior=True).named_children()} - children == {"text_head", "enlarge"}


# The text.


def test_an_empty_text_is_the_null_text_and_gives_a_finite_prediction():
    model = small().eval()
    data = dataclasses.replace(batch(), text=["", "  ", "left lung"])
    text = model.read_texts(data)
    torch.testing.assert_close(text[:2], model.null_text.expand(2, -1))
    torch.testing.assert_close(text[2:], model.text_encoder(["left lung"]).pooled)
    with torch.no_grad():
        assert model(data).isfinite().all()
        assert small(text_dropout=False).eval()(data).isfinite().all()


def test_texts_are_dropped_at_their_rate_and_in_training_alone():
    model = small(text_dropout_rate=0.25)
    data = dataclasses.replace(batch(), text=["left lung"] * 400)
    torch.manual_seed(0)
    with torch.no_grad():
        dropped = (model.train().read_texts(data) == model.null_text).all(dim=1).float().mean()
        assert dropped.item() == pytest.approx(0.25, abs=0.07)
        assert not (model.eval().read_texts(data) == model.null_text).all(dim=1).any()


def test_with_the_prior_the_text_says_which_square_counts():
    data = corners(shown="all")
    model = train(small(prior=True), data, 120)
    assert dice(model, data).min() > 0.85
    shuffled = dataclasses.replace(data, text=data.text[1:] + data.text[:1])
    assert dice(model, shuffled).max() < 0.2


def test_a_text_that_says_there_is_nothing_empties_the_mask():
    data = corners(shown="one")
    nothing = dataclasses.replace(data, text=["no infection"] * 4, mask=torch.zeros_like(data.mask))
    both = Batch(torch.cat([data.image, nothing.image]), data.text + nothing.text, torch.cat([data.mask, nothing.mask]))
    model = train(small(), both, 80)
    assert dice(model, data).min() > 0.8
    with torch.no_grad():
        assert not (model(nothing) > 0).any()


def test_without_texts_it_is_about_as_good_as_an_image_only_network():
    data = corners(shown="one")
    silent = dataclasses.replace(data, text=[""] * 4)
    torch.manual_seed(0)
    control = train(build_model("unet", SMALL), data, 120)
    model = train(small(text_dropout_rate=0.2), data, 120)
    assert dice(model, data).min() > 0.9
    assert dice(model, silent).mean() > dice(control, data).mean() - 0.05
