import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizerFast,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from biclip_bench.errors import UserError
from biclip_bench.models import (
    Batch,
    FrozenTextEncoder,
    ModelSettings,
    build_model,
    build_text_encoder,
    count_parameters,
    text_encoder_registry,
)
from biclip_bench.models.cost import model_cost
from biclip_bench.models.hf_text_encoder import HFTextEncoder

TEXTS = ["Bilateral pulmonary infection, two infected areas, upper left lung.", "left lung", ""]


@pytest.fixture(scope="module")
def folder(write_cxr_bert, tmp_path_factory):
    return write_cxr_bert(tmp_path_factory.mktemp("weights") / "cxr-bert")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def reference(folder, text):
    """BERT of the transformers library, given the weights by hand, on one text without padding."""
    config = json.loads((folder / "config.json").read_text())
    sizes = {key: config[key] for key in ("vocab_size", "hidden_size", "intermediate_size", "max_position_embeddings")}
    sizes |= {key: config[key] for key in ("num_hidden_layers", "num_attention_heads")}
    model = BertModel(BertConfig(**sizes), add_pooling_layer=False).eval()
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    weights = {key.removeprefix("bert."): value for key, value in weights.items() if key.startswith("bert.")}
    del weights["embeddings.position_ids"]
    model.load_state_dict(weights)
    tokens = BertTokenizerFast(str(folder / "vocab.txt"))(text, return_tensors="pt", truncation=True, max_length=32)
    with torch.no_grad():
        return model(**tokens, output_hidden_states=True).hidden_states


@pytest.mark.parametrize("text", [*TEXTS, "infected areas, lower right lung. " * 20])
def test_cxr_bert_gives_the_hidden_states_of_bert_with_its_weights(folder, text):
    expected = reference(folder, text)
    features = build_text_encoder(f"hf:{folder}")([text])
    own = features.own[0]
    assert own.sum() == expected[0].shape[1]
    torch.testing.assert_close(features.tokens[0, own], expected[-1][0], atol=1e-5, rtol=1e-4)
    pooled = torch.stack([expected[1], expected[2], expected[-1]]).mean(dim=(0, 2))
    torch.testing.assert_close(features.pooled, pooled, atol=1e-5, rtol=1e-4)


def test_it_is_pretrained_and_frozen_and_reads_32_tokens(folder):
    encoder = build_text_encoder(f"hf:{folder}")
    assert isinstance(encoder, FrozenTextEncoder)
    assert encoder.pretrained
    assert encoder.width == 32
    features = encoder(TEXTS)
    assert features.tokens.shape == (3, 32, 32)
    assert features.own.sum(dim=1).tolist() == [14, 4, 2]
    assert not features.tokens[~features.own].any()
    assert not features.tokens.requires_grad


def test_a_long_text_loses_its_end_and_keeps_its_end_mark(folder):
    encoder = HFTextEncoder(folder)
    tokens = encoder.tokenise("left lung " * 40)
    assert len(tokens) == 32
    marks = encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id
    assert (tokens[0], tokens[-1]) == marks
    assert tokens[1:-1] == encoder.tokenise("left lung " * 15)[1:-1]


def test_padding_and_the_other_texts_of_a_batch_do_not_count(folder):
    encoder = HFTextEncoder(folder).eval()
    with torch.no_grad():
        alone, beside = encoder(TEXTS[1:2]), encoder(TEXTS)
    torch.testing.assert_close(beside.pooled[1], alone.pooled[0])
    torch.testing.assert_close(beside.tokens[1], alone.tokens[0])


def test_safetensors_and_half_precision_give_the_same_features(folder, copy):
    weights = torch.load(copy / "pytorch_model.bin", weights_only=True)
    halves = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    (copy / "pytorch_model.bin").unlink()
    save_file({key: value.clone() for key, value in halves.items()}, copy / "model.safetensors")
    features = build_text_encoder(f"hf:{copy}")(TEXTS)
    assert features.pooled.dtype == torch.float32
    torch.testing.assert_close(features.pooled, build_text_encoder(f"hf:{folder}")(TEXTS).pooled, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("kind", ["distilbert", "roberta", "bert"])
def test_other_encoders_of_the_library_load_as_it_saved_them(kind, folder, tmp_path):
    torch.manual_seed(1)
    sizes = {"vocab_size": 40, "max_position_embeddings": 64}
    layers = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
    if kind == "distilbert":
        model = DistilBertModel(DistilBertConfig(dim=32, n_layers=3, n_heads=4, hidden_dim=64, **sizes))
    elif kind == "roberta":
        model = RobertaModel(RobertaConfig(pad_token_id=0, **layers, **sizes))
    else:
        model = BertModel(BertConfig(**layers, **sizes))
    model.eval().save_pretrained(tmp_path)
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(tmp_path)
    encoder = build_text_encoder(f"hf:{tmp_path}")
    tokens = tokenizer(TEXTS[0], return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        hidden = model(**tokens, output_hidden_states=True).hidden_states
    pooled = torch.stack([hidden[1], hidden[2], hidden[-1]]).mean(dim=(0, 2))
    torch.testing.assert_close(encoder(TEXTS[:1]).pooled, pooled, atol=1e-5, rtol=1e-4)
    fine_tuned = build_text_encoder(f"hf:{tmp_path}", freeze=False)
    fine_tuned(TEXTS).pooled.sum().backward()
    assert [name for name, weight in fine_tuned.named_parameters() if weight.grad is None] == []


def batch():
    image = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return Batch(image, TEXTS, (image[:, :1] > 0.5).float())


def test_biclip_trains_with_it_frozen_and_encodes_each_text_once(folder):
    torch.manual_seed(0)
    model = build_model("biclip", ModelSettings(32, 4, f"hf:{folder}"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    before = {name: weight.clone() for name, weight in model.text_encoder.encoder.state_dict().items()}
    calls = []
    model.text_encoder.encoder.transformer.register_forward_hook(lambda *_: calls.append(1))
    for _ in range(2):
        optimiser.zero_grad()
        sum(model.train().training_losses(batch()).values()).backward()
        optimiser.step()
    assert len(calls) == len(TEXTS)
    assert all(weight.grad is not None for weight in model.parameters())
    after = model.text_encoder.encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any("text_encoder" in name for name in model.state_dict())


def test_fine_tuned_every_parameter_learns_and_lies_in_the_checkpoint(folder):
    torch.manual_seed(0)
    model = build_model("biclip", ModelSettings(32, 4, f"hf:{folder}", freeze_text=False))
    before = {name: weight.detach().clone() for name, weight in model.text_encoder.named_parameters()}
    assert {f"text_encoder.{name}" for name in before} <= model.state_dict().keys()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    sum(model.train().training_losses(batch()).values()).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
    optimiser.step()
    assert [name for name, weight in model.text_encoder.named_parameters() if torch.equal(weight, before[name])] == []


@pytest.mark.parametrize("freeze", [None, False])
def test_reading_weights_draws_no_random_number(folder, freeze):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build_text_encoder(f"hf:{folder}", freeze)
    assert torch.equal(torch.rand(1), expected)


def test_models_of_one_process_share_a_frozen_encoder_until_its_files_change(folder, copy, write_cxr_bert):
    first, second = (build_text_encoder(f"hf:{copy}") for _ in range(2))
    assert first.encoder is second.encoder
    assert first is not second
    fine_tuned = build_text_encoder(f"hf:{copy}", freeze=False)
    assert fine_tuned is not first.encoder
    assert all(weight.requires_grad for weight in fine_tuned.parameters())
    write_cxr_bert(copy, seed=1)
    third = build_text_encoder(f"hf:{copy}")
    assert third.encoder is not first.encoder
    assert not torch.allclose(third(TEXTS).pooled, first(TEXTS).pooled)


def test_the_fingerprint_tells_weights_and_vocabularies_apart(folder, copy, tmp_path, write_cxr_bert):
    own = HFTextEncoder(folder).fingerprint()
    used = HFTextEncoder(copy)
    used(TEXTS)
    assert used.fingerprint() == own
    swapped = (copy / "vocab.txt").read_text().replace("and\ntwo", "two\nand")
    (copy / "vocab.txt").write_text(swapped)
    cased = json.loads((folder / "tokenizer_config.json").read_text()) | {"do_lower_case": False}
    others = [copy, write_cxr_bert(tmp_path / "weights", seed=1), shutil.copytree(folder, tmp_path / "cased")]
    (tmp_path / "cased" / "tokenizer_config.json").write_text(json.dumps(cased))
    assert len({own, *(HFTextEncoder(other).fingerprint() for other in others)}) == 4


def test_its_cost_is_counted(folder):
    settings = ModelSettings(32, 4, f"hf:{folder}")
    cost = model_cost("biclip", settings)
    model = build_model("biclip", settings)
    assert cost.frozen == count_parameters(model.text_encoder.encoder) > 0
    assert cost.trained == count_parameters(model, trainable_only=True)
    assert cost.gflops > 0


class Payload:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def rewritten(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DEFECTS = {
    "no configuration": (lambda f: (f / "config.json").unlink(), "holds no model of transformers.*config.json"),
    "damaged configuration": (lambda f: (f / "config.json").write_text("{"), r"config\.json is damaged"),
    "no type": (lambda f: (f / "config.json").write_text("{}"), r"config\.json is damaged or names no model_type"),
    "foreign type": (
        lambda f: rewritten(f / "config.json", model_type="my-bert"),
        "type 'my-bert', which transformers does not have.*never run.*cxr-bert works",
    ),
    "wrong value": (lambda f: rewritten(f / "config.json", hidden_size=33), r"33|do not fit the configuration"),
    "images": (
        lambda f: (f / "config.json").write_text('{"model_type": "vit", "hidden_size": 32, "num_hidden_layers": 4}'),
        "no BERT-like encoder of texts",
    ),
    "two halves": (lambda f: rewritten(f / "config.json", model_type="t5"), "no BERT-like encoder of texts"),
    "one layer": (lambda f: rewritten(f / "config.json", num_hidden_layers=1), "has one layer"),
    "few positions": (lambda f: rewritten(f / "config.json", max_position_embeddings=16), "fewer than 32 tokens"),
    "no weights": (lambda f: (f / "pytorch_model.bin").unlink(), "no weights in .*pytorch_model.bin"),
    "cut weights": (
        lambda f: (f / "pytorch_model.bin").write_bytes((f / "pytorch_model.bin").read_bytes()[:5000]),
        r"pytorch_model\.bin are damaged",
    ),
    "a pointer of git": (
        lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        r"model\.safetensors are damaged",
    ),
    "more layers": (lambda f: rewritten(f / "config.json", num_hidden_layers=5), r"16 tensors.*layer\.4\."),
    "another width": (lambda f: rewritten(f / "config.json", intermediate_size=48), "do not fit the configuration"),
    "no vocabulary": (lambda f: (f / "vocab.txt").unlink(), r"no tokenizer in .*vocab\.txt"),
    "empty vocabulary": (lambda f: (f / "vocab.txt").write_text(""), "tokenizer in .* is damaged"),
    "damaged tokenizer": (lambda f: (f / "tokenizer_config.json").write_text("{"), "tokenizer in .* is damaged"),
    "large vocabulary": (
        lambda f: (f / "vocab.txt").write_text((f / "vocab.txt").read_text() + "new\n"),
        "knows 25 tokens, but its weights only 24",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_of_the_folder_is_named(copy, defect):
    damage, message = DEFECTS[defect]
    damage(copy)
    with pytest.raises(UserError, match=rf"(?s)({message})") as caught:
        build_text_encoder(f"hf:{copy}")
    assert str(copy) in str(caught.value)


def test_weights_under_other_names_are_not_replaced_by_random_ones(copy):
    path = copy / "pytorch_model.bin"
    torch.save({f"module.{key}": value for key, value in torch.load(path, weights_only=True).items()}, path)
    with pytest.raises(UserError, match=r"do not fit the configuration beside them: \d+ tensors are missing"):
        build_text_encoder(f"hf:{copy}")


def test_a_pickle_that_hides_code_is_refused_and_the_code_does_not_run(copy, tmp_path):
    torch.save({"extra": Payload(tmp_path / "hidden-code-ran")}, copy / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin hold more than tensors"):
        build_text_encoder(f"hf:{copy}")
    assert not (tmp_path / "hidden-code-ran").exists()


def test_it_needs_a_name(folder):
    with pytest.raises(UserError, match="needs a model of the Hugging Face hub or a folder"):
        build_text_encoder("hf")
    with pytest.raises(UserError, match=r"vocab\.txt is a file"):
        build_text_encoder(f"hf:{folder / 'vocab.txt'}")
    with pytest.raises(UserError, match=r"no folder \./nowhere/at/all"):
        build_text_encoder("hf:./nowhere/at/all")


def test_without_transformers_the_installation_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r'needs the package transformers.*pip install "biclip-bench\[hf\]"'):
        build_text_encoder(f"hf:{folder}", freeze=False)


def test_its_description_says_what_it_is_and_how_it_is_written():
    first = text_encoder_registry.get("hf").__doc__.split("\n\n")[0]
    assert "``hf:NAME``" in first
    assert first.endswith(".")


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        timeout=300,  # a download from a silent hub tries again for longer
    )


def test_a_folder_needs_no_network(folder):
    done = run(
        f"""
import socket
def refuse(*args, **kwargs):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from biclip_bench.models import build_text_encoder
print(tuple(build_text_encoder({f"hf:{folder}"!r})(["left lung"]).pooled.shape))
"""
    )
    assert done.stdout.strip() == "(1, 32)", done.stderr
    assert done.stderr == ""


NAME = "some-group/some-bert"


def test_the_cache_needs_no_network_and_a_silent_hub_is_given_up_after_seconds_with_a_way_out(folder, tmp_path):
    repository = tmp_path / "hub" / f"models--{NAME.replace('/', '--')}"
    snapshot = shutil.copytree(folder, repository / "snapshots" / "0123abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    code = f"""
import pathlib
from biclip_bench.models import build_text_encoder
from biclip_bench.errors import UserError
print(tuple(build_text_encoder("hf:{NAME}")(["left lung"]).pooled.shape))
pathlib.Path({str(snapshot)!r}, "vocab.txt").unlink()
try:
    build_text_encoder("hf:{NAME}")
except UserError as error:
    print(error)
"""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        done = run(code, HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}", HF_HOME=str(tmp_path))
    shape, message = done.stdout.splitlines()
    assert shape == "(1, 32)"
    assert "is not in the local cache, and the Hugging Face hub cannot be reached" in message
    assert f"'hf download {NAME} --local-dir FOLDER'" in message
    assert "--text-encoder hf:FOLDER" in message


def test_safetensors_of_the_fixture_hold_what_the_pickle_holds(folder, tmp_path, write_cxr_bert):
    other = write_cxr_bert(tmp_path / "other", safetensors=True)
    pickled = torch.load(folder / "pytorch_model.bin", weights_only=True)
    assert load_file(other / "model.safetensors").keys() == pickled.keys()
    assert HFTextEncoder(other).fingerprint() == HFTextEncoder(folder).fingerprint()
