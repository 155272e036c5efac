import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import DiceCELoss, DiceLoss
from monai.networks.nets import DynUNet

from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters
from biclip_bench.models.augmentation import warp
from biclip_bench.models.nnunet import (
    DeeplySupervisedUNet,
    Topology,
    deep_supervision_loss,
    plan_topology,
    supervision_weights,
)


def build(image_size: int, width: int = 8, **settings):
    torch.manual_seed(0)
    return build_model("nnunet", ModelSettings(image_size=image_size, width=width, **settings))


def batch(side: int, cases: int = 2) -> Batch:
    image = torch.rand(cases, 3, side, side, generator=torch.Generator().manual_seed(1))
    mask = (torch.rand(cases, 1, side, side, generator=torch.Generator().manual_seed(2)) > 0.7).float()
    return Batch(image, [""] * cases, mask)


# Sides by hand: nnU-Net's planner halves, rounding up, while the side is 8 or more.
@pytest.mark.parametrize(
    ("image_size", "sides"),
    [
        (32, [32, 16, 8, 4]),
        (48, [48, 24, 12, 6]),
        (64, [64, 32, 16, 8, 4]),
        (80, [80, 40, 20, 10, 5]),
        (96, [96, 48, 24, 12, 6]),
        (224, [224, 112, 56, 28, 14, 7]),
        (240, [240, 120, 60, 30, 15, 8, 4]),
        (512, [512, 256, 128, 64, 32, 16, 8, 4]),
    ],
)
def test_it_halves_as_often_as_nnunet(image_size, sides):
    assert plan_topology(image_size, 64).halvings == len(sides) - 1


def test_its_channels_are_nnunets():
    assert plan_topology(224, 64) == Topology(5, (32, 64, 128, 256, 512, 512))
    assert plan_topology(224, 8) == Topology(5, (4, 8, 16, 32, 64, 64))


@given(st.integers(2, 64))
def test_the_coarsest_map_has_four_to_seven_pixels_a_side_before_padding(sixteenths):
    size = 16 * sixteenths
    bottom = -(-size // 2 ** plan_topology(size, 64).halvings)
    assert 4 <= bottom <= 7


def test_at_224_px_and_width_64_it_is_monais_network_with_nnunets_topology():
    reference = DynUNet(2, 3, 1, [3] * 6, [1, 2, 2, 2, 2, 2], [2] * 5, deep_supervision=True, deep_supr_num=3)
    assert count_parameters(build(224, 64)) == count_parameters(reference) == 20_612_164


@pytest.mark.parametrize("image_size", [32, 80])
def test_every_scale_is_what_monai_predicts_before_it_enlarges(image_size):
    topology = plan_topology(image_size, 16)
    torch.manual_seed(4)
    own = DeeplySupervisedUNet(topology)
    depth = topology.halvings + 1
    strides = [1] + [2] * topology.halvings
    reference = DynUNet(
        2, 3, 1, [3] * depth, strides, strides[1:], topology.filters, deep_supervision=True, deep_supr_num=depth - 3
    )
    reference.load_state_dict(own.state_dict(), strict=False)
    image = torch.randn(2, 3, image_size, image_size)
    expected = reference.train()(image).unbind(dim=1)
    scales = own.train().scales(image)
    assert len(scales) == len(expected) == topology.halvings - 1
    for scale, (logits, enlarged) in enumerate(zip(scales, expected, strict=True)):
        assert logits.shape[-1] == image_size // 2**scale
        torch.testing.assert_close(logits, enlarged[..., :: 2**scale, :: 2**scale])
    torch.testing.assert_close(own.eval()(image), reference.eval()(image))


def test_the_weights_are_nnunets():
    assert supervision_weights(4) == pytest.approx([8 / 15, 4 / 15, 2 / 15, 1 / 15])
    assert supervision_weights(1) == [1]


@pytest.mark.parametrize("cross_entropy_on", ["logits", "probabilities"])
def test_the_loss_is_the_weighted_sum_over_scales(cross_entropy_on):
    generator = torch.Generator().manual_seed(3)
    mask = (torch.rand(2, 1, 8, 8, generator=generator) > 0.5).float()
    scales = [torch.randn(2, 1, side, side, generator=generator) for side in (8, 4, 2)]
    reference = DiceCELoss(sigmoid=True)
    expected = 0.0
    for logits, weight, step in zip(scales, (4 / 7, 2 / 7, 1 / 7), (1, 2, 4), strict=True):
        target = mask[..., step // 2 :: step, step // 2 :: step]
        if cross_entropy_on == "logits":
            expected += weight * reference(logits, target)
        else:
            entropy = torch.nn.functional.binary_cross_entropy(logits.sigmoid().sigmoid(), target)
            expected += weight * (DiceLoss(sigmoid=True)(logits, target) + entropy)
    torch.testing.assert_close(deep_supervision_loss(scales, mask, cross_entropy_on), expected, atol=1e-4, rtol=0)


def test_a_side_that_does_not_halve_evenly_takes_the_border_along():
    # Only the last row is marked. At 1/4 the last cell is half outside, and its centre lies in the repeated border.
    mask = torch.zeros(1, 1, 6, 6)
    mask[..., 5:, :] = 1
    right = [torch.full((1, 1, side, side), -40.0) for side in (6, 3, 2)]
    for logits in right:
        logits[..., -1:, :] = 40
    assert deep_supervision_loss(right, mask) < 1e-5


def test_training_sums_all_scales_of_the_augmented_image():
    model, data = build(80).train(), batch(80)
    torch.manual_seed(5)
    given = model.training_losses(data)
    torch.manual_seed(5)
    maps = model.augmentation.draw(2)
    scales = model.network.scales(model.normalise(warp(data.image, maps)))
    assert [scale.shape[-1] for scale in scales] == [80, 40, 20]
    assert given.keys() == {"segmentation"}
    torch.testing.assert_close(given["segmentation"], deep_supervision_loss(scales, warp(data.mask, maps, "nearest")))


def test_padding_is_cut_off_at_every_scale():
    # 240 px are halved six times, so the network sees 256.
    model = build(240).eval()
    data = batch(240, cases=1)
    with torch.no_grad():
        scales = model.network.scales(model.normalise(data.image))
        assert [scale.shape[-1] for scale in scales] == [240, 120, 60, 30, 15]
        assert torch.equal(model(data), scales[0])


def test_every_head_learns():
    model = build(64).train()
    model.training_losses(batch(64))["segmentation"].backward()
    heads = [model.network.output_block, *model.network.deep_supervision_heads]
    assert len(heads) == 3
    assert all(parameter.grad.abs().sum() > 0 for head in heads for parameter in head.parameters())
