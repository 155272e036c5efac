import pytest
import torch

from biclip_bench.models import (
    FrozenTextEncoder,
    ModelSettings,
    TextEncoder,
    build_model,
    build_text_encoder,
    count_parameters,
    frozen_text_encoders,
    keep_text_features,
    text_features,
)

TEXTS = ["left lung", "right lung, two areas", "left lung"]


class CountingEncoder(TextEncoder):
    """Counts how often it is asked."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.width = 4
        self.weight = torch.nn.Parameter(torch.full((1,), scale))
        self.asked = []

    def forward(self, texts):
        self.asked += texts
        lengths = torch.tensor([[len(text)] for text in texts])
        own = torch.arange(32) < lengths.clamp(max=32)
        layer = self.weight * (lengths[..., None] + torch.arange(32)[:, None] + torch.zeros(4))
        return text_features([layer, 2 * layer, 3 * layer], own)


def test_every_distinct_text_is_encoded_once():
    inside = CountingEncoder()
    frozen = FrozenTextEncoder(inside)
    for _ in range(3):
        frozen(TEXTS)
    assert inside.asked == TEXTS[:2]


def test_features_are_those_of_the_encoder_inside():
    torch.manual_seed(0)
    learning = build_text_encoder("tiny").eval()
    torch.manual_seed(0)
    frozen = build_text_encoder("tiny", freeze=True)
    expected, got = learning(TEXTS), frozen(TEXTS)
    torch.testing.assert_close(got.pooled, expected.pooled)
    torch.testing.assert_close(got.tokens, expected.tokens)
    assert torch.equal(got.own, expected.own)


def test_bits_do_not_depend_on_the_batch_nor_on_mixed_precision():
    torch.manual_seed(0)
    encoder = build_text_encoder("tiny", freeze=True)
    alone = [FrozenTextEncoder(encoder.encoder)([text]).tokens[0] for text in TEXTS]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        together = FrozenTextEncoder(encoder.encoder)(TEXTS).tokens
    assert torch.equal(torch.stack(alone), together)


def test_features_on_disk_are_found_by_the_next_run(tmp_path):
    first, second = CountingEncoder(), CountingEncoder()
    for inside in (first, second):
        frozen = FrozenTextEncoder(inside)
        frozen.folder = tmp_path
        features = frozen(TEXTS)
    assert second.asked == []
    assert torch.equal(features.tokens, FrozenTextEncoder(first)(TEXTS).tokens)


def test_features_of_other_weights_are_not_taken(tmp_path):
    for scale in (1.0, 2.0):
        frozen = FrozenTextEncoder(CountingEncoder(scale))
        frozen.folder = tmp_path
        assert torch.equal(frozen(TEXTS).pooled, FrozenTextEncoder(CountingEncoder(scale))(TEXTS).pooled)


def test_a_torn_file_is_computed_anew(tmp_path):
    frozen = FrozenTextEncoder(CountingEncoder())
    frozen.folder = tmp_path
    expected = frozen(TEXTS).pooled
    (path, *_) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    again = FrozenTextEncoder(CountingEncoder())
    again.folder = tmp_path
    assert torch.equal(again(TEXTS).pooled, expected)


def test_training_and_checkpoints_leave_it_alone():
    frozen = build_text_encoder("tiny", freeze=True).train()
    assert frozen.frozen
    assert not any(module.training for module in frozen.encoder.modules())
    assert list(frozen.parameters()) == []
    assert frozen.state_dict() == {}
    assert not frozen(TEXTS).tokens.requires_grad


@pytest.mark.parametrize("name", ["biclip", "ef-unet"])
def test_a_model_with_a_frozen_encoder_counts_it_and_keeps_its_features(name, tmp_path):
    model = build_model(name, ModelSettings(32, 4, freeze_text=True))
    (encoder,) = frozen_text_encoders(model)
    text = count_parameters(encoder.encoder)
    assert text > 0
    assert count_parameters(model) == count_parameters(model, trainable_only=True) + text
    assert sum(p.numel() for p in encoder.encoder.parameters() if p.requires_grad) == 0
    keep_text_features(model, tmp_path)
    encoder(TEXTS)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2


def test_a_pretrained_encoder_is_frozen_unless_fine_tuning_is_asked_for():
    assert not isinstance(build_text_encoder("tiny"), FrozenTextEncoder)
    assert isinstance(build_text_encoder("tiny", freeze=True), FrozenTextEncoder)
