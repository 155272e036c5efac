import dataclasses

import pytest
import torch

from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters
from biclip_bench.models.augmentation import warp
from biclip_bench.models.biclip import BiCLIP
from biclip_bench.models.losses import cycle_loss, generation_loss, segmentation_loss
from biclip_bench.models.views import STRONG_VIEW_FAMILIES

SMALL = ModelSettings(image_size=32, width=8)
TERMS = {"segmentation", "generation", "consistency", "cycle"}


def small(**options) -> BiCLIP:
    torch.manual_seed(0)
    model = build_model("biclip", dataclasses.replace(SMALL, options=options))
    assert isinstance(model, BiCLIP)
    return model


def batch(cases: int = 3, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(cases, 3, side, side, generator=generator)
    mask = torch.zeros(cases, 1, side, side)
    mask[:, :, side // 4 : side // 2, side // 3 :] = 1
    texts = ["left lung", "right lung, two areas", ""]
    return Batch(image, [texts[case % 3] for case in range(cases)], mask)


def outputs_of(model: torch.nn.Module, names: list[str]) -> dict[str, list[torch.Tensor]]:
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    for name in names:
        model.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: seen[name].append(out))
    return seen


@pytest.fixture(scope="module")
def cxr_bert(write_cxr_bert, tmp_path_factory) -> str:
    """An encoder in CXR-BERT's format and of its width, with two of its twelve layers."""
    folder = write_cxr_bert(tmp_path_factory.mktemp("cxr-bert"), hidden_size=768, num_hidden_layers=2)
    return f"hf:{folder}"


def test_every_step_of_the_paper_preset_has_the_papers_shape(cxr_bert):
    model = build_model("biclip", ModelSettings(preset="paper", text_encoder=cxr_bert))
    assert model.text_encoder(["left lung"]).pooled.shape == (1, 768)
    assert model.text_encoder(["left lung"]).own.shape == (1, 32)
    sizes = {
        "text_head": (2, 784),
        "image_embedding": (2, 256),
        "text_refinement": (2, 784),
        "generator": (2, 3, 224, 224),
        "image_to_text": (2, 784),
        "unet.decoder.3": (2, 64, 224, 224),
        "unet.head": (2, 1, 224, 224),
        "consistency_projection": (2, 256),
    }
    seen = outputs_of(model, list(sizes))
    inputs = []
    model.unet.stem.register_forward_pre_hook(lambda _m, args: inputs.append(tuple(args[0].shape)))
    with torch.no_grad():
        model.training_losses(batch(2, 224))
    assert {name: tuple(out[0].shape) for name, out in seen.items()} == sizes
    assert inputs == [(2, 6, 224, 224)] * 2  # weak and strong view


def test_parameters_of_the_paper_preset_equal_the_count_by_hand(cxr_bert):
    model = build_model("biclip", ModelSettings(preset="paper", text_encoder=cxr_bert))
    parts = {
        "text_head": 768 * 784 + 784 + 1568 + 784 * 784 + 784,
        "image_embedding": 149_504,
        "text_refinement": 1_433_152,
        "generator": 2_715,
        "image_to_text": 70_352,
        "unet": 31_037_633 + 3 * 64 * 9,
        "consistency_projection": 17_152,
    }
    for name, count in parts.items():
        assert count_parameters(model.get_submodule(name)) == count, name
    assert count_parameters(model, trainable_only=True) == sum(parts.values())
    assert count_parameters(model) == sum(parts.values()) + count_parameters(model.text_encoder.encoder)


def test_under_the_paper_preset_gradients_reach_all_but_the_text_encoder(cxr_bert):
    model = build_model("biclip", ModelSettings(preset="paper", text_encoder=cxr_bert)).train()
    sum(model.training_losses(batch(2, 224)).values()).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    encoder = model.text_encoder.encoder
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in encoder.parameters())


def test_the_paper_preset_takes_the_cross_entropy_of_probabilities():
    assert BiCLIP(dataclasses.replace(SMALL, preset="paper")).options.cross_entropy_on == "probabilities"
    assert BiCLIP(SMALL).options.cross_entropy_on == "logits"
    chosen = dataclasses.replace(SMALL, preset="paper", options={"cross_entropy_on": "logits"})
    assert BiCLIP(chosen).options.cross_entropy_on == "logits"


@pytest.mark.parametrize("cross_entropy_on", ["logits", "probabilities"])
@pytest.mark.parametrize("distance", ["l1", "squared-l2"])
def test_every_term_is_its_loss_on_what_moved_together(cross_entropy_on, distance):
    model = small(cross_entropy_on=cross_entropy_on, cycle_distance=distance).train()
    data = batch()
    names = ["text_head", "generator", "image_to_text", "unet.head", "consistency_projection"]
    seen = outputs_of(model, names)
    inputs = []
    model.unet.stem.register_forward_pre_hook(lambda _m, args: inputs.append(args[0]))
    torch.manual_seed(5)
    terms = model.training_losses(data)
    torch.manual_seed(5)
    maps = model.augmentation.draw(3)

    (pseudo_image,) = seen["generator"]
    weak, strong = inputs
    image = model.normalise_image(warp(data.image, maps))
    anchor = model.normalise_pseudo_image(warp(pseudo_image, maps))
    torch.testing.assert_close(weak, torch.cat([image, anchor], dim=1))
    torch.testing.assert_close(strong[:, 3:], anchor)  # the pseudo-image is never photometrically disturbed
    assert not torch.allclose(strong[:, :3], image)

    mask = warp(data.mask, maps, "nearest")
    expected = {
        "segmentation": segmentation_loss(seen["unet.head"][0], mask, cross_entropy_on),
        "generation": 0.1 * generation_loss(pseudo_image, data.image, data.mask),
        "cycle": 0.07 * cycle_loss(seen["text_head"][0], seen["image_to_text"][0], distance),
    }
    projected = torch.nn.functional.normalize(torch.stack(seen["consistency_projection"]), dim=2)
    expected["consistency"] = 0.05 * (1 - (projected[0] * projected[1]).sum(dim=1).mean())
    assert terms.keys() == expected.keys() == TERMS
    for name, value in expected.items():
        assert terms[name].shape == ()
        torch.testing.assert_close(terms[name], value, msg=name)


def test_gradients_reach_every_part():
    model = small().train()
    sum(model.training_losses(batch()).values()).backward()
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert idle == []
    for name, part in model.named_children():
        gradients = [p.grad.abs().sum().item() for p in part.parameters()]
        assert not gradients or sum(gradients) > 0, name


@pytest.mark.parametrize(
    ("option", "gone", "parts"),
    [
        ("refinement", set(), {"image_embedding", "text_refinement"}),
        ("cycle", {"cycle"}, {"image_to_text"}),
        ("consistency", {"consistency"}, {"consistency_projection"}),
        ("strong_view", {"consistency"}, {"consistency_projection"}),
        ("generation", {"generation"}, set()),
    ],
)
def test_a_switch_takes_its_part_out_and_leaves_nothing_idle(option, gone, parts):
    whole, reduced = small(), small(**{option: False}).train()
    terms = reduced.training_losses(batch())
    assert terms.keys() == TERMS - gone
    names = {name for name, _ in whole.named_children()} - {name for name, _ in reduced.named_children()}
    assert names == parts
    sum(terms.values()).backward()
    assert all(parameter.grad is not None for parameter in reduced.parameters())


def test_it_declares_the_corruptions_that_its_training_sees():
    assert small().augmented_with == STRONG_VIEW_FAMILIES
    assert small(strong_view=False).augmented_with == ()
    assert small(consistency=False).augmented_with == ()
    assert BiCLIP.augmented_with == STRONG_VIEW_FAMILIES


def test_without_the_strong_view_the_network_sees_the_image_once():
    model = small(strong_view=False).train()
    inputs = []
    model.unet.stem.register_forward_pre_hook(lambda _m, args: inputs.append(args[0]))
    model.training_losses(batch())
    assert len(inputs) == 1


def test_two_views_each_move_the_running_statistics():
    tracked = "unet.stem.1.num_batches_tracked"
    whole, reduced = small().train(), small(strong_view=False).train()
    whole.training_losses(batch())
    reduced.training_losses(batch())
    assert whole.state_dict()[tracked] == 2
    assert reduced.state_dict()[tracked] == 1


def test_evaluation_is_deterministic_and_ignores_the_mask():
    model = small().eval()
    data = batch()
    with torch.no_grad():
        logits = model(data)
        assert logits.shape == (3, 1, 32, 32)
        assert torch.equal(model(data), logits)
        assert torch.equal(model(dataclasses.replace(data, mask=None)), logits)


def test_the_text_changes_the_prediction():
    model = small().eval()
    data = batch()
    with torch.no_grad():
        difference = model(data) - model(dataclasses.replace(data, text=["lower right lung"] * 3))
    assert (difference.abs().amax(dim=(1, 2, 3)) > 1e-6).all()


def test_without_refinement_the_pseudo_image_depends_on_the_text_alone():
    data = batch()
    other = dataclasses.replace(data, image=1 - data.image)
    for refinement in (True, False):
        model = small(refinement=refinement).eval()
        with torch.no_grad():
            text = model.text_embedding(data)
            same = torch.equal(model.pseudo_image(text, data.image), model.pseudo_image(text, other.image))
        assert same != refinement
