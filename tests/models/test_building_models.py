import subprocess
import sys

import pytest
import torch

from biclip_bench.errors import UserError
from biclip_bench.models import ModelSettings, build_model, listed_models, model_registry

MODELS = listed_models()


def test_the_models_are_registered():
    assert {"biclip", "ef-unet", "smp-unet", "unet"} <= set(MODELS) <= set(model_registry.names())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_says_what_it_is(name):
    model = model_registry.get(name)
    assert model.paper
    assert isinstance(model.uses_text, bool)
    assert "ifferent" in model.__doc__ or "do not" in model.__doc__
    assert set(model.augmented_with) <= {"motion-blur", "gaussian-noise", "brightness", "contrast", "gamma"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 100}, "image size is 100.*multiple of 16"),
        ({"image_size": 16}, "image size is 16.*at least 32"),
        ({"width": 0}, "width is 0.*at least 4"),
        ({"width": 10}, "width is 10.*multiple of 4"),
        ({"preset": "papers"}, "preset is 'papers'.*'benchmark' or 'paper'"),
        ({"preset": "paper"}, "'paper' means image size 224 and width 64, not 32 and 8"),
        ({"options": {"refinment": False}}, "no option 'refinment'. Did you mean 'refinement'"),
        ({"options": {"refinement": "maybe"}}, "'refinement'.*'maybe'.*true or false"),
        ({"options": {"cross_entropy_on": "logit"}}, "'cross_entropy_on'.*'logit'.*one of: logits, probabilities"),
        ({"text_encoder": "tin"}, "no text encoder named 'tin'"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(UserError, match=message):
        build_model("biclip", ModelSettings(**{"image_size": 32, "width": 8, **changes}))


def test_an_unknown_model_is_named():
    with pytest.raises(UserError, match=r"no model named 'biklip'\. Did you mean 'biclip'"):
        build_model("biklip", ModelSettings())


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_builds_the_same_bits(name):
    settings = ModelSettings(image_size=64, width=8)
    torch.manual_seed(3)
    first = build_model(name, settings).state_dict()
    torch.manual_seed(3)
    second = build_model(name, settings).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_importing_the_models_imports_no_heavy_library():
    code = """
import sys
import biclip_bench.models
heavy = ("open_clip", "monai", "segmentation_models_pytorch", "timm", "torchvision", "transformers")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
