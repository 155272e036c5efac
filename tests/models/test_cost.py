import dataclasses

import pytest
import torch

from biclip_bench.models import (
    ModelSettings,
    SegmentationModel,
    build_model,
    count_parameters,
    listed_models,
    model_registry,
    register_model,
)
from biclip_bench.models.classic_unet import ClassicUNet
from biclip_bench.models.cost import loss_terms, model_cost, module_sizes

SETTINGS = ModelSettings(image_size=64, width=8)


def unet_operations(side: int, width: int, channels: int) -> int:
    """Two operations a multiply-add, every convolution of the classic U-Net by hand."""
    operations, sides = 0, [side // 2**level for level in range(5)]
    widths = [width * 2**level for level in range(5)]
    for level in range(5):
        inside = channels if level == 0 else widths[level - 1]
        operations += 2 * sides[level] ** 2 * 9 * (inside + widths[level]) * widths[level]
    for level in range(3, -1, -1):
        operations += 2 * sides[level + 1] ** 2 * 4 * widths[level + 1] * widths[level]
        operations += 2 * sides[level] ** 2 * 9 * (2 * widths[level] + widths[level]) * widths[level]
    return operations + 2 * side**2 * width


@pytest.mark.parametrize(("side", "width"), [(64, 8), (224, 64)])
def test_operations_of_the_unet_equal_the_count_by_hand(side, width):
    cost = model_cost("unet", ModelSettings(side, width))
    assert cost.gflops == pytest.approx(unet_operations(side, width, 3) / 1e9, rel=1e-12)


@pytest.mark.parametrize("name", listed_models())
def test_parameters_are_those_of_the_real_model(name):
    cost = model_cost(name, SETTINGS)
    model = build_model(name, SETTINGS)
    assert cost.trained == count_parameters(model, trainable_only=True)
    assert cost.trained + cost.frozen == count_parameters(model)
    assert cost.gflops is not None
    assert cost.gflops > 0


def test_a_frozen_text_encoder_is_counted_apart_and_its_operations_not():
    learning, frozen = (model_cost("ef-unet", dataclasses.replace(SETTINGS, freeze_text=f)) for f in (False, True))
    assert learning.trained == frozen.trained + frozen.frozen
    assert frozen.gflops < learning.gflops


@pytest.mark.parametrize("name", ["unet", "segformer", "swin-unetr"])
def test_counting_leaves_the_random_numbers_alone(name):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    model_cost(name, SETTINGS)
    assert torch.equal(torch.rand(3), expected)


def test_terms_and_modules_of_biclip():
    model = build_model("biclip", SETTINGS)
    assert loss_terms(model, 64) == ["segmentation", "generation", "consistency", "cycle"]
    sizes = module_sizes(model)
    assert sizes["unet"] == ("ClassicUNet", count_parameters(ClassicUNet(6, 8)))
    assert sum(size for _, size in sizes.values()) == count_parameters(model)


def test_attention_is_counted_where_pytorch_would_fuse_it():
    """An encoder layer by hand: four projections, two products with the scores, two layers of the perceptron."""

    @register_model("attention-alone")
    class AttentionAlone(SegmentationModel):
        uses_text, paper = False, "none"

        def __init__(self, settings):
            super().__init__()
            self.layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)

        def forward(self, batch):
            tokens = batch.image.flatten(1).reshape(1, -1, 16)
            return self.layer(tokens).reshape(1, 3, *batch.image.shape[-2:])[:, :1]

        def training_losses(self, batch):
            return {"none": self(batch).sum()}

    try:
        cost = model_cost("attention-alone", ModelSettings(32, 8))
    finally:
        model_registry._entries.pop("attention-alone")
    n, d, h = 3 * 32 * 32 // 16, 16, 32
    assert cost.gflops * 1e9 == pytest.approx(2 * (4 * n * d * d + 2 * n * n * d + 2 * n * d * h))
