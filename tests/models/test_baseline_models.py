import dataclasses

import pytest
import torch

from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters, listed_models
from biclip_bench.models.augmentation import BENCHMARK_AUGMENTATION, warp
from biclip_bench.models.ef_unet import PAPER_AUGMENTATION, EFUNet
from biclip_bench.models.losses import generation_loss, segmentation_loss
from biclip_bench.models.unet import UNet

SMALL = ModelSettings(image_size=64, width=8)
MODELS = listed_models()


def build(name: str, settings: ModelSettings = SMALL, **options):
    torch.manual_seed(0)
    return build_model(name, dataclasses.replace(settings, options=options))


def batch(cases: int = 2, side: int = 64) -> Batch:
    image = torch.rand(cases, 3, side, side, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(cases, 1, side, side)
    mask[:, :, side // 4 : side // 2, side // 3 :] = 1
    return Batch(image, ["left lung", "right lung, two areas"][:cases], mask)


def blobs(side: int = 32) -> Batch:
    """Four cases of one bright square each, in noise; the text names its corner."""
    image = 0.3 * torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(4, 1, side, side)
    texts = []
    for case, (top, left) in enumerate([(4, 4), (4, 18), (18, 4), (18, 18)]):
        mask[case, 0, top : top + 10, left : left + 10] = 1
        texts.append(f"{'upper' if top < 10 else 'lower'} {'left' if left < 10 else 'right'}")
    return Batch(image + 0.5 * mask, texts, mask)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_and_losses_keep_the_contract(name):
    model = build(name)
    with torch.no_grad():
        logits = model.eval()(batch())
    assert logits.shape == (2, 1, 64, 64)
    assert logits.dtype == torch.float32
    terms = model.train().training_losses(batch())
    assert "segmentation" in terms
    assert all(term.shape == () and term.isfinite() for term in terms.values())


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_repeats_its_bits(name):
    model = build(name).eval()
    with torch.no_grad():
        assert torch.equal(model(batch()), model(batch()))


@pytest.mark.parametrize("name", MODELS)
def test_the_text_changes_the_prediction_exactly_where_declared(name):
    model = build(name).eval()
    data = batch()
    with torch.no_grad():
        same = torch.equal(model(data), model(dataclasses.replace(data, text=["lower right", ""])))
    assert same != model.uses_text


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_takes_part(name):
    model = build(name).train()
    sum(model.training_losses(batch()).values()).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("name", MODELS)
def test_training_repeats_its_bits_with_deterministic_algorithms(name):
    def train() -> dict[str, torch.Tensor]:
        model = build(name).to(memory_format=torch.channels_last).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        data = batch()
        data = dataclasses.replace(data, image=data.image.to(memory_format=torch.channels_last))
        torch.manual_seed(7)
        for _ in range(3):
            optimiser.zero_grad()
            sum(model.training_losses(data).values()).backward()
            optimiser.step()
        return model.state_dict()

    torch.use_deterministic_algorithms(True)
    try:
        first, second = train(), train()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_channels_last_predicts_the_same(name):
    model = build(name).eval()
    data = batch()
    with torch.no_grad():
        plain = model(data)
        model.to(memory_format=torch.channels_last)
        last = model(dataclasses.replace(data, image=data.image.to(memory_format=torch.channels_last)))
    torch.testing.assert_close(last, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["biclip", "ef-unet", "unet"])
def test_it_overfits_four_cases(name):
    data = blobs()
    model = build(name, ModelSettings(image_size=32, width=8)).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(0)
    for _ in range(60):
        optimiser.zero_grad()
        sum(model.training_losses(data).values()).backward()
        optimiser.step()
    with torch.no_grad():
        predicted = (model.eval()(data) > 0).float()
    dice = 2 * (predicted * data.mask).sum((1, 2, 3)) / (predicted + data.mask).sum((1, 2, 3))
    assert dice.min() > 0.9


@pytest.mark.parametrize("name", ["ef-unet", "unet", "smp-unet"])
def test_under_the_benchmark_preset_all_share_one_augmentation(name):
    assert build(name).augmentation == build("biclip").augmentation == BENCHMARK_AUGMENTATION
    assert build(name).augmented_with == ()


def test_ef_unet_moves_image_pseudo_image_and_mask_together():
    model = build("ef-unet").train()
    data = batch()
    seen = {}
    model.generator.register_forward_hook(lambda _m, _i, out: seen.update(pseudo_image=out))
    model.unet.register_forward_hook(lambda _m, args, out: seen.update(fused=args[0], logits=out))
    torch.manual_seed(5)
    terms = model.training_losses(data)
    torch.manual_seed(5)
    maps = model.augmentation.draw(2)
    image = model.normalise_image(warp(data.image, maps))
    pseudo_image = model.normalise_pseudo_image(warp(seen["pseudo_image"], maps))
    torch.testing.assert_close(seen["fused"], torch.cat([image, pseudo_image], dim=1))
    assert terms.keys() == {"segmentation", "generation"}
    torch.testing.assert_close(
        terms["segmentation"], segmentation_loss(seen["logits"], warp(data.mask, maps, "nearest"))
    )
    expected = 0.1 * generation_loss(seen["pseudo_image"], data.image, data.mask)
    torch.testing.assert_close(terms["generation"], expected)


def test_ef_unet_without_generation_has_one_term():
    assert build("ef-unet", generation=False).train().training_losses(batch()).keys() == {"segmentation"}


def test_ef_unet_has_its_own_augmentation_under_the_paper_preset():
    model = EFUNet(dataclasses.replace(SMALL, preset="paper"))
    assert model.augmentation == PAPER_AUGMENTATION
    assert PAPER_AUGMENTATION.degrees == 90


def test_unet_is_biclips_backbone_less_three_input_channels():
    paper = ModelSettings(preset="paper")
    backbone = build_model("biclip", paper).unet.state_dict()
    control = build_model("unet", paper)
    assert isinstance(control, UNet)
    sizes = {key: value.shape for key, value in control.network.state_dict().items()}
    assert sizes.pop("stem.0.weight") == (64, 3, 3, 3)
    assert backbone.pop("stem.0.weight").shape == (64, 6, 3, 3)
    assert sizes == {key: value.shape for key, value in backbone.items()}
    assert count_parameters(control) == 31_037_633


def test_ef_unet_at_paper_size_equals_the_count_by_hand():
    model = build_model("ef-unet", ModelSettings(preset="paper"))
    head = 128 * 784 + 784 + 1568 + 784 * 784 + 784
    assert count_parameters(model) == 31_039_361 + 2_715 + head + count_parameters(model.text_encoder)
