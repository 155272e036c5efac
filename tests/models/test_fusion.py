import pytest
import torch
from torch import nn

from biclip_bench.models import count_parameters
from biclip_bench.models.fusion import (
    ConsistencyProjection,
    ImageEmbedding,
    ImageToTextHead,
    PseudoImageGenerator,
    TextHead,
    TextRefinement,
    text_embedding_width,
)


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (TextHead(768, 784), 768 * 784 + 784 + 2 * 784 + 784 * 784 + 784),
        (ImageEmbedding(64, 256), 27 * 64 + 64 + 576 * 256 + 256),
        (TextRefinement(784, 256), 1040 * 784 + 784 + 2 * 784 + 784 * 784 + 784),
        (PseudoImageGenerator(224), 16 * 16 + 16 + 16 * 16 * 8 + 8 + 16 * 8 * 3 + 3),
        (ImageToTextHead(32, 64, 784), 27 * 32 + 32 + 288 * 64 + 64 + 64 * 784 + 784),
        (ConsistencyProjection(64, 256), 64 * 256 + 256 + 2 * 256),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_paper_sizes_by_parameter_count(module, parameters):
    assert count_parameters(module) == parameters


@pytest.mark.parametrize(("image_size", "embedding"), [(224, 784), (128, 256), (112, 196), (96, 144), (32, 16)])
def test_text_embedding_is_a_map_of_an_eighth_of_the_side(image_size, embedding):
    assert text_embedding_width(image_size) == embedding
    pseudo_image = PseudoImageGenerator(image_size)(torch.randn(2, embedding))
    assert pseudo_image.shape == (2, 3, image_size, image_size)
    assert pseudo_image.min() > 0
    assert pseudo_image.max() < 1


def test_one_cell_of_the_text_map_reaches_its_own_neighbourhood_alone():
    generator = PseudoImageGenerator(64)
    text = torch.zeros(1, 64)
    changed = text.clone()
    changed[0, 8 * 2 + 5] = 1.0  # row 2, column 5
    difference = (generator(changed) - generator(text)).abs().sum(dim=(0, 1))
    rows, columns = difference.nonzero(as_tuple=True)
    assert 8 * 2 - 8 < rows.min() <= 8 * 2
    assert 8 * 3 - 1 <= rows.max() < 8 * 3 + 8
    assert 8 * 5 - 8 < columns.min() <= 8 * 5
    assert 8 * 6 - 1 <= columns.max() < 8 * 6 + 8


def test_refinement_is_residual():
    refinement = TextRefinement(text=16, image=8)
    nn.init.zeros_(refinement.mlp[-1].weight)
    nn.init.zeros_(refinement.mlp[-1].bias)
    text = torch.randn(3, 16)
    assert torch.equal(refinement(text, torch.randn(3, 8)), text)


def test_consistency_projection_is_the_normalised_projection_of_the_mean():
    projection = ConsistencyProjection(channels=4, projection=6)
    features = torch.rand(2, 4, 8, 8)
    linear = projection.projection[0]
    raw = features.mean(dim=(2, 3)) @ linear.weight.T + linear.bias
    centred = raw - raw.mean(dim=1, keepdim=True)
    expected = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(projection(features), expected)
