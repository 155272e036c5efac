import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import load_file, save_file

from biclip_bench.benchmark import predicted_cases
from biclip_bench.benchmark.cells import EvaluationCell
from biclip_bench.benchmark.evaluation import evaluate_cell, load_model
from biclip_bench.benchmark.masks import decode_mask, encode_mask
from biclip_bench.benchmark.prediction import masks_above, native_values
from biclip_bench.benchmark.trained import read_checkpoint
from biclip_bench.benchmark.training import train_cell
from biclip_bench.errors import UserError
from biclip_bench.models import Batch, SegmentationModel

CPU = torch.device("cpu")


class Bright(SegmentationModel):
    """Marks what is brighter than the middle of the window: a model whose right answer is known."""

    uses_text = False
    paper = "none"

    def forward(self, batch: Batch) -> torch.Tensor:
        return batch.image[:, :1] - 0.5

    def training_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        raise AssertionError("not trained")


class Broken(Bright):
    def forward(self, batch: Batch) -> torch.Tensor:
        return super().forward(batch) * torch.nan


class BrokenOnce(Bright):
    """Gives NaN for one pixel of the fifth image."""

    def forward(self, batch: Batch) -> torch.Tensor:
        logits = super().forward(batch)
        logits[4, 0, 3, 3] = torch.nan
        return logits


class Halved(Bright):
    def forward(self, batch: Batch) -> torch.Tensor:
        return super().forward(batch)[..., ::2, ::2]


class TwoClasses(Bright):
    def forward(self, batch: Batch) -> torch.Tensor:
        return super().forward(batch).repeat(1, 2, 1, 1)


class Bundle(Bright):
    def forward(self, batch: Batch) -> torch.Tensor:
        return {"out": super().forward(batch)}


@pytest.fixture(scope="module")
def checkpoint(make_cell, phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    cell = make_cell("biclip")
    description = train_cell(
        replace(cell, training=replace(cell.training, epochs=1)), phantom, folder, accelerator="cpu"
    )
    (folder / "cell.json").write_text(json.dumps({**description, "config": {"dataset": "phantom"}}))
    return folder


def test_a_known_model_has_known_scores(make_cell, phantom):
    cell = make_cell(model_settings={**make_cell().model_settings, "image_size": 64})
    scores, masks = evaluate_cell(EvaluationCell(cell), phantom, Bright(), CPU)
    low, high = phantom.context.window
    tests = phantom.index[phantom.index["part"] == "test"]
    assert scores["case"].tolist() == tests["case"].tolist()
    for row, png in zip(scores.itertuples(), masks["png"], strict=True):
        case = phantom.load(row.case)
        predicted = np.clip((case.image[0] - low) / (high - low), 0, 1) - np.float32(0.5) > 0
        overlap = (predicted & case.mask).sum()
        assert row.true_positive == overlap
        assert row.dice == pytest.approx(2 * overlap / (predicted.sum() + case.mask.sum()))
        np.testing.assert_array_equal(decode_mask(png), predicted)
        assert row.group == case.group


def test_scores_live_on_the_native_grid_whatever_the_models_input(make_cell, phantom):
    scores, masks = evaluate_cell(EvaluationCell(make_cell()), phantom, Bright(), CPU)
    assert decode_mask(masks["png"][0]).shape == (64, 64)
    areas = [phantom.load(case).mask.sum() for case in scores["case"]]
    assert scores["true_area"].tolist() == areas


@pytest.mark.parametrize("corruption", ["motion", "low-dose-ct"])
def test_the_batch_does_not_change_the_scores(corruption, make_cell, phantom, monkeypatch):
    cell = EvaluationCell(make_cell(), corruption, 4)
    whole, _ = evaluate_cell(cell, phantom, Bright(), CPU)
    monkeypatch.setattr(predicted_cases, "BATCH", 1)
    single, _ = evaluate_cell(cell, phantom, Bright(), CPU)
    pd.testing.assert_frame_equal(whole, single)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Broken, "not finite for case {first!r}: 1024 of 1024"),
        (BrokenOnce, "not finite for case {fifth!r}: 1 of 1024"),
        (Halved, r"shape \(6, 1, 16, 16\), not \(6, 1, 32, 32\) for .* case {first!r}"),
        (TwoClasses, r"shape \(6, 2, 32, 32\), not \(6, 1, 32, 32\) .*: 2 classes where one .*logits\[:, 1:2\]"),
        (Bundle, "dict for the batch that begins with case {first!r}, not a tensor"),
    ],
)
def test_a_model_that_breaks_its_contract_is_named_with_the_case(model, message, make_cell, phantom):
    tests = phantom.index.loc[phantom.index["part"] == "test", "case"].tolist()
    message = message.replace("{first!r}", repr(tests[0])).replace("{fifth!r}", repr(tests[4]))
    with pytest.raises(UserError, match=f"Model 'unet' returned.*{message}"):
        evaluate_cell(EvaluationCell(make_cell()), phantom, model(), CPU)


@given(hnp.arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.booleans()))
def test_masks_survive_storage(mask):
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


def test_logits_are_enlarged_before_the_threshold():
    logits = torch.full((1, 1, 2, 2), -1.0)
    logits[..., 0] = 3.0
    assert masks_above(native_values(logits, (8, 8)))[0].sum(axis=1).tolist() == [5] * 8


def test_a_checkpoint_is_read_back(checkpoint, phantom):
    cell, config = read_checkpoint(checkpoint)
    assert (cell.model, cell.labels, config) == ("biclip", 100.0, {"dataset": "phantom"})
    model = load_model(cell, checkpoint)
    scores, _ = evaluate_cell(EvaluationCell(cell), phantom, model, CPU)
    assert scores["dice"].between(0, 1).all()


def test_a_checkpoint_of_another_model_is_refused(checkpoint, make_cell):
    with pytest.raises(UserError, match="trained as model 'biclip', not 'unet'"):
        load_model(make_cell("unet"), checkpoint)


def test_a_checkpoint_of_another_width_is_refused(checkpoint, make_cell):
    wider = make_cell("biclip", model_settings={**make_cell().model_settings, "width": 8})
    with pytest.raises(UserError, match=r"does not fit model 'biclip'.*tensors differ"):
        load_model(wider, checkpoint)


def test_a_damaged_checkpoint_is_named(checkpoint, tmp_path):
    cell, _ = read_checkpoint(checkpoint)
    (tmp_path / "weights.safetensors").write_bytes((checkpoint / "weights.safetensors").read_bytes()[:500])
    with pytest.raises(UserError, match="damaged or no safetensors"):
        load_model(cell, tmp_path)
    with pytest.raises(UserError, match="no weights at"):
        load_model(cell, tmp_path / "empty")


def test_a_checkpoint_with_missing_tensors_is_refused(checkpoint, tmp_path):
    cell, _ = read_checkpoint(checkpoint)
    weights = load_file(checkpoint / "weights.safetensors")
    weights.popitem()
    save_file(weights, tmp_path / "weights.safetensors", metadata={"model": "biclip"})
    with pytest.raises(UserError, match="1 tensors differ"):
        load_model(cell, tmp_path)


def test_an_edited_description_is_noticed(checkpoint, tmp_path):
    description = json.loads((checkpoint / "cell.json").read_text())
    description["cell"]["labels"] = 1.0
    (tmp_path / "cell.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="does not fit its own key"):
        read_checkpoint(tmp_path)
    (tmp_path / "cell.json").write_text("{")
    with pytest.raises(UserError, match="damaged or of another version"):
        read_checkpoint(tmp_path)
    with pytest.raises(UserError, match="no checkpoint folder"):
        read_checkpoint(tmp_path / "nothing")
