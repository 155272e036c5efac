from pathlib import Path

import pytest
import yaml

from biclip_bench.benchmark.config import ExperimentConfig, make_config, read_config
from biclip_bench.errors import UserError


def test_lists_are_written_as_in_a_shell_or_as_in_yaml():
    shell = make_config({"severity": "1-3", "labels": "5,100", "seed": "0-1", "model": "a,b"}, "test")
    in_yaml = make_config({"severity": [1, 2, 3], "labels": [5, 100], "seed": [0, 1], "model": ["a", "b"]}, "test")
    assert shell == in_yaml
    assert shell.severity == (1, 2, 3)
    assert shell.labels == (5.0, 100.0)


def test_the_written_configuration_gives_the_same_run():
    config = make_config({"preset": "quick", "epochs": 3, "labels": "1"}, "test")
    again = make_config(yaml.safe_load(config.to_yaml()), "test")
    assert again.training == config.training
    assert again.input_size == config.input_size
    assert again.profile == config.profile
    assert again.to_yaml() == config.to_yaml()


def test_the_paper_preset_is_the_papers_setting():
    config = ExperimentConfig(preset="paper", text_encoder="hf:microsoft/BiomedVLP-CXR-BERT-specialized")
    training = config.training
    assert (config.input_size, config.network_width) == (224, 64)
    assert (training.epochs, training.batch_size, training.learning_rate) == (150, 16, 1e-4)
    assert config.is_paper_setting
    assert "not the paper's setting" not in config.profile


def test_another_text_encoder_is_not_the_papers_setting():
    config = ExperimentConfig(preset="paper")
    assert not config.is_paper_setting
    assert "with the text encoder tiny" in config.profile
    assert "not the paper's setting" in config.profile


@pytest.mark.parametrize("change", [{"epochs": 2}, {"width": 32}, {"image_size": 128}, {"learning_rate": 1e-3}])
def test_a_changed_paper_preset_says_so(change):
    config = ExperimentConfig(preset="paper", **change)
    assert not config.is_paper_setting
    assert "with changes" in config.profile
    assert "not the paper's setting" in config.profile


def test_the_default_is_named_as_a_quick_profile():
    assert ExperimentConfig().profile.startswith("quick profile (")
    assert "not the paper's setting" in ExperimentConfig().profile


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"severty": "1"}, r"unknown key 'severty'\. Did you mean 'severity'\?"),
        ({"image_size": 100}, "image_size = 100 is wrong.*multiple of 16"),
        ({"epochs": 0}, "epochs = 0 is wrong"),
        ({"preset": "fast"}, "preset = 'fast' is wrong.*'quick', 'standard' or 'paper'"),
        ({"patients": [1, 0, 1]}, "patients.*Every part needs at least one patient"),
        ({"severity": "9"}, "--severity '9'"),
        ({"model": ""}, "model = '' is wrong. Give at least one name"),
        ({"threshold": "half"}, "threshold = 'half' is wrong. Give a number between 0 and 1, such as 0.5, or valid"),
        ({"threshold": 1}, "threshold = 1 is wrong. Give a number between 0 and 1"),
        ({"threshold": "nan"}, "threshold = 'nan' is wrong. Give a number between 0 and 1"),
        ({"threshold": True}, "threshold = True is wrong. Give a number between 0 and 1"),
    ],
)
def test_wrong_values_name_the_key(values, message):
    with pytest.raises(UserError, match=message):
        make_config(values, "exp.yaml")


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("- 1", "keys and values"), ("", "keys and values")]
)
def test_files_that_are_no_configuration(tmp_path: Path, text, message):
    path = tmp_path / "exp.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_config(path)


def test_a_missing_file():
    with pytest.raises(UserError, match=r"nowhere\.yaml cannot be read"):
        read_config(Path("nowhere.yaml"))


def test_dashes_in_keys_are_underscores(tmp_path: Path):
    path = tmp_path / "exp.yaml"
    path.write_text("image-size: 64\n")
    assert read_config(path) == {"image_size": 64}


@pytest.mark.parametrize(("typed", "meant"), [("0.35", 0.35), (0.35, 0.35), ("validation", "validation")])
def test_a_threshold_is_a_number_or_chosen(typed, meant):
    config = make_config({"threshold": typed}, "test")
    assert config.threshold == meant
    assert make_config(yaml.safe_load(config.to_yaml()), "test").threshold == meant
