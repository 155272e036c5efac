import json
import os
import shutil
import subprocess
import sys

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, BertTokenizerFast

from biclip_bench.errors import UserError
from biclip_bench.models import (
    Batch,
    FrozenTextEncoder,
    ModelSettings,
    build_model,
    build_text_encoder,
    text_encoder_registry,
)
from biclip_bench.models.cost import model_cost

TEXTS = ["Bilateral pulmonary infection, two infected areas, upper left lung!", "left lung", ""]
BIOMED_BERT = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"

VISION = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 4}
CONFIGS = {
    "small-clip": {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT},
    "small-one-layer": {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT | {"layers": 1}},
    "small-coca": {
        "embed_dim": 16,
        "vision_cfg": VISION | {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True},
        "text_cfg": TEXT | {"context_length": 76, "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {"context_length": 76, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 1},
        "custom_text": True,
    },
}


@pytest.fixture(scope="module", autouse=True)
def small_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configurations")
    for name, config in CONFIGS.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


@pytest.fixture(scope="module")
def clip():
    """A whole CLIP model of open_clip, with the weights that the files below hold."""
    torch.manual_seed(0)
    return open_clip.create_model("small-clip").eval()


@pytest.fixture(scope="module")
def weights(clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "epoch_3.pt"
    torch.save({"epoch": 3, "name": "run", "state_dict": clip.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def biomed_clip(write_cxr_bert, tmp_path_factory):
    """A folder in the format of BiomedCLIP, beside its own files the configuration of its text tower."""
    folder = write_cxr_bert(tmp_path_factory.mktemp("weights") / "biomed-clip")
    for name in ("pytorch_model.bin", "configuration_cxrbert.py", "modeling_cxrbert.py"):
        (folder / name).unlink()
    for name, kind in {"config.json": {"model_type": "bert"}, "tokenizer_config.json": {}}.items():
        content = json.loads((folder / name).read_text())
        del content["auto_map"]
        content |= kind or {"tokenizer_class": "BertTokenizer"}
        (folder / name).write_text(json.dumps(content))
    text = {
        "hf_model_name": BIOMED_BERT, "hf_tokenizer_name": BIOMED_BERT, "hf_proj_type": "mlp",
        "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 64,
    }  # fmt: skip
    config = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": text}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    local = text | {"hf_model_name": str(folder), "hf_model_pretrained": False}
    model = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False, text_cfg=local)
    content = model.state_dict() | {"text.transformer.embeddings.position_ids": torch.arange(64)[None]}
    torch.save(content, folder / "open_clip_pytorch_model.bin")
    return folder


def layers_by_hooks(clip, text):
    """Outputs of layers 1, 2 and last after the final layer norm, by open_clip's own pass over all 77 tokens."""
    outputs = []
    blocks = clip.transformer.resblocks
    handles = [block.register_forward_hook(lambda _m, _i, out: outputs.append(out)) for block in blocks]
    tokens = open_clip.get_tokenizer("small-clip")([text])
    with torch.no_grad():
        clip.encode_text(tokens)
    for handle in handles:
        handle.remove()
    own = int(tokens[0].argmax()) + 1
    return [clip.ln_final(outputs[layer][0, :own]).detach() for layer in (0, 1, -1)]


def test_a_clip_gives_what_its_layers_give_in_open_clip(clip, weights):
    encoder = build_text_encoder(f"open_clip:small-clip:{weights}")
    assert isinstance(encoder, FrozenTextEncoder)
    assert encoder.pretrained
    features = encoder(TEXTS)
    assert features.tokens.shape == (3, 32, 32)
    for case, text in enumerate(TEXTS):
        layers = layers_by_hooks(clip, text)
        own = features.own[case]
        assert own.sum() == len(layers[0])
        torch.testing.assert_close(features.tokens[case, own], layers[-1])
        torch.testing.assert_close(features.pooled[case], torch.stack(layers).mean(dim=(0, 1)))
        assert not features.tokens[case, ~own].any()


def test_the_last_own_token_projects_to_open_clips_text_embedding(clip, weights):
    tokens = open_clip.get_tokenizer("small-clip")(TEXTS)
    features = build_text_encoder(f"open_clip:small-clip:{weights}")(TEXTS)
    last = features.tokens[torch.arange(3), features.own.sum(dim=1) - 1]
    with torch.no_grad():
        torch.testing.assert_close(last @ clip.text_projection, clip.encode_text(tokens))


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin", "w.pt"])
def test_every_form_of_weights_gives_the_same(clip, weights, tmp_path, name):
    if name == "w.safetensors":
        save_file({key: value.clone() for key, value in clip.state_dict().items()}, tmp_path / name)
    else:
        torch.save({f"module.{key}": value for key, value in clip.state_dict().items()}, tmp_path / name)
    expected = build_text_encoder(f"open_clip:small-clip:{weights}")
    assert build_text_encoder(f"open_clip:small-clip:{tmp_path / name}").fingerprint() == expected.fingerprint()


def test_a_folder_brings_its_own_weights(clip, weights, tmp_path):
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIGS["small-clip"]}))
    save_file(
        {key: value.clone() for key, value in clip.state_dict().items()}, tmp_path / "open_clip_model.safetensors"
    )
    encoder = build_text_encoder(f"open_clip:local-dir:{tmp_path}")
    assert encoder.pretrained
    assert encoder.fingerprint() == build_text_encoder(f"open_clip:small-clip:{weights}").fingerprint()


def test_biomed_clips_text_tower_is_the_bert_in_its_weights(biomed_clip):
    features = build_text_encoder(f"open_clip:local-dir:{biomed_clip}")(TEXTS)
    weights = torch.load(biomed_clip / "open_clip_pytorch_model.bin", weights_only=True)
    prefix = "text.transformer."
    bert = BertModel(BertConfig.from_pretrained(biomed_clip), add_pooling_layer=False)
    bert.load_state_dict(
        {key.removeprefix(prefix): w for key, w in weights.items() if key.startswith(prefix) and "_ids" not in key}
    )
    tokenizer = BertTokenizerFast(str(biomed_clip / "vocab.txt"))
    for case, text in enumerate(TEXTS):
        with torch.no_grad():
            hidden = bert.eval()(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        pooled = torch.stack([hidden[1], hidden[2], hidden[-1]]).mean(dim=(0, 1, 2))
        torch.testing.assert_close(features.pooled[case], pooled, atol=1e-5, rtol=1e-4)
        assert features.own[case].sum() == hidden[0].shape[1]


@pytest.mark.parametrize("kind", ["clip", "bert"])
def test_long_texts_are_cut_and_keep_their_end_mark(kind, weights, biomed_clip):
    spec = f"small-clip:{weights}" if kind == "clip" else f"local-dir:{biomed_clip}"
    encoder = build_text_encoder(f"open_clip:{spec}").encoder
    (long,), (own,) = encoder.tokenise(["left lung " * 60])
    (short,), _ = encoder.tokenise(["left lung " * 15])
    assert own.all()
    assert len(long) == 32
    assert torch.equal(long, short)


@pytest.mark.parametrize("kind", ["clip", "bert"])
def test_padding_and_the_other_texts_of_a_batch_do_not_count(kind, weights, biomed_clip):
    spec = f"small-clip:{weights}" if kind == "clip" else f"local-dir:{biomed_clip}"
    encoder = build_text_encoder(f"open_clip:{spec}").encoder
    alone, beside = encoder(TEXTS[1:2]), encoder(TEXTS)
    torch.testing.assert_close(beside.tokens[1], alone.tokens[0])
    torch.testing.assert_close(beside.pooled[1], alone.pooled[0])


def test_an_exclamation_mark_is_no_padding(weights):
    encoder = build_text_encoder(f"open_clip:small-clip:{weights}").encoder
    tokens, own = encoder.tokenise(["left lung !(old)"])
    assert 0 in tokens[own]  # which is also the padding
    assert own.sum() == 2 + len(encoder.tokenizer.encode("left lung !(old)"))


def batch():
    image = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return Batch(image, TEXTS, (image[:, :1] > 0.5).float())


@pytest.mark.parametrize("name", ["small-clip", "small-coca"])
def test_without_weights_it_learns_with_the_model(name):
    torch.manual_seed(0)
    model = build_model("biclip", ModelSettings(32, 4, f"open_clip:{name}"))
    encoder = model.text_encoder
    assert not encoder.pretrained
    before = {name: weight.detach().clone() for name, weight in encoder.named_parameters()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    sum(model.train().training_losses(batch()).values()).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
    optimiser.step()
    assert [name for name, weight in encoder.named_parameters() if torch.equal(weight, before[name])] == []
    torch.manual_seed(0)
    again = build_model("biclip", ModelSettings(32, 4, f"open_clip:{name}")).state_dict()
    assert torch.equal(again["text_encoder.tower.positional_embedding"], before["tower.positional_embedding"])


@pytest.mark.parametrize("kind", ["clip", "bert"])
def test_with_weights_it_is_frozen_unless_it_is_to_learn(kind, weights, biomed_clip):
    spec = f"open_clip:small-clip:{weights}" if kind == "clip" else f"open_clip:local-dir:{biomed_clip}"
    torch.manual_seed(0)
    frozen = build_model("biclip", ModelSettings(32, 4, spec))
    draws = torch.rand(1)
    sum(frozen.train().training_losses(batch()).values()).backward()
    assert not any("text_encoder" in name for name in frozen.state_dict())
    torch.manual_seed(0)
    again = build_model("biclip", ModelSettings(32, 4, spec))
    assert torch.equal(torch.rand(1), draws)
    assert again.text_encoder.encoder is frozen.text_encoder.encoder
    tuned = build_model("biclip", ModelSettings(32, 4, spec, freeze_text=False))
    sum(tuned.train().training_losses(batch()).values()).backward()
    assert [name for name, weight in tuned.named_parameters() if weight.grad is None] == []
    assert any("text_encoder" in name for name in tuned.state_dict())


def test_the_fingerprint_tells_weights_and_vocabularies_apart(weights, biomed_clip, tmp_path):
    clip = build_text_encoder(f"open_clip:small-clip:{weights}").fingerprint()
    bert = build_text_encoder(f"open_clip:local-dir:{biomed_clip}").fingerprint()
    other = shutil.copytree(biomed_clip, tmp_path / "other")
    (other / "vocab.txt").write_text((other / "vocab.txt").read_text().replace("and\ntwo", "two\nand"))
    others = {build_text_encoder(f"open_clip:local-dir:{other}").fingerprint()}
    torch.manual_seed(1)
    others.add(build_text_encoder("open_clip:small-clip").fingerprint())
    assert len({clip, bert, *others}) == 4


def test_its_cost_is_counted(weights):
    learning = model_cost("biclip", ModelSettings(32, 4, "open_clip:small-clip"))
    frozen = model_cost("biclip", ModelSettings(32, 4, f"open_clip:small-clip:{weights}"))
    assert learning.frozen == 0
    assert frozen.frozen == learning.trained - frozen.trained > 0
    assert learning.gflops > frozen.gflops > 0


def test_it_logs_nothing_and_leaves_the_log_as_it_is(capfd):
    import logging

    before = list(logging.getLogger().handlers), logging.root.manager.disable
    build_text_encoder("open_clip:small-clip")
    assert (list(logging.getLogger().handlers), logging.root.manager.disable) == before
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "needs a model behind a colon"),
        ("ViT-B-23", r"no model 'ViT-B-23'\. Did you mean 'ViT-B-"),
        ("ViT-B-32:opnai", r"no weights 'opnai' for ViT-B-32, nor is it a file\. Did you mean 'openai'"),
        ("small-clip:openai", "no weights 'openai' for small-clip.*It has none"),
        ("ViT-B-32:weights/none.pt", r"no file of weights weights/none\.pt"),
        ("hf-hub:org/name:openai", "brings its own weights.*Write open_clip:hf-hub:org/name"),
        ("hf-hub:a/b/c", "no folder a/b/c, and no model of the hub has such a name"),
        ("local-dir:nowhere", "no folder nowhere"),
        ("local-dir:.", r"holds no model of open_clip, as open_clip_config\.json is missing"),
        ("small-one-layer", "has one layer"),
    ],
)
def test_a_mistake_is_named(argument, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        build_text_encoder(f"open_clip:{argument}")


def test_a_damaged_folder_is_named(biomed_clip, tmp_path):
    def copied(name):
        return shutil.copytree(biomed_clip, tmp_path / name)

    folder = copied("configuration")
    (folder / "open_clip_config.json").write_text("{}")
    with pytest.raises(UserError, match=r"configuration/open_clip_config\.json is damaged or none of open_clip's"):
        build_text_encoder(f"open_clip:local-dir:{folder}")
    folder = copied("none")
    (folder / "open_clip_pytorch_model.bin").unlink()
    with pytest.raises(UserError, match=r"no weights in .*none"):
        build_text_encoder(f"open_clip:local-dir:{folder}")
    folder = copied("tokenizer")
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(UserError, match=r"tokenizer in .*tokenizer is damaged"):
        build_text_encoder(f"open_clip:local-dir:{folder}")


def test_weights_that_are_damaged_or_of_another_model_are_named(weights, biomed_clip, tmp_path):
    path = tmp_path / "cut.pt"
    path.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"cut\.pt are damaged"):
        build_text_encoder(f"open_clip:small-clip:{path}")
    with pytest.raises(UserError, match=r"epoch_3\.pt does not fit the model"):
        build_text_encoder(f"open_clip:small-one-layer:{weights}")


def test_a_pickle_that_hides_code_is_refused_and_the_code_does_not_run(tmp_path, monkeypatch):
    class Payload:
        def __reduce__(self):
            return os.mkdir, ("hidden-code-ran",)

    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Payload()}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"w\.pt hold more than tensors"):
        build_text_encoder("open_clip:small-clip:w.pt")
    assert not (tmp_path / "hidden-code-ran").exists()


def test_without_transformers_the_installation_is_named(biomed_clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r'pip install "biclip-bench\[hf\]"'):
        build_text_encoder(f"open_clip:local-dir:{biomed_clip}", freeze=False)


def test_its_description_says_what_it_is_and_how_it_is_written():
    first = text_encoder_registry.get("open_clip").__doc__.split("\n\n")[0]
    assert "``open_clip:MODEL``" in first
    assert first.endswith(".")


def test_a_tag_in_the_cache_loads_offline_with_the_activation_that_it_was_trained_with(clip, tmp_path):
    repository = tmp_path / "hub" / "models--some-group--some-clip"
    (repository / "snapshots" / "0123abc").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    save_file(
        {key: value.clone() for key, value in clip.state_dict().items()},
        repository / "snapshots" / "0123abc" / "open_clip_model.safetensors",
    )
    (tmp_path / "small-clip.json").write_text(json.dumps(CONFIGS["small-clip"]))
    code = f"""
import open_clip
from open_clip.pretrained import _PRETRAINED
from biclip_bench.models import build_text_encoder
open_clip.add_model_config({str(tmp_path / "small-clip.json")!r})
_PRETRAINED["small-clip"] = {{
    "old": dict(hf_hub="some-group/some-clip/", quick_gelu=True), "new": dict(hf_hub="some-group/some-clip/")
}}
for tag in ("old", "new"):
    encoder = build_text_encoder("open_clip:small-clip:" + tag)
    print(encoder.pretrained, type(encoder.encoder.tower.transformer.resblocks[0].mlp.gelu).__name__)
"""
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    assert done.stdout.splitlines() == ["True QuickGELU", "True GELU"], done.stderr


def test_out_of_reach_the_command_and_the_option_to_give_then_are_named(biomed_clip, tmp_path):
    folder = shutil.copytree(biomed_clip, tmp_path / "folder")
    (folder / "config.json").unlink()
    names = [
        "ViT-B-32:openai",
        "ViTamin-S:datacomp1b",
        "hf-hub:microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        f"local-dir:{folder}",
        "ViT-B-16-SigLIP",
    ]
    code = f"""
from biclip_bench.models import build_text_encoder
from biclip_bench.errors import UserError
for name in {names!r}:
    try:
        build_text_encoder("open_clip:" + name)
    except UserError as error:
        print(error)
"""
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    tag, file, hub, config, tokenizer = done.stdout.splitlines()
    assert "'hf download timm/vit_base_patch32_clip_224.openai --local-dir FOLDER'" in tag
    assert tag.endswith("give --text-encoder open_clip:local-dir:FOLDER.")
    assert "'hf download jienengchen/ViTamin-S pytorch_model.bin --local-dir FOLDER'" in file
    assert file.endswith("give --text-encoder open_clip:ViTamin-S:FOLDER/pytorch_model.bin.")
    assert "'hf download microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224 --local-dir FOLDER'" in hub
    assert f"'hf download {BIOMED_BERT} config.json --local-dir FOLDER'" in hub
    assert f"'hf download {BIOMED_BERT} config.json --local-dir FOLDER' and copy the files to {folder}." in config
    assert "its tokenizer, timm/ViT-B-16-SigLIP, is not in the local cache" in tokenizer
