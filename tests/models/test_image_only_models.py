import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.networks.nets import AttentionUnet, SwinUNETR
from safetensors.torch import load_file, save_file
from torch import nn

from biclip_bench.errors import UserError
from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters
from biclip_bench.models.batch_norm import TolerantBatchNorm2d, tolerate_single_values
from biclip_bench.models.padding import Padded, pad_to_multiple, padded_side

NEW = ["attention-unet", "deeplabv3+", "nnunet", "segformer", "swin-unetr", "unet++"]
ALL = [*NEW, "smp-unet"]


def build(name: str, image_size: int = 64, width: int = 8, **options):
    torch.manual_seed(0)
    return build_model(name, ModelSettings(image_size=image_size, width=width, options=options))


def batch(side: int, cases: int = 2) -> Batch:
    image = torch.rand(cases, 3, side, side, generator=torch.Generator().manual_seed(1))
    mask = (torch.rand(cases, 1, side, side, generator=torch.Generator().manual_seed(2)) > 0.7).float()
    return Batch(image, [""] * cases, mask)


@pytest.mark.parametrize(("side", "cases"), [(32, 1), (32, 2), (48, 2), (80, 1), (112, 2)])
@pytest.mark.parametrize("name", ALL)
def test_it_trains_and_predicts_at_every_multiple_of_16(name, side, cases):
    model = build(name, side)
    data = batch(side, cases)
    loss = model.train().training_losses(data)["segmentation"]
    loss.backward()
    assert loss.isfinite()
    with torch.no_grad():
        logits = model.eval()(data)
    assert logits.shape == (cases, 1, side, side)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_a_prediction_does_not_depend_on_the_other_cases(name):
    model, data = build(name, 48).eval(), batch(48, 3)
    with torch.no_grad():
        together = model(data)
        alone = [model(Batch(image[None], [""])) for image in data.image]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NEW)
def test_it_is_small_at_the_width_of_the_quick_profile(name):
    assert 100_000 < count_parameters(build(name, 80)) < 2_000_000


def libraries_own(name: str) -> nn.Module:
    """The libraries' default construction, or that of the paper's size where the two differ."""
    return {
        "attention-unet": lambda: AttentionUnet(2, 3, 1, [64, 128, 256, 512, 1024], [2, 2, 2, 2]),
        "deeplabv3+": lambda: smp.DeepLabV3Plus(encoder_weights=None),
        "segformer": lambda: smp.Segformer("mit_b1", encoder_weights=None),
        "smp-unet": lambda: smp.Unet(encoder_weights=None),
        "swin-unetr": lambda: SwinUNETR(in_channels=3, out_channels=1, feature_size=48, spatial_dims=2),
        "unet++": lambda: smp.UnetPlusPlus(encoder_weights=None),
    }[name]()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("attention-unet", 31_740_337),
        ("deeplabv3+", 22_437_457),
        ("segformer", 13_677_505),
        ("smp-unet", 24_436_369),
        ("swin-unetr", 25_139_275),
        ("unet++", 26_078_609),
    ],
)
def test_at_paper_size_it_is_the_libraries_own_network(name, parameters):
    model = build(name, 224, 64)
    own = {key.removeprefix("inside."): value.shape for key, value in model.network.state_dict().items()}
    assert own == {key: value.shape for key, value in libraries_own(name).state_dict().items()}
    assert count_parameters(model) == parameters


def test_segformer_of_width_32_is_the_papers_smallest():
    b0 = smp.Segformer("mit_b0", encoder_weights=None)
    assert count_parameters(build("segformer", width=32)) == count_parameters(b0) == 3_714_401


@pytest.mark.parametrize("name", ["attention-unet", "deeplabv3+", "nnunet", "segformer", "unet++"])
def test_twice_the_width_is_about_four_times_the_parameters(name):
    narrow, wide = (count_parameters(build(name, width=width)) for width in (8, 16))
    assert 3.6 < wide / narrow < 4.1


def test_what_the_width_leaves_alone():
    narrow, wide = build("smp-unet").network.inside, build("smp-unet", width=64).network.inside
    assert count_parameters(narrow.encoder) == count_parameters(wide.encoder)
    assert count_parameters(narrow.decoder) < count_parameters(wide.decoder) / 3
    assert count_parameters(build("swin-unetr", width=4)) == count_parameters(build("swin-unetr", width=16))
    assert count_parameters(build("swin-unetr", width=16)) < count_parameters(build("swin-unetr", width=20))


@pytest.mark.parametrize("name", ALL)
def test_its_weights_can_be_saved_and_loaded(name, tmp_path):
    # As a training saves them; safetensors refuses two names for one tensor.
    model = build(name)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, tmp_path / "w.safetensors")
    torch.manual_seed(1)
    other = build_model(name, ModelSettings(image_size=64, width=8))
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    data = batch(64)
    with torch.no_grad():
        assert torch.equal(other.eval()(data), model.eval()(data))


@pytest.mark.parametrize("name", ALL)
def test_its_options_are_checked(name):
    with pytest.raises(UserError, match=r"no option 'cross_entropy'\. Did you mean 'cross_entropy_on'"):
        build(name, cross_entropy=True)
    assert build(name, cross_entropy_on="probabilities").cross_entropy_on == "probabilities"


def blobs(side: int = 32) -> Batch:
    """Four cases of one bright square each, in noise."""
    image = 0.3 * torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(4, 1, side, side)
    for case, (top, left) in enumerate([(4, 4), (4, 18), (18, 4), (18, 18)]):
        mask[case, 0, top : top + 10, left : left + 10] = 1
    return Batch(image + 0.5 * mask, [""] * 4, mask)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("attention-unet", 60),
        ("deeplabv3+", 100),
        ("nnunet", 60),
        ("segformer", 80),
        ("smp-unet?encoder=resnet18", 60),
        ("swin-unetr", 20),
        ("unet++", 60),
    ],
)
def test_it_overfits_four_squares(name, steps):
    data = blobs()
    model = build(name, 32).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(model.training_losses(data).values()).backward()
        optimiser.step()
    with torch.no_grad():
        predicted = (model.eval()(data) > 0).float()
    dice = 2 * (predicted * data.mask).sum((1, 2, 3)) / (predicted + data.mask).sum((1, 2, 3))
    assert dice.min() > 0.9


@given(side=st.integers(1, 70), multiple=st.sampled_from([1, 16, 32]), least=st.sampled_from([0, 64]))
def test_padding_is_the_smallest_that_serves_and_is_undone(side, multiple, least):
    expected = next(n for n in range(side, 200) if n % multiple == 0 and n >= least)
    assert padded_side(side, multiple, least) == expected
    image = torch.rand(1, 2, side, side + 3)
    padded = pad_to_multiple(image, multiple, least)
    assert padded.shape[-2] == expected
    assert torch.equal(padded[..., :side, : side + 3], image)
    assert torch.equal(padded[..., -1, : side + 3], image[..., -1, :])
    assert torch.equal(Padded(nn.Identity(), multiple, least)(image), image)


def test_tolerant_batch_norm_is_batch_norm_but_for_a_single_value():
    plain, tolerant = nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3))
    tolerate_single_values(tolerant)
    assert isinstance(tolerant[0], TolerantBatchNorm2d)
    for _ in range(2):
        x = torch.randn(2, 3, 1, 1)
        assert torch.equal(tolerant(x), plain(x))
    assert torch.equal(tolerant[0].running_var, plain.running_var)
    single = torch.randn(1, 3, 1, 1)
    with pytest.raises(ValueError, match="more than 1 value"):
        plain(single)
    torch.testing.assert_close(tolerant(single), plain.eval()(single))
    assert torch.equal(tolerant[0].running_mean, plain.running_mean)
