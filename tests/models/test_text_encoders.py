import subprocess
import sys

import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer

from biclip_bench.errors import UserError
from biclip_bench.models import build_text_encoder, count_parameters, text_encoder_registry
from biclip_bench.models.tiny_text_encoder import SplitEmbedding, tokenise

REPORT = "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return build_text_encoder("tiny").eval()


def test_tokens_are_open_clips_own():
    (expected,) = SimpleTokenizer()([REPORT], context_length=32).tolist()
    own = tokenise(REPORT)
    assert list(own) == expected[: len(own)]
    assert not any(expected[len(own) :])


def test_long_texts_are_cut_at_32_tokens_and_keep_their_end_mark():
    (expected,) = SimpleTokenizer()([REPORT * 5], context_length=32).tolist()
    assert list(tokenise(REPORT * 5)) == expected


def test_features_are_the_mean_over_own_tokens_and_over_layers_1_2_and_last(tiny):
    texts = [REPORT, "left lung"]
    outputs = []
    handles = [
        block.register_forward_hook(lambda _m, _i, out: outputs.append(out))
        for block in tiny.tower.transformer.resblocks
    ]
    features = tiny(texts).pooled
    for handle in handles:
        handle.remove()
    assert features.shape == (2, tiny.width) == (2, 128)
    for case, text in enumerate(texts):
        own = len(tokenise(text))
        layers = [tiny.tower.ln_final(outputs[layer][case, :own]).mean(dim=0) for layer in (0, 1, -1)]
        torch.testing.assert_close(features[case], sum(layers) / 3)


def test_tokens_are_the_last_layers_and_zero_at_padding(tiny):
    features = tiny([REPORT, "left lung"])
    assert features.tokens.shape == (2, 32, 128)
    assert features.own.sum(dim=1).tolist() == [len(tokenise(REPORT)), len(tokenise("left lung"))]
    assert not features.tokens[~features.own].any()
    assert features.tokens[features.own].abs().sum(dim=1).min() > 0


def test_padding_does_not_count(tiny):
    alone = tiny(["left lung"]).pooled
    beside = tiny([REPORT, "left lung", ""]).pooled
    torch.testing.assert_close(beside[1:2], alone)


def test_texts_that_differ_are_told_apart(tiny):
    texts = ["left lung", "right lung", "lung left", "left lung !", ""]
    features = tiny(texts).pooled
    distances = torch.cdist(features, features) + torch.eye(len(texts))
    assert distances.min() > 1e-3


def test_no_two_tokens_share_both_rows():
    low, high = SplitEmbedding.rows(torch.arange(49409))
    assert low.min() >= 0
    assert max(low.max(), high.max()) < 1024
    assert len(set(zip(low.tolist(), high.tolist(), strict=True))) == 49409


def test_the_same_seed_builds_the_same_bits(tiny):
    torch.manual_seed(0)
    again = build_text_encoder("tiny").eval()
    assert torch.equal(again([REPORT, ""]).tokens, tiny([REPORT, ""]).tokens)


def test_every_parameter_is_trained_and_none_is_idle():
    encoder = build_text_encoder("tiny").train()
    encoder([REPORT, "left lung"]).pooled.square().sum().backward()
    assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []


def test_it_is_small():
    encoder = build_text_encoder("tiny")
    block = 2 * 2 * 128 + (3 * 128 * 128 + 3 * 128) + (128 * 128 + 128) + 2 * 4 * 128 * 128 + 5 * 128
    assert count_parameters(encoder) == 2 * 1024 * 128 + 32 * 128 + 3 * block + 2 * 128


def test_mistakes_are_named():
    with pytest.raises(UserError, match=r"no text encoder named 'tin'\. Did you mean 'tiny'"):
        build_text_encoder("tin")
    with pytest.raises(UserError, match="takes no argument, but was given 'ViT-B-32'"):
        build_text_encoder("tiny:ViT-B-32")
    assert "tiny" in text_encoder_registry


def test_it_is_built_and_used_without_a_network():
    code = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from biclip_bench.models import build_text_encoder
print(tuple(build_text_encoder("tiny")(["left lung"]).pooled.shape))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 128)", done.stderr
