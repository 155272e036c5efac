import math
import re

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from biclip_bench.errors import UserError
from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters
from biclip_bench.models.convnext import convnext_tiny, stage_channels, timm_names
from biclip_bench.models.lang_guided_decoder import LangGuidedDecoder
from biclip_bench.models.lang_guided_layers import GuidedAttention, GuidedStage, SubpixelUpsample, sinusoidal_positions

NARROW = stage_channels(8)


@pytest.fixture(scope="module")
def paper() -> LangGuidedDecoder:
    torch.manual_seed(0)
    model = build_model("lang-guided-decoder", ModelSettings(preset="paper"))
    assert isinstance(model, LangGuidedDecoder)
    return model.eval()


def test_every_step_has_the_papers_shape(paper):
    sizes = {
        "text_projections.0": (1, 24, 768),
        "text_projections.1": (1, 12, 384),
        "text_projections.2": (1, 9, 192),
        "stages.0.attention": (1, 768, 7, 7),
        "stages.0": (1, 384, 14, 14),
        "stages.1.attention": (1, 384, 14, 14),
        "stages.1": (1, 192, 28, 28),
        "stages.2.attention": (1, 192, 28, 28),
        "stages.2": (1, 96, 56, 56),
        "upsample": (1, 24, 224, 224),
        "head": (1, 1, 224, 224),
    }
    seen, of_encoder = {}, []
    paper.encoder.register_forward_hook(lambda _m, _i, out: of_encoder.extend(tuple(level.shape) for level in out))
    for name in sizes:
        paper.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, name=name: seen.update({name: tuple(out.shape)})
        )
    with torch.no_grad():
        paper(Batch(torch.rand(1, 3, 224, 224), ["left lung"]))
    assert of_encoder == [(1, 96, 56, 56), (1, 192, 28, 28), (1, 384, 14, 14), (1, 768, 7, 7)]
    assert seen == sizes


def test_parameters_at_paper_size_equal_the_count_by_hand(paper):
    # torchvision states 28,589,128 for the classifier: less its last norm and linear layer.
    assert count_parameters(paper.encoder) == 28_589_128 - 2 * 768 - (768 * 1000 + 1000)
    for stage, (length, wide) in enumerate(((24, 768), (12, 384), (9, 192))):
        projection = 24 * length + length + 128 * wide + wide
        assert count_parameters(paper.text_projections[stage]) == projection
        half = wide // 2
        attention = 4 * 2 * wide + 2 * 4 * (wide * wide + wide) + 1
        up = (4 * wide * half + half) + 9 * wide * half + 9 * half * half + 4 * half
        assert count_parameters(paper.stages[stage]) == attention + up
    assert count_parameters(paper.upsample) == 9 * 96 * 384 + 384
    assert count_parameters(paper.head) == 25
    here = count_parameters(paper) - count_parameters(paper.text_encoder)
    assert here == 41_317_057
    of_bert = here + (768 - 128) * (768 + 384 + 192)
    assert round(of_bert / 1e6, 1) == 42.2


def test_positions_are_those_of_the_transformer():
    positions = sinusoidal_positions(50, 12)
    for position in (0, 1, 37):
        for pair in range(6):
            angle = position / 10000 ** (2 * pair / 12)
            assert positions[position, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert positions[position, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)


def attend(attention: nn.MultiheadAttention, query, key, value) -> torch.Tensor:
    """Multi-head attention, written out."""
    wide, heads = attention.embed_dim, attention.num_heads
    to_q, to_k, to_v = attention.in_proj_weight.split(wide)
    q, k, v = query @ to_q.T, key @ to_k.T, value @ to_v.T  # the biases begin with zero
    size = wide // heads
    parts = []
    for head in range(heads):
        own = slice(head * size, head * size + size)
        parts.append((q[..., own] @ k[..., own].transpose(1, 2) / size**0.5).softmax(dim=2) @ v[..., own])
    return torch.cat(parts, dim=2) @ attention.out_proj.weight.T


def test_guided_attention_equals_its_formula():
    torch.manual_seed(0)
    guided = GuidedAttention(channels=16, side=3, length=5)
    assert guided.scale.item() == pytest.approx(1.421)
    nn.init.constant_(guided.scale, 0.7)
    image, text = torch.randn(2, 16, 3, 3), torch.randn(2, 5, 16)

    def norm(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, (16,))

    at, said_at = sinusoidal_positions(9, 16), sinusoidal_positions(5, 16)
    x = image.reshape(2, 16, 9).transpose(1, 2)
    x = x + norm(attend(guided.self_attention, norm(x) + at, norm(x) + at, norm(x)))
    x = x + 0.7 * norm(attend(guided.cross_attention, norm(x) + at, text + said_at, text))
    assert guided.self_attention.num_heads == 1
    assert guided.cross_attention.num_heads == 4
    torch.testing.assert_close(guided(image, text), x.transpose(1, 2).reshape(2, 16, 3, 3))


def test_a_stage_is_monais_up_block_behind_the_attention():
    from monai.networks.blocks.unetr_block import UnetrUpBlock

    stage = GuidedStage(channels=32, side=4, length=9)
    peer = UnetrUpBlock(2, 32, 16, 3, 2, norm_name="batch")
    assert count_parameters(stage.up) == count_parameters(peer) + 16  # the bias of our transposed convolution
    fine = stage(torch.rand(2, 32, 4, 4), torch.rand(2, 16, 8, 8), torch.rand(2, 9, 32))
    assert fine.shape == (2, 16, 8, 8)


def test_sub_pixel_upsampling_equals_monais():
    from monai.networks.blocks.upsample import SubpixelUpsample as Monais

    torch.manual_seed(0)
    ours, peer = SubpixelUpsample(6, 3, factor=4), Monais(2, 6, 3, 4)
    peer.conv_block.load_state_dict(ours.convolution.state_dict())
    features = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(ours(features), peer(features))
    # Its first weights copy the nearest neighbour: the pixels of a cell are alike before they are smoothed.
    kernels = ours.convolution.weight.reshape(3, 16, 6, 3, 3)
    assert torch.equal(kernels, kernels[:, :1].expand_as(kernels))


def test_a_side_that_is_no_multiple_of_32_is_padded_and_cut():
    torch.manual_seed(0)
    model = build_model("lang-guided-decoder", ModelSettings(image_size=80, width=8)).eval()
    wide = build_model("lang-guided-decoder", ModelSettings(image_size=96, width=8)).eval()
    wide.load_state_dict(model.state_dict())
    image = model.normalise(torch.rand(1, 3, 80, 80))
    padded = torch.nn.functional.pad(image, (0, 16, 0, 16), mode="replicate")
    with torch.no_grad():
        text = model.text_encoder(["left lung"])
        torch.testing.assert_close(model.segment(image, text), wide.segment(padded, text)[..., :80, :80])


def timm_source():
    import timm

    model = timm.create_model("convnext_tiny", dims=NARROW, num_classes=7)
    return model.state_dict(), lambda image: model.forward_intermediates(image, intermediates_only=True)


def torchvision_source():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    a, b, c, d = NARROW
    stages = [CNBlockConfig(a, b, 3), CNBlockConfig(b, c, 3), CNBlockConfig(c, d, 9), CNBlockConfig(d, None, 3)]
    model = ConvNeXt(stages, stochastic_depth_prob=0.0, num_classes=7)

    def stages_of(image):
        out, maps = image, []
        for number, layer in enumerate(model.features):
            out = layer(out)
            if number % 2:
                maps.append(out)
        return maps

    return model.state_dict(), stages_of


def transformers_source():
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(hidden_sizes=list(NARROW), depths=[3, 3, 9, 3], num_labels=7)
    model = ConvNextForImageClassification(config).eval()
    return model.state_dict(), lambda image: model(image, output_hidden_states=True).hidden_states[1:]


SOURCES = {"timm": timm_source, "torchvision": torchvision_source, "transformers": transformers_source}


@pytest.mark.parametrize("library", SOURCES)
@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_published_weights_give_the_features_of_their_own_library(tmp_path, library, ending):
    torch.manual_seed(1)
    weights, features_of = SOURCES[library]()
    for name, tensor in weights.items():
        if "gamma" in name or "layer_scale" in name:
            tensor.uniform_(0.5, 1.0)  # at its first value, 1e-6, no block would show in the features
    path = tmp_path / f"convnext.{ending}"
    save_file(weights, path) if ending == "safetensors" else torch.save({"model": weights}, path)
    model = build_model("lang-guided-decoder", ModelSettings(64, 8, options={"weights": str(path)}))
    assert re.fullmatch(rf"ConvNeXt-Tiny weights convnext\.{ending} \(SHA-256 [0-9a-f]{{16}}\)", model.pretrained)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for ours, theirs in zip(model.encoder.eval()(image), features_of(image), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_metas_names_are_read_as_timm_reads_them():
    import timm
    from timm.models.convnext import checkpoint_filter_fn

    model = timm.create_model("convnext_tiny", dims=NARROW, num_classes=7)
    metas = {}
    for name, tensor in model.state_dict().items():
        name = re.sub(r"^stem\.", "downsample_layers.0.", name)
        name = re.sub(r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1.", name)
        name = name.replace(".blocks", "").replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
        metas[name.replace("head.norm", "norm").replace("head.fc", "head")] = tensor
    by_timm = checkpoint_filter_fn(dict(metas), model)
    assert by_timm.keys() == model.state_dict().keys()
    ours = timm_names(metas)
    assert ours.keys() == convnext_tiny(8).state_dict().keys()
    for name, tensor in by_timm.items():
        if not name.startswith("head."):
            assert torch.equal(ours[re.sub(r"^(stem|stages)\.", r"\1_", name)], tensor)


def test_without_weights_nothing_foreign_is_in_it():
    assert build_model("lang-guided-decoder", ModelSettings(32, 8)).pretrained == ""
    assert build_model("lang-guided-decoder?weights=none", ModelSettings(32, 8)).pretrained == ""


def test_weights_that_do_not_fit_are_named(tmp_path):
    def build(path):
        build_model("lang-guided-decoder", ModelSettings(32, 8, options={"weights": str(path)}))

    with pytest.raises(UserError, match=r"no weights at .*absent\.pth"):
        build(tmp_path / "absent.pth")
    other = tmp_path / "linear.pth"
    torch.save(nn.Linear(3, 3).state_dict(), other)
    with pytest.raises(UserError, match=r"linear\.pth do not fit the ConvNeXt-Tiny of width 8"):
        build(other)
    wide = tmp_path / "wide.safetensors"
    save_file(convnext_tiny(16).state_dict(), wide)
    with pytest.raises(UserError, match=r"width 8 \(12-24-48-96 channels; published weights fit width 64\)"):
        build(wide)


def test_the_paper_preset_has_the_papers_augmentation(paper):
    torch.manual_seed(0)
    maps = paper.augmentation.draw(1000)
    moved = (maps[:, 0, 0] - 1).abs() > 1e-6
    assert 60 < moved.sum() < 140
    assert torch.equal(maps[:, 0, 1], torch.zeros(1000))
    magnification = 1 / maps[moved, 0, 0]
    assert magnification.min() >= 0.95 - 1e-6
    assert magnification.max() <= 1.2 + 1e-6
