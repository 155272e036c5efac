import pytest
import torch
from torch import nn

from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters
from biclip_bench.models.lvit import LViT
from biclip_bench.models.lvit_cnn import PixelAttention
from biclip_bench.models.lvit_transformer import PatchEmbedding, Reconstruction, TransformerBlock, attention_heads

LEVELS = (64, 128, 256, 512)
PATCHES = (16, 8, 4, 2)


@pytest.fixture(scope="module")
def paper() -> LViT:
    torch.manual_seed(0)
    model = build_model("lvit", ModelSettings(preset="paper"))
    assert isinstance(model, LViT)
    return model.eval()


def test_every_step_has_the_papers_shape(paper):
    sizes = {
        "stem": (1, 64, 224, 224),
        "encoder.0": (1, 128, 112, 112),
        "encoder.1": (1, 256, 56, 56),
        "encoder.2": (1, 512, 28, 28),
        "encoder.3": (1, 512, 14, 14),
        "text_levels.0": (1, 512, 10),
        "text_levels.3": (1, 64, 10),
        "text_to_patches": (1, 196, 64),
        **{f"down_blocks.{level}": (1, 196, wide) for level, wide in enumerate(LEVELS)},
        **{f"merge_down.{level}": (1, wide, 196) for level, wide in enumerate(LEVELS[:3])},
        **{f"up_blocks.{level}": (1, 196, wide) for level, wide in enumerate(LEVELS)},
        **{f"reconstructions.{level}": (1, wide, 224 >> level, 224 >> level) for level, wide in enumerate(LEVELS)},
        "decoder.0": (1, 256, 28, 28),
        "decoder.1": (1, 128, 56, 56),
        "decoder.2": (1, 64, 112, 112),
        "decoder.3": (1, 64, 224, 224),
        "head": (1, 1, 224, 224),
    }
    seen = {}
    for name in sizes:
        paper.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, name=name: seen.update({name: tuple(out.shape)})
        )
    with torch.no_grad():
        paper(Batch(torch.rand(1, 3, 224, 224), ["left lung"]))
    assert seen == sizes


def block(wide: int) -> int:
    """Two layer norms, attention with biases, a perceptron four times as wide inside."""
    return 4 * wide + 4 * (wide * wide + wide) + (wide * 4 * wide + 4 * wide) + (4 * wide * wide + wide)


def test_parameters_at_paper_size_equal_the_count_by_hand(paper):
    def double(narrow: int, wide: int) -> int:
        return 9 * narrow * wide + 9 * wide * wide + 4 * wide

    parts = {
        "stem": 27 * 64 + 128,
        "encoder": double(64, 128) + double(128, 256) + double(256, 512) + double(512, 512),
        "decoder": double(1024, 256)
        + double(512, 128)
        + double(256, 64)
        + double(128, 64)
        + sum(2 * wide * wide + 3 * 6 + 6 + 6 + 1 for wide in LEVELS),
        "head": 65,
        "text_levels": sum(3 * a * b + b for a, b in ((128, 512), (512, 256), (256, 128), (128, 64))),
        "text_to_patches": 3 * 10 * 196 + 196 + 2 * 196,
        "embeddings": sum(wide * wide * p * p + wide + 196 * wide for wide, p in zip(LEVELS, PATCHES, strict=True)),
        "down_blocks": sum(map(block, LEVELS)),
        "up_blocks": sum(map(block, LEVELS)),
        "merge_down": sum(3 * 2 * wide * wide + wide + 2 * wide for wide in LEVELS[:3]),
        "merge_up": sum(3 * 2 * wide * wide + wide + 2 * wide for wide in LEVELS[:3]),
        "reconstructions": sum(wide * wide + wide + 2 * wide for wide in LEVELS),
    }
    for name, count in parts.items():
        assert count_parameters(paper.get_submodule(name)) == count, name
    assert count_parameters(paper) == sum(parts.values()) + count_parameters(paper.text_encoder)


def test_with_word_vectors_as_wide_as_berts_it_has_the_published_29_7_million_and_the_positions(paper):
    here = count_parameters(paper) - count_parameters(paper.text_encoder)
    of_bert = here + 3 * (768 - 128) * 512
    assert of_bert == 29_904_129
    positions = 196 * sum(LEVELS)
    assert round((of_bert - positions) / 1e6, 1) == 29.7


def test_a_transformer_block_equals_its_formula():
    torch.manual_seed(0)
    layer = TransformerBlock(32).eval()
    x = torch.rand(2, 5, 32)
    normed = nn.functional.layer_norm(x, (32,))
    q, k, v = (normed @ layer.attention.in_proj_weight.T + layer.attention.in_proj_bias).split(32, dim=2)
    heads = []
    for h in range(attention_heads(32)):
        part = slice(8 * h, 8 * h + 8)
        weights = (q[..., part] @ k[..., part].transpose(1, 2) / 8**0.5).softmax(dim=2)
        heads.append(weights @ v[..., part])
    x_attended = x + layer.attention.out_proj(torch.cat(heads, dim=2))
    gelu = nn.functional.gelu
    hidden = gelu(layer.mlp[0](nn.functional.layer_norm(x_attended, (32,))))
    torch.testing.assert_close(layer(x), x_attended + gelu(layer.mlp[3](hidden)))


@pytest.mark.parametrize(("width", "heads"), [(64, 8), (512, 8), (32, 4), (8, 1), (4, 1), (28, 2), (20, 2)])
def test_heads_are_eight_where_each_is_eight_wide(width, heads):
    assert attention_heads(width) == heads


def test_a_patch_returns_to_where_it_was_cut():
    torch.manual_seed(0)
    embed, back = PatchEmbedding(4, patch=8, patches=16).eval(), Reconstruction(4, patch=8).eval()
    features = torch.rand(1, 4, 32, 32)
    changed = features.clone()
    changed[:, :, 8:16, 24:32] += 1  # second row, last column
    with torch.no_grad():
        back.convolution[0].weight.abs_()
        back.convolution[0].bias.fill_(10.0)  # keeps the ReLU open
        difference = (back(embed(changed), 4) - back(embed(features), 4)).abs().sum(dim=(0, 1))
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[8:16, 24:32] = True
    assert torch.equal(difference > 0, inside)


def test_reconstruction_equals_repeating_first_and_convolving_then():
    """The reference's order; the batch statistics are the same either way."""
    torch.manual_seed(0)
    back = Reconstruction(8, patch=4).train()
    patches = torch.rand(2, 9, 8)
    grid = patches.transpose(1, 2).reshape(2, 8, 3, 3)
    expected = back.convolution(nn.Upsample(scale_factor=4)(grid))
    torch.testing.assert_close(back(patches, 3), expected)


def test_pixel_attention_equals_its_formula():
    torch.manual_seed(0)
    attention = PixelAttention(6)
    x = torch.rand(2, 6, 5, 7)
    first, second = attention.mlp[0], attention.mlp[2]

    def through(branch: nn.Sequential) -> torch.Tensor:
        return torch.einsum("oi,bihw->bohw", branch[0].weight[:, :, 0, 0], x).clamp(min=0)

    average, maximum = through(attention.average).mean(dim=1), through(attention.maximum).max(dim=1).values
    maps = torch.stack([average, maximum, average + maximum], dim=3)
    hidden = (maps @ first.weight[:, :, 0, 0].T + first.bias).clamp(min=0)
    weight = hidden @ second.weight[:, :, 0, 0].T + second.bias
    torch.testing.assert_close(attention(x), x * weight.permute(0, 3, 1, 2))


def test_each_level_merges_the_one_above_on_the_way_down_and_the_one_below_on_the_way_back():
    torch.manual_seed(0)
    model = build_model("lvit", ModelSettings(image_size=32, width=8)).eval()
    maps = [torch.rand(1, 8 * 2**level, 32 >> level, 32 >> level) for level in range(4)]
    text = torch.rand(1, 4, 8)
    with torch.no_grad():
        plain = model.transformer(maps, text)
        assert [tuple(level.shape) for level in plain] == [(1, 4, 8 * 2**level) for level in range(4)]
        # The text enters at the first level and reaches all of them.
        assert all(not torch.equal(a, b) for a, b in zip(plain, model.transformer(maps, text + 1), strict=True))
        # A change of the deepest map comes back to the first.
        deepest = [*maps[:3], maps[3] + torch.rand(maps[3].shape)]
        assert all(not torch.equal(a, b) for a, b in zip(plain, model.transformer(deepest, text), strict=True))


def test_without_pixel_attention_only_its_parameters_are_gone():
    whole = build_model("lvit", ModelSettings(image_size=32, width=8))
    reduced = build_model("lvit?pixel_attention=false", ModelSettings(image_size=32, width=8))
    gone = dict(whole.named_parameters()).keys() - dict(reduced.named_parameters()).keys()
    assert {name.split(".")[2] for name in gone} == {"attention"}
    assert dict(reduced.named_parameters()).keys() < dict(whole.named_parameters()).keys()
