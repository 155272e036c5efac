import re

import pytest
import segmentation_models_pytorch as smp
import torch

from biclip_bench.errors import UserError
from biclip_bench.models import (
    Batch,
    ModelSettings,
    build_model,
    find_model,
    listed_models,
    model_registry,
    parse_model,
)

ARCHITECTURES = [architecture.__name__ for architecture in smp.MODEL_ARCHITECTURES_MAPPING.values()]
SMALL = {"DPT": "tu-vit_tiny_patch16_224", "PAN": "mobilenet_v2", "FPN": "tu-convnext_atto"}


def build(spec: str, image_size: int = 80, width: int = 8):
    torch.manual_seed(0)
    return build_model(spec, ModelSettings(image_size=image_size, width=width))


def batch(side: int, cases: int = 2) -> Batch:
    image = torch.rand(cases, 3, side, side, generator=torch.Generator().manual_seed(1))
    return Batch(image, [""] * cases, (image[:, :1] > 0.5).float())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_predicts_and_learns_at_80_px(architecture):
    model = build(f"smp:{architecture}?encoder={SMALL.get(architecture, 'resnet18')}")
    data = batch(80)
    model.train().training_losses(data)["segmentation"].backward()
    with torch.no_grad():
        logits = model.eval()(data)
        assert torch.equal(logits, model(data))
    assert logits.shape == (2, 1, 80, 80)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("architecture", ["PAN", "PSPNet", "DeepLabV3", "UPerNet"])
def test_those_that_pool_train_with_one_case_of_32_px(architecture):
    model = build(f"smp:{architecture}?encoder=resnet18", 32).train()
    assert model.training_losses(batch(32, 1))["segmentation"].isfinite()


def test_an_architecture_is_the_librarys_own_at_its_defaults():
    torch.manual_seed(0)
    reference = smp.FPN("mobilenet_v2", encoder_weights=None).eval()
    model = build("smp:FPN?encoder=mobilenet_v2", 64).eval()
    data = batch(64)
    with torch.no_grad():
        assert torch.equal(model(data), reference(model.normalise(data.image)))


def test_the_same_seed_builds_and_trains_the_same_bits():
    def train() -> dict[str, torch.Tensor]:
        model = build("smp:Linknet?encoder=mobilenet_v2", 48).train()
        torch.manual_seed(3)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(2):
            optimiser.zero_grad()
            model.training_losses(batch(48))["segmentation"].backward()
            optimiser.step()
        return model.state_dict()

    first, second = train(), train()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_architecture_is_an_argument():
    assert "smp" in model_registry.names()
    assert "smp" not in listed_models()
    with pytest.raises(
        UserError, match="needs an architecture of segmentation-models-pytorch behind a colon: smp:NAME"
    ):
        find_model(parse_model("smp"))
    assert type(build("smp:unet?encoder=resnet18", 32).network.inside) is smp.Unet  # any case will do


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("smp:Unett", r"no architecture 'Unett'\. Did you mean 'Unet'\?.*Known: DPT, DeepLabV3"),
        ("smp:Unet?encoder=resnet340", r"'smp:Unet' has no encoder 'resnet340'\. Did you mean 'resnet34'"),
        ("unet++?encoder=tu-convnext_ato", r"'unet\+\+' has no encoder.*'tu-convnext_atto'"),
        ("smp-unet?encoder=resnet340", r"'smp-unet' has no encoder 'resnet340'\. Did you mean 'resnet34'"),
        ("smp:Unet?encoder=zzzzzzzzz", r"no encoder 'zzzzzzzzz'\. Known are"),
        ("smp:DeepLabV3?encoder=vgg11", r"DeepLabV3 .* 'vgg11' at 80 px \(ValueError.*dilated mode"),
        ("unet++?encoder=mit_b0", r"UnetPlusPlus .* 'mit_b0'"),
        ("smp:DPT?encoder=resnet18", "Only Timm encoders"),
        ("smp:DPT?encoder=tu-vit_small_patch14_dinov2", "Input height"),
        ("smp:Unet?encoder=tu-vit_tiny_patch16_224", "Unsupported model downsampling pattern"),
        ("smp:Unet?encoder=tu-resnet18.nope", r"'tu-resnet18\.nope'.*Invalid pretrained tag"),
        ("smp:Unet?depth=3", "no option 'depth'"),
    ],
)
def test_what_cannot_be_built_is_named(spec, message):
    with pytest.raises(UserError, match=message) as caught:
        build(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["deeplabv3+", "segformer", "smp-unet", "unet++"])
def test_a_named_encoder_keeps_its_size(name):
    narrow, wide = (build(f"{name}?encoder=resnet18", 32, width) for width in (8, 64))
    sizes = [{k: v.shape for k, v in model.network.inside.encoder.state_dict().items()} for model in (narrow, wide)]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("name", ["deeplabv3+", "segformer", "unet++"])
def test_a_narrow_encoder_takes_no_published_weights(name):
    encoder = "mit_b0" if name == "segformer" else "resnet34"
    advice = re.escape(f"give --width 64, or name an encoder of fixed size: {name}?encoder={encoder}&weights=imagenet")
    with pytest.raises(UserError, match=advice):
        build(f"{name}?weights=imagenet")
