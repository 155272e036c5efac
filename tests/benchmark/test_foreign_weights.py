import hashlib

import pytest
import torch

from biclip_bench.benchmark.config import ExperimentConfig
from biclip_bench.benchmark.foreign_weights import foreign_weights


def test_models_without_weights_from_elsewhere_are_given_none():
    assert foreign_weights(ExperimentConfig(), ["biclip", "unet"]) == {"biclip": {}, "unet": {}}


@pytest.mark.parametrize("in_config", [True, False])
def test_the_content_of_a_file_counts_and_not_its_path(tmp_path, in_config):
    path = tmp_path / "encoder.pth"
    torch.save({"weight": torch.ones(3)}, path)
    expected = {"weights": hashlib.sha256(path.read_bytes()).hexdigest()}
    if in_config:
        config = ExperimentConfig(model_options={"smp-unet": {"weights": str(path)}})
        assert foreign_weights(config, ["smp-unet", "unet"]) == {"smp-unet": expected, "unet": {}}
    else:
        name = f"smp:FPN?encoder=resnet18&weights={path}"
        assert foreign_weights(ExperimentConfig(), [name]) == {name: expected}


def test_a_pretrained_text_encoder_counts_for_the_models_that_read(write_cxr_bert, tmp_path):
    hashes = []
    for seed in (0, 1):
        folder = write_cxr_bert(tmp_path / "cxr-bert", seed=seed)
        given = foreign_weights(ExperimentConfig(text_encoder=f"hf:{folder}"), ["biclip", "unet"])
        assert given["unet"] == {}
        hashes.append(given["biclip"]["text encoder"])
    assert hashes[0] != hashes[1]
