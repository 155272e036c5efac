"""``evaluate --model-file`` and ``--weights``: the same model from a file has the same scores as its checkpoint."""

import re
from pathlib import Path

import onnx.parser
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from biclip_bench.benchmark.evaluation import load_model
from biclip_bench.benchmark.trained import read_checkpoint
from biclip_bench.models import Batch, ModelSettings, build_model, count_parameters

DATA = ("--corruption", "motion", "--severity", "1,5", "--patients", "4,2,3", "--accelerator", "cpu")
RESUMED = "Nothing to compute"


class Bare(torch.nn.Module):
    """A registered model as others would export it: images in, logits out."""

    def __init__(self, model: torch.nn.Module, probabilities: bool = False) -> None:
        super().__init__()
        self.model = model
        self.probabilities = probabilities

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.model(Batch(x, [""]))
        return logits.sigmoid() if self.probabilities else logits


@pytest.fixture(scope="module")
def reference(finished_run) -> pd.DataFrame:
    """Scores of the trained ``unet`` under the conditions of DATA."""
    output, _ = finished_run
    frame = pd.concat(pd.read_parquet(path) for path in (output / "cells" / "evaluation").rglob("scores.parquet"))
    chosen = (
        (frame["model"] == "unet") & frame["corruption"].isin(["clean", "motion"]) & frame["severity"].isin([0, 1, 5])
    )
    return frame[chosen].set_index(["corruption", "severity", "case"]).sort_index()


@pytest.fixture(scope="module")
def files(finished_run, tmp_path_factory) -> Path:
    """The trained ``unet`` in every form that ``evaluate`` takes."""
    output, _ = finished_run
    place = tmp_path_factory.mktemp("files")
    folders = [path.parent for path in (output / "cells" / "training").glob("*/cell.json")]
    (folder,) = [path for path in folders if read_checkpoint(path)[0].model == "unet"]
    cell, _ = read_checkpoint(folder)
    model = load_model(cell, folder).eval()
    bare, batch = Bare(model).eval(), {"x": {0: torch.export.Dim("batch")}}
    images = torch.rand(2, 3, 32, 32)
    torch.export.save(torch.export.export(bare, (images,), dynamic_shapes=batch), place / "any-batch.pt2")
    torch.export.save(torch.export.export(bare, (images[:1],)), place / "one-by-one.pt2")
    torch.export.save(torch.export.export(Bare(model, True).eval(), (images,)), place / "probabilities.pt2")
    torch.onnx.export(bare, (images,), place / "any-batch.onnx", dynamic_shapes=batch, dynamo=True, verbose=False)
    torch.onnx.export(
        bare, (images[:1],), place / "one-by-one.onnx", dynamo=True, external_data=False, verbose=False
    )  # fmt: skip
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, place / "plain.safetensors")
    lightning = {f"model.{name}": value for name, value in weights.items()}
    torch.save({"epoch": 3, "state_dict": lightning, "pytorch-lightning_version": "2.4"}, place / "lightning.ckpt")
    return place


def evaluated(output: Path) -> pd.DataFrame:
    frame = pd.concat(pd.read_parquet(path) for path in (output / "cells" / "evaluation").rglob("scores.parquet"))
    return frame.set_index(["corruption", "severity", "case"]).sort_index()


def assert_same_scores(output: Path, reference: pd.DataFrame) -> None:
    """Another runtime adds in another order: a pixel of a case may cross the threshold, and no more."""
    found = evaluated(output)
    pd.testing.assert_index_equal(found.index, reference.index)
    for count in ("true_positive", "predicted_area"):
        assert (found[count] - reference[count]).abs().max() <= 1
    assert reference["predicted_area"].max() > 0
    assert found["dice"].mean() == pytest.approx(reference["dice"].mean(), abs=1e-3)
    assert (found["ece"] - reference["ece"]).abs().max() < 1e-3
    assert found["group"].tolist() == reference["group"].tolist()


@pytest.mark.parametrize("name", ["any-batch.pt2", "any-batch.onnx"])
def test_a_model_file_has_the_scores_of_the_checkpoint(name, files, reference, within, tmp_path):
    done = within("evaluate", "--model-file", files / name, *DATA, "--output", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same_scores(tmp_path, reference)
    again = within("evaluate", "--model-file", files / name, *DATA, "--output", tmp_path, cwd=tmp_path)
    assert RESUMED in again.stdout
    (folder,) = tmp_path.glob("phantom-model-file-*")
    for name in ("report.html", "figures/gallery-motion.png", "tables/tables.tex", "scores.csv", "evaluation.yaml"):
        assert (folder / name).is_file()
    (folder / "report.html").unlink()
    reported = within("report", folder, cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize(
    "options",
    [
        ("--model-file", "one-by-one.pt2"),
        ("--model-file", "one-by-one.onnx"),
        ("--model-file", "probabilities.pt2", "--output-kind", "probabilities"),
        ("--weights", "plain.safetensors", "--model", "unet", "--image-size", "32", "--width", "4"),
        ("--weights", "lightning.ckpt", "--model", "unet", "--image-size", "32", "--width", "4"),
    ],
)
def test_every_other_form_has_them_too(options, files, reference, within, tmp_path):
    kind, name, *more = options
    done = within("evaluate", kind, files / name, *more, *DATA, "--output", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same_scores(tmp_path, reference)


def page(output: Path) -> str:
    (path,) = output.glob("phantom-*/report.html")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))


def test_the_report_tells_what_was_stated_and_what_was_not(files, within, tmp_path):
    silent = within(
        "evaluate", "--model-file", files / "one-by-one.pt2", *DATA, "--output", tmp_path / "a", cwd=tmp_path
    )  # fmt: skip
    assert silent.returncode == 0, silent.stderr
    text = page(tmp_path / "a")
    assert "one-by-one image not stated not known not known not stated not stated" in text
    assert "Whether the training of one-by-one saw a tested corruption's family is not stated" in text.replace(
        "&#39;", "'"
    )
    assert "reported as 100%; nothing was stated" in text
    assert "Whether the training of one-by-one saw" in " ".join(silent.stdout.split())
    stated = (
        "--name", "Mine", "--labels", "5", "--seed", "3", "--augmented-with", "motion-blur,gamma",
    )  # fmt: skip
    done = within(
        "evaluate", "--model-file", files / "one-by-one.pt2", *stated, *DATA, "--output", tmp_path / "b", cwd=tmp_path
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Mine\u2020" in done.stdout
    text = page(tmp_path / "b")
    assert "Mine image motion-blur, gamma not known not known not stated not stated" in text
    assert "5%, as stated by the user" in text
    assert "3, as stated by the user" in text
    frame = evaluated(tmp_path / "b")
    assert set(frame["model"]) == {"Mine"}
    assert set(frame["labels"]) == {5.0}
    assert set(frame["seed"]) == {3}
    assert "one-by-one.pt2" in (next(tmp_path.glob("b/phantom-*")) / "evaluation.yaml").read_text()


def test_weights_are_reported_as_the_registered_model_of_another_training(files, within, tmp_path):
    options = ("--model", "unet", "--image-size", "32", "--width", "4", "--augmented-with", "none")
    done = within(
        "evaluate", "--weights", files / "plain.safetensors", *options, *DATA, "--output", tmp_path, cwd=tmp_path
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = page(tmp_path)
    parameters = count_parameters(build_model("unet", ModelSettings(image_size=32, width=4)))
    assert f"plain image none {parameters:,} 0 not stated Ronneberger et al., U-Net, MICCAI 2015" in text
    assert "unet, width 4, text encoder tiny" in text


class Fixed(torch.nn.Module):
    """Brightness above a half, bent in one way."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = x[:, :1] - 0.5
        if self.fault == "classes":
            return torch.cat([-logits, logits], dim=1)
        if self.fault == "halved":
            return logits[..., ::2, ::2]
        if self.fault == "nan":
            return (logits - 10).log()
        if self.fault == "wild":
            return logits * 7
        if self.fault == "two":
            return logits, logits
        return torch.nn.functional.dropout(logits, 0.5, self.training) if self.fault == "training" else logits


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("faulty")
    for fault in ("none", "classes", "halved", "nan", "wild", "two", "training"):
        network = Fixed(fault).train(fault == "training")
        torch.export.save(torch.export.export(network, (torch.rand(1, 3, 32, 32),)), place / f"{fault}.pt2")
    torch.export.save(torch.export.export(Fixed("none"), (torch.rand(1, 1, 32, 32),)), place / "grey.pt2")
    torch.export.save(torch.export.export(Fixed("none"), (torch.rand(1, 4, 32, 32),)), place / "four.pt2")
    torch.export.save(torch.export.export(Fixed("none"), (torch.rand(1, 3, 32, 48),)), place / "oblong.pt2")
    torch.export.save(torch.export.export(Fixed("none"), (torch.rand(4, 3, 32, 32),)), place / "fours.pt2")
    sides = ({2: torch.export.Dim("side"), 3: torch.export.Dim("side")},)
    torch.export.save(
        torch.export.export(Fixed("none"), (torch.rand(1, 3, 32, 32),), dynamic_shapes=sides), place / "any-side.pt2"
    )
    for name, taken, given in (
        ("half", "float16[1,3,32,32] x", "float16[1,3,32,32] y"),
        ("flat", "float[1,3072] x", "float[1,3072] y"),
        ("pair", "float[1,3,32,32] x, float[1,3,32,32] z", "float[1,3,32,32] y"),
        ("classes", "float[1,3,32,32] x", "float[1,3,32,32] y"),
    ):
        model = onnx.parser.parse_model(
            f'<ir_version: 8, opset_import: ["" : 17]> agraph ({taken}) => ({given}) {{ y = Identity(x) }}'
        )
        onnx.save(model, place / f"{name}.onnx")
    content = (place / "none.pt2").read_bytes()
    (place / "cut.pt2").write_bytes(content[: len(content) // 2])
    (place / "cut.onnx").write_bytes((place / "classes.onnx").read_bytes()[:40])
    (place / "model.h5").write_bytes(b"\x89HDF")
    return place


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("nothing.pt2", "There is no model file"),
        ("model.h5", "model.h5 ends in none of .pt2, .onnx"),
        ("cut.pt2", "cut.pt2 cannot be read as an exported model"),
        ("cut.onnx", "cut.onnx cannot be read as an ONNX model"),
        ("training.pt2", "training.pt2 was exported in training mode (dropout acts on it): call model.eval()"),
        ("two.pt2", "two.pt2 has 2 outputs: export a model with one, the logits"),
        ("four.pt2", "four.pt2 takes images of shape (1, 4, 32, 32): an input of float32 (B, 3, S, S)"),
        ("oblong.pt2", "oblong.pt2 takes images of shape (1, 3, 32, 48): an input of float32 (B, 3, S, S)"),
        ("half.onnx", "half.onnx takes float16 (1, 3, 32, 32): an input of float32"),
        ("flat.onnx", "flat.onnx takes float32 (1, 3072): an input of float32"),
        ("pair.onnx", "pair.onnx takes 2 inputs: export a model of the image alone"),
        ("classes.onnx", "Model 'classes' returned an output of shape (1, 3, 32, 32), not (1, 1, 32, 32)"),
        ("classes.pt2", "for the batch that begins with case 'phantom-"),
        ("classes.pt2", ": 2 classes where one is asked for. The benchmark segments one lesion class against"),
        ("halved.pt2", "Model 'halved' returned an output of shape (1, 1, 16, 16), not (1, 1, 32, 32)"),
        ("nan.pt2", "Model 'nan' returned values that are not finite for case 'phantom-"),
        ("wild.pt2 --output-kind probabilities", "Model 'wild' returned numbers from "),
        ("wild.pt2 --output-kind masks", "--output-kind masks belongs to --predictions"),
        ("none.pt2 --image-size 64", "--image-size 64: the model file"),
        ("none.pt2 --width 8", "--width does not go with --model-file: it belongs to --weights"),
        ("none.pt2 --labels 0", "--labels 0: give the percentage"),
        ("none.pt2 --seed -1", "--seed -1: give the seed"),
        ("none.pt2 --augmented-with motion-blurr", "no corruption family 'motion-blurr'. Did you mean 'motion-blur'?"),
        ("none.pt2 --name ''", "--name is empty"),
    ],
)  # fmt: skip
def test_a_model_file_that_does_not_keep_the_contract_is_named(
    options, message, faulty, within, finished_run, tmp_path
):
    name, *more = options.replace("''", "\0").split()
    output, _ = finished_run
    arguments = ("--corruption", "motion", "--severity", "1", "--patients", "4,2,3", "--accelerator", "cpu")
    done = within(
        "evaluate", "--model-file", faulty / name, *(word.replace("\0", "") for word in more), *arguments,
        "--output", tmp_path, cwd=output.parent,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stderr.split())
    assert not list((tmp_path / "cells").rglob("scores.parquet"))


def test_grey_fixed_batch_and_free_size_give_the_same(faulty, within, tmp_path):
    areas = {}
    for name, *more in (["none.pt2"], ["grey.pt2"], ["fours.pt2"], ["any-side.pt2", "--image-size", "32"]):
        done = within(
            "evaluate", "--model-file", faulty / name, *more, "--output-kind", "logits", "--patients", "4,2,3",
            "--corruption", "motion", "--severity", "1", "--output", tmp_path / name, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        areas[name] = evaluated(tmp_path / name)["predicted_area"].tolist()
    assert len(areas["none.pt2"]) == 18
    assert max(areas["none.pt2"]) > 0
    assert all(found == areas["none.pt2"] for found in areas.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "exactly one source, and none was given"),
        (("folder", "--model-file", "m.pt2"), "CHECKPOINT and --model-file were given"),
        (("--model-file", "m.pt2", "--predictions", "p"), "--model-file and --predictions were given"),
        (("folder", "--labels", "5"), "--labels does not go with CHECKPOINT"),
        (("folder", "--release", "r"), "--release does not go with CHECKPOINT: it belongs to --predictions"),
        (("--weights", "w.pt"), "name the registered model that they are of with --model"),
        (("--weights", "w.pt", "--model", "unett"), "no model named 'unett'. Did you mean 'unet'?"),
        (("--weights", "w.pt", "--model", "unet"), "There are no weights at w.pt"),
        (("--weights", "w.pt", "--model", "unet", "--image-only"), "--uses-text/--image-only does not go with"),
    ],
)
def test_one_source_and_its_own_options(arguments, message, within, tmp_path):
    done = within("evaluate", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


class Payload:
    def __reduce__(self):
        return Path.mkdir, (Path("hidden-code-ran"),)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("plain.safetensors", ("--model", "unet", "--width", "8"), "do not fit model 'unet' at image size 32, width 8"),
        ("plain.safetensors", ("--model", "biclip", "--width", "4"), "do not fit model 'biclip' at image size 32"),
        ("cut.safetensors", ("--model", "unet", "--width", "4"), "are damaged or no safetensors file"),
        ("code.pt", ("--model", "unet", "--width", "4"), "hold more than tensors"),
    ],
)
def test_weights_that_do_not_fit_are_named(name, options, message, files, within, tmp_path):
    content = (files / "plain.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    torch.save({"state_dict": {}, "more": Payload()}, tmp_path / "code.pt")
    (tmp_path / "plain.safetensors").write_bytes(content)
    done = within("evaluate", "--weights", name, *options, "--image-size", "32", "--patients", "4,2,3", cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert f"The weights {name} " in done.stderr
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "hidden-code-ran").exists()


def test_without_onnx_runtime_the_extra_is_named(faulty, within, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    done = within("evaluate", "--model-file", faulty / "half.onnx", cwd=tmp_path)
    assert done.returncode == 2
    assert 'pip install "biclip-bench[onnx]"' in " ".join(done.stderr.split())
