import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

from biclip_bench.errors import UserError
from biclip_bench.models import ModelSettings, build_model


def build(spec: str, image_size: int = 32):
    torch.manual_seed(0)
    return build_model(spec, ModelSettings(image_size=image_size, width=8))


@pytest.fixture(scope="module")
def resnet18() -> dict[str, torch.Tensor]:
    """A torchvision state dictionary with random weights, its head included."""
    torch.manual_seed(11)
    return torchvision.models.resnet18().state_dict()


def assert_arrived(model, weights: dict[str, torch.Tensor], tu: bool = False) -> None:
    encoder = model.network.inside.encoder
    loaded = (encoder.model if tu else encoder).state_dict()
    assert loaded
    assert all(torch.equal(loaded[key], weights[key]) for key in loaded)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("spec", ["smp:Unet", "smp-unet", "unet++", "deeplabv3+"])
def test_a_torchvision_file_arrives_bit_by_bit(tmp_path, resnet18, spec, ending):
    path = tmp_path / f"resnet18{ending}"
    save_file(resnet18, path) if ending == ".safetensors" else torch.save(resnet18, path)
    model = build(f"{spec}?encoder=resnet18&weights={path}")
    assert_arrived(model, resnet18)
    assert model.pretrained == f"encoder: resnet18{ending}"
    assert model.normalise.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_random_weights_are_said_to_be_none():
    assert build("smp:Unet?encoder=resnet18").pretrained == ""


@pytest.mark.parametrize(
    "write",
    [
        lambda w: {f"module.{key}": value for key, value in w.items()},
        lambda w: {key: value for key, value in w.items() if not key.startswith("fc.")},
        lambda w: {key: value for key, value in w.items() if not key.endswith("num_batches_tracked")},
        lambda w: {
            **{f"encoder.{key}": value for key, value in w.items() if not key.startswith("fc.")},
            "decoder.blocks.0.conv1.0.weight": torch.zeros(1),
            "segmentation_head.0.weight": torch.zeros(1),
        },
    ],
    ids=["data-parallel", "headless", "before-batch-counts", "whole-smp-network"],
)
def test_known_wrappings_are_taken_off(tmp_path, resnet18, write):
    torch.save({"state_dict": write(resnet18)}, tmp_path / "w.pth")
    loaded = build(f"smp:FPN?encoder=resnet18&weights={tmp_path / 'w.pth'}").network.inside.encoder.state_dict()
    assert all(torch.equal(loaded[k], resnet18[k]) for k in loaded if not k.endswith("num_batches_tracked"))


@pytest.mark.parametrize("name", ["convnext_atto", "mobilenetv3_small_050", "resnet10t"])
def test_a_timm_file_arrives_in_the_feature_extractor(tmp_path, name):
    torch.manual_seed(12)
    weights = timm.create_model(name).state_dict()
    save_file(weights, tmp_path / "w.safetensors")
    model = build(f"smp:Unet?encoder=tu-{name}&weights={tmp_path / 'w.safetensors'}")
    # timm names a part of an extractor stages_0 where the classifier has stages.0.
    by_letters = {key.replace(".", "_"): value for key, value in weights.items()}
    loaded = model.network.inside.encoder.model.state_dict()
    assert loaded
    assert all(torch.equal(loaded[key], by_letters[key.replace(".", "_")]) for key in loaded)


def test_a_vision_transformer_brings_its_own_normalisation(tmp_path):
    torch.manual_seed(13)
    weights = timm.create_model("vit_tiny_patch16_224", img_size=32).state_dict()
    save_file(weights, tmp_path / "vit.safetensors")
    model = build(f"smp:DPT?encoder=tu-vit_tiny_patch16_224&weights={tmp_path / 'vit.safetensors'}")
    loaded = model.network.inside.encoder.model.state_dict()
    assert all(torch.equal(loaded[key], weights[key]) for key in loaded if not key.startswith("head."))
    assert model.normalise.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    random = build("smp:DPT?encoder=tu-vit_tiny_patch16_224")
    assert random.normalise.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_the_names_of_old_densenet_files_are_known(tmp_path):
    torch.manual_seed(14)
    weights = torchvision.models.densenet121().state_dict()
    old = {
        key.replace(".norm1.", ".norm.1.").replace(".norm2.", ".norm.2.").replace(".conv1.", ".conv.1."): value
        for key, value in weights.items()
    }
    assert old.keys() != weights.keys()
    torch.save(old, tmp_path / "densenet.pth")
    assert_arrived(build(f"smp:Unet?encoder=densenet121&weights={tmp_path / 'densenet.pth'}"), weights)


def test_segformers_encoder_takes_its_published_format(tmp_path):
    torch.manual_seed(15)
    weights = smp.encoders.get_encoder("mit_b0").state_dict()
    head = {"head.weight": torch.zeros(1000, 256), "head.bias": torch.zeros(1000)}
    torch.save(weights | head, tmp_path / "mit_b0.pth")
    assert_arrived(build(f"segformer?encoder=mit_b0&weights={tmp_path / 'mit_b0.pth'}"), weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("layer3.0.conv1.weight"), r"layer3\.0\.conv1\.weight is missing"),
        (lambda w: w.update(extra=torch.zeros(1)), "extra is superfluous"),
        (lambda w: w.update({"headline.weight": torch.zeros(1)}), r"headline\.weight is superfluous"),
        (lambda w: w.update({"conv1.weight": torch.zeros(64, 1, 7, 7)}), r"\(64, 1, 7, 7\), not \(64, 3, 7, 7\)"),
    ],
)
def test_every_other_misfit_is_named(tmp_path, resnet18, change, message):
    weights = dict(resnet18)
    change(weights)
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(
        UserError, match=rf"w\.pth do not fit the encoder 'resnet18' of model 'smp:Unet': .*{message}\.$"
    ):
        build(f"smp:Unet?encoder=resnet18&weights={tmp_path / 'w.pth'}")


def test_a_file_of_another_encoder_lists_the_first_misfits(tmp_path, resnet18):
    torch.save(resnet18, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"'mobilenet_v2'.* is missing, .*, and \d+ more\.$"):
        build(f"smp:Unet?encoder=mobilenet_v2&weights={tmp_path / 'w.pth'}")


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"no weights at nowhere/w\.pth"):
        build("smp:Unet?encoder=resnet18&weights=nowhere/w.pth")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "smp:Unet?encoder=resnet18&weights=imagnet",
            "no weights 'imagnet'.*'resnet18'; there are: imagenet, ssl, swsl",
        ),
        ("smp:Unet?encoder=tu-resnet18&weights=a9", "no weights 'a9'.*there are: a1_in1k, a2_in1k"),
        ("smp:Unet?encoder=tu-resnet18.nope&weights=imagenet", "does not work with the encoder"),
    ],
)
def test_an_unknown_tag_is_named(spec, message):
    with pytest.raises(UserError, match=message):
        build(spec)


RESNET18 = "smp-hub/resnet18.imagenet"
REVISION = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]["revision"]


@pytest.mark.parametrize(
    ("spec", "repository", "revision"),
    [
        ("smp:Unet?encoder=resnet18&weights=imagenet", RESNET18, REVISION),
        ("smp:Unet?encoder=tu-resnet18&weights=a2_in1k", "timm/resnet18.a2_in1k", "main"),
        ("smp:Unet?encoder=tu-resnet18.a3_in1k&weights=imagenet", "timm/resnet18.a3_in1k", "main"),
    ],
)
def test_without_a_network_it_says_what_to_fetch_elsewhere(monkeypatch, tmp_path, spec, repository, revision):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    name = f"{Path(repository).name}.safetensors"
    address = f"http://127.0.0.1:9/{repository}/resolve/{revision}/model.safetensors"
    expected = rf"could not be downloaded .*curl -L -o {name} {address} ; then give weights=FOLDER/{name}"
    with pytest.raises(UserError, match=expected):
        build(spec)


def test_weights_in_the_cache_need_no_network(monkeypatch, tmp_path, resnet18):
    folder = tmp_path / f"models--{RESNET18.replace('/', '--')}" / "snapshots" / REVISION
    folder.mkdir(parents=True)
    save_file(resnet18, folder / "model.safetensors")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    model = build("smp-unet?encoder=resnet18&weights=imagenet")
    assert_arrived(model, resnet18)
    assert model.pretrained == f"encoder: {RESNET18}"


def test_with_a_network_they_are_downloaded(tmp_path, resnet18):
    """A server on this machine answers as the Hub does."""
    save_file(resnet18, tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("ETag", '"0123456789abcdef"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = """
import json, sys
from safetensors.torch import save_file
from biclip_bench.models import ModelSettings, build_model
model = build_model("smp:Unet?encoder=resnet18&weights=imagenet", ModelSettings(image_size=32, width=8))
save_file(model.network.inside.encoder.state_dict(), sys.argv[1])
print(json.dumps(model.pretrained))
"""
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_XET": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": "",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "loaded.safetensors")],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
    finally:
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == f"encoder: {RESNET18}"
    loaded = load_file(tmp_path / "loaded.safetensors")
    assert all(torch.equal(loaded[key], resnet18[key]) for key in loaded)
