import json
import math
import re
from pathlib import Path

import open_clip
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from biclip_bench.errors import UserError
from biclip_bench.models import Batch, FrozenTextEncoder, ModelSettings, build_model, count_parameters
from biclip_bench.models.cost import model_cost
from biclip_bench.models.film_decoder import FiLMDecoder

MEAN = torch.tensor(open_clip.OPENAI_DATASET_MEAN).reshape(1, 3, 1, 1)
SD = torch.tensor(open_clip.OPENAI_DATASET_STD).reshape(1, 3, 1, 1)


def build(side: int = 32, width: int = 8, freeze_text: bool | None = None, preset: str = "benchmark", **options):
    torch.manual_seed(0)
    return build_model("clipseg", ModelSettings(side, width, "tiny", freeze_text, preset, options))


def batch(side: int = 32) -> Batch:
    image = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(2, 1, side, side)
    mask[..., : side // 2] = 1
    return Batch(image, ["upper left lung", "no infected area"], mask)


@pytest.fixture(scope="module", autouse=True)
def small_clips(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two CLIPs small enough to build in a blink, of 16- and of 14-pixel patches, under names open_clip knows."""
    folder: Path = tmp_path_factory.mktemp("clips")
    for patch in (14, 16):
        content = {
            "embed_dim": 48,
            "vision_cfg": {"image_size": 2 * patch, "layers": 8, "width": 64, "head_width": 16, "patch_size": patch},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
        }
        (folder / f"small-clip-{patch}.json").write_text(json.dumps(content))
    open_clip.add_model_config(folder)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the first, as open_clip itself makes and names them."""
    torch.manual_seed(5)
    path: Path = tmp_path_factory.mktemp("weights") / "clip.safetensors"
    save_file(open_clip.create_model("small-clip-16").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def original(weights: Path):
    """The CLIP with these weights, loaded by open_clip."""
    return open_clip.create_model("small-clip-16", pretrained=str(weights)).eval()


@pytest.mark.parametrize("refined", [False, True])
def test_the_decoder_equals_that_of_transformers(refined):
    clipseg = pytest.importorskip("transformers.models.clipseg.modeling_clipseg")
    from transformers import CLIPSegConfig

    config = CLIPSegConfig(
        vision_config={"hidden_size": 48, "patch_size": 16, "num_attention_heads": 4, "image_size": 64},
        projection_dim=24,
        reduce_dim=32,
        decoder_intermediate_size=32 * 32,
        use_complex_transposed_convolution=refined,
    )
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    theirs = clipseg.CLIPSegDecoder(config).eval()
    torch.manual_seed(1)
    ours = FiLMDecoder(3, 48, 24, 32, 16, refined=refined, norm_first=False).eval()
    copied = {
        "scale": theirs.film_mul, "shift": theirs.film_add, "projections": theirs.reduces,
        "head": theirs.transposed_convolution if refined else torch.nn.ModuleList([theirs.transposed_convolution]),
    }  # fmt: skip
    for name, module in copied.items():
        ours.get_submodule(name).load_state_dict(module.state_dict())
    for block, layer in zip(ours.blocks, theirs.layers, strict=True):
        projections = [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]
        block.load_state_dict(
            {
                "self_attn.in_proj_weight": torch.cat([one.weight for one in projections]),
                "self_attn.in_proj_bias": torch.cat([one.bias for one in projections]),
                **{f"self_attn.out_proj.{key}": value for key, value in layer.self_attn.out_proj.state_dict().items()},
                **{f"linear1.{key}": value for key, value in layer.mlp.fc1.state_dict().items()},
                **{f"linear2.{key}": value for key, value in layer.mlp.fc2.state_dict().items()},
                **{f"norm1.{key}": value for key, value in layer.layer_norm1.state_dict().items()},
                **{f"norm2.{key}": value for key, value in layer.layer_norm2.state_dict().items()},
            }
        )
    levels = [torch.randn(2, 17, 48) for _ in range(3)]
    text = torch.randn(2, 24)
    with torch.no_grad():
        expected = theirs(levels, text).logits
        size = expected.std()
        torch.testing.assert_close(ours(levels, text)[:, 0] / size, expected / size, atol=1e-5, rtol=1e-5)


def test_the_decoder_on_vit_b_16_has_the_size_counted_by_hand():
    block = 4 * (64 * 64 + 64) + 2 * 2 * 64 + (64 * 2048 + 2048) + (2048 * 64 + 64)
    film = 2 * (512 * 64 + 64)
    assert count_parameters(FiLMDecoder(3, 768, 512, 64, 16, refined=False)) == (
        film + 3 * (768 * 64 + 64) + 3 * block + (64 * 16 * 16 + 1)
    )


def test_the_modulation_multiplies_and_shifts_the_deepest_tokens():
    decoder = FiLMDecoder(1, 8, 2, 8, 4)
    decoder.blocks[0] = torch.nn.Identity()
    decoder.head = torch.nn.Identity()
    with torch.no_grad():
        for name in ("scale", "shift"):
            decoder.get_submodule(name).weight.zero_()
        decoder.shift.bias.zero_()
        decoder.projections[0].load_state_dict({"weight": torch.eye(8), "bias": torch.zeros(8)})
        decoder.scale.weight[3, 0] = 2.0
        decoder.shift.weight[5, 1] = 7.0
        tokens = torch.ones(1, 5, 8)
        modulated = decoder([tokens], torch.tensor([[1.0, 1.0]]))[0, :, 0, 0]
    torch.testing.assert_close(modulated, torch.tensor([1.0, 1, 1, 3, 1, 8, 1, 1]))  # the scale starts at one


@pytest.mark.parametrize("options", [{"patch": 16}, {"patch": 8, "refined": False}, {"clip": "small-clip-14"}])
@pytest.mark.parametrize("side", [32, 48, 80])
def test_it_predicts_at_every_size(side, options):
    model = build(side, **options).eval()
    with torch.no_grad():
        logits = model(batch(side))
    assert logits.shape == (2, 1, side, side)
    assert model.vision.tower.positional_embedding.shape[0] == 1 + math.ceil(side / model.vision.patch) ** 2


def test_under_the_paper_preset_blocks_normalise_behind():
    model = build_model("clipseg", ModelSettings(preset="paper"))
    assert not any(block.norm_first for block in model.decoder.blocks)
    assert all(block.norm_first for block in build().decoder.blocks)


def test_its_tokens_are_those_of_the_clip_after_blocks_2_4_and_6_of_8(weights, original):
    model = build(clip="small-clip-16", weights=str(weights))
    image = batch().image
    tokens = {}
    for number, block in enumerate(original.visual.transformer.resblocks):
        block.register_forward_hook(lambda _m, _i, out, number=number: tokens.update({number: out}))
    with torch.no_grad():
        original.encode_image((image - MEAN) / SD)
        levels = model.vision(model.normalise(image))
    assert len(levels) == 3
    for level, number in zip(levels, (2, 4, 6), strict=True):
        torch.testing.assert_close(level, tokens[number], atol=1e-5, rtol=1e-5)


def test_positional_embeddings_are_interpolated_to_the_input(weights, original):
    model = build(80, clip="small-clip-16", weights=str(weights))
    trained = original.visual.positional_embedding
    grid = trained[1:].T.reshape(1, 64, 2, 2)
    expected = F.interpolate(grid, (5, 5), mode="bicubic", antialias=True, align_corners=False)[0].flatten(1).T
    own = model.vision.tower.positional_embedding
    torch.testing.assert_close(own, torch.cat([trained[:1], expected]))


def test_a_frozen_tower_takes_no_gradient_and_never_trains(weights):
    model = build(clip="small-clip-16", weights=str(weights)).train()
    assert model.training
    assert model.decoder.training
    assert not any(module.training for module in model.vision.modules())
    before = {name: value.clone() for name, value in model.vision.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    sum(model.training_losses(batch()).values()).backward()
    optimiser.step()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in model.vision.parameters())
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.vision.state_dict().items())
    assert not any(level.requires_grad for level in model.vision(batch().image))
    assert count_parameters(model, trainable_only=True) == count_parameters(model) - count_parameters(model.vision)
    assert model.pretrained == f"open_clip small-clip-16, {weights}"


@pytest.mark.parametrize("chosen", [{"freeze_vision": False}, {"weights": ""}])
def test_a_tower_that_is_not_frozen_learns(weights, chosen):
    model = build(**{"clip": "small-clip-16", "weights": str(weights), **chosen}).train()
    sum(model.training_losses(batch()).values()).backward()
    assert all(parameter.grad is not None for parameter in model.vision.parameters())
    assert all(module.training for module in model.vision.modules())


def test_the_clips_own_text_tower_gives_its_text_embedding(weights, original):
    model = build(clip="small-clip-16", weights=str(weights), clip_text=True)
    texts = ["Unilateral pulmonary infection, one infected area", "", "left " * 80]
    features = model.text_encoder(texts)
    tokens = open_clip.get_tokenizer("small-clip-16")(texts[:2])
    with torch.no_grad():
        expected = original.encode_text(tokens)
    torch.testing.assert_close(features.pooled[:2], expected, atol=1e-5, rtol=1e-5)
    assert features.own.sum(dim=1).tolist() == [(tokens[0] > 0).sum(), 2, 32]
    assert features.tokens.shape == (3, 32, 48)
    assert (features.tokens[~features.own] == 0).all()
    # The embedding is that of the end mark.
    last = features.tokens[torch.arange(3), features.own.sum(dim=1) - 1]
    torch.testing.assert_close(last, features.pooled, atol=1e-5, rtol=1e-5)


def test_a_pretrained_text_tower_is_frozen_unless_asked(weights):
    chosen = {"clip": "small-clip-16", "weights": str(weights), "clip_text": True}
    assert isinstance(build(**chosen).text_encoder, FrozenTextEncoder)
    for model in (build(**chosen, freeze_text=False), build(clip="small-clip-16", clip_text=True)):
        assert not isinstance(model.text_encoder, FrozenTextEncoder)
        sum(model.train().training_losses(batch()).values()).backward()
        assert model.text_encoder.tower.text_projection.grad is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip": "ViT-B16"}, r"no model 'ViT-B16'\. Did you mean 'ViT-B-16'"),
        ({"clip": "RN50"}, "'RN50' is built otherwise"),
        ({"clip": "ViT-B-16-SigLIP"}, "'ViT-B-16-SigLIP' is built otherwise"),
        ({"clip": "coca_ViT-B-32"}, "'coca_ViT-B-32' is built otherwise"),
        ({"clip": "ViT-B/16", "weights": "laion9b"}, "'laion9b'.*neither a file nor a.*tag.*laion2b_s34b_b88k"),
        ({"weights": "openai"}, "'weights' or 'clip_text' but no 'clip'"),
        ({"clip_text": True}, "'weights' or 'clip_text' but no 'clip'"),
        ({"patch": "12"}, "'patch'.*'12'.*one of: 8, 16"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        build(**options)


def test_weights_of_another_clip_are_refused(weights):
    with pytest.raises(UserError, match="do not fit open_clip's model 'small-clip-14'"):
        build(clip="small-clip-14", weights=str(weights))


def test_weights_that_hold_more_than_tensors_are_refused(tmp_path):
    path = tmp_path / "clip.pt"
    torch.save({"state_dict": {"visual.proj": re.compile("x")}}, path)
    with pytest.raises(UserError, match="hold more than tensors"):
        build(clip="small-clip-16", weights=str(path))


@pytest.mark.parametrize(
    ("tag", "fetched", "given"),
    [
        ("laion2b_s34b_b88k", "laion/CLIP-ViT-B-16-laion2B-s34B-b88K open_clip_model.safetensors", "ViT-B-16"),
        ("openai", "timm/vit_base_patch16_clip_224.openai open_clip_model.safetensors", "ViT-B-16-quickgelu"),
    ],
)
def test_without_a_network_it_says_what_to_fetch_and_where_to_put_it(monkeypatch, tmp_path, tag, fetched, given):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as raised:
        build(clip="ViT-B/16", weights=tag)
    message = str(raised.value)
    assert f"open_clip's ViT-B-16 with the weights {tag} is not in the local cache" in message
    assert f"hf download {fetched} --local-dir FOLDER" in message
    assert f"clipseg?clip={given}&weights=FOLDER/open_clip_model.safetensors" in message


def test_what_it_costs_is_told_with_pretrained_towers_too(weights):
    settings = ModelSettings(32, 8)
    chosen = f"clip=small-clip-16&clip_text=true&weights={weights}"
    cost = model_cost(f"clipseg?{chosen}", settings)
    assert cost.trained == count_parameters(build_model(f"clipseg?{chosen}", settings), trainable_only=True)
