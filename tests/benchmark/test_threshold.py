"""The threshold is chosen on clean validation cases alone, by the stated rule, and then used as given."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from biclip_bench.benchmark.cells import EvaluationCell, OutsideModel
from biclip_bench.benchmark.datasets.base import cases_of
from biclip_bench.benchmark.evaluation import evaluate_cell
from biclip_bench.benchmark.masks import decode_mask
from biclip_bench.benchmark.prediction import masks_above, probabilities_of
from biclip_bench.benchmark.threshold import CANDIDATES, best_threshold, check_validation_cases, resolved_threshold
from biclip_bench.errors import UserError
from biclip_bench.models import Batch, SegmentationModel

CPU = torch.device("cpu")


class Bright(SegmentationModel):
    """The brighter a pixel, the more probably lesion."""

    uses_text = False
    paper = "none"

    def forward(self, batch: Batch) -> torch.Tensor:
        return 6 * (batch.image[:, :1] - 0.5)

    def training_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        raise AssertionError("not trained")


class Watched:
    """A data set that notes which cases are loaded."""

    def __init__(self, dataset) -> None:
        self.dataset, self.loaded = dataset, []

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def load(self, case):
        self.loaded.append(case)
        return self.dataset.load(case)


@pytest.fixture
def cell(make_cell):
    return make_cell(model_settings={**make_cell().model_settings, "image_size": 64})


def mean_dice_of_validation(phantom, threshold):
    """Computed anew from the images alone."""
    low, high = phantom.context.window
    found = []
    for name in cases_of(phantom, "val"):
        case = phantom.load(name)
        seen = np.clip((case.image[0] - low) / (high - low), 0, 1)
        predicted = 1 / (1 + np.exp(-6 * (seen.astype(np.float64) - 0.5))) > threshold
        total = predicted.sum() + case.mask.sum()
        found.append(2 * (predicted & case.mask).sum() / total if total else 1.0)
    return np.mean(found)


def test_it_has_the_best_mean_dice_of_the_candidates(cell, phantom):
    chosen = resolved_threshold("validation", Bright(), cell, phantom, CPU)
    dice = {each: mean_dice_of_validation(phantom, each) for each in CANDIDATES}
    assert dice[chosen] == pytest.approx(max(dice.values()))
    assert chosen != 0.5


def test_no_test_or_training_case_is_seen(cell, phantom):
    watched = Watched(phantom)
    resolved_threshold("validation", Bright(), cell, watched, CPU)
    assert watched.loaded == cases_of(phantom, "val")


def test_a_scaled_validation_part_chooses_with_its_own_cases(cell, phantom):
    few = tuple(cases_of(phantom, "val")[:2])
    watched = Watched(phantom)
    resolved_threshold("validation", Bright(), replace(cell, validation=few), watched, CPU)
    assert tuple(watched.loaded) == few
    elsewhere = replace(cell, validation=("case of another data set",), fingerprint="0" * 64)
    assert resolved_threshold("validation", Bright(), elsewhere, phantom, CPU) in CANDIDATES


def test_a_number_is_itself_and_looks_at_nothing(cell, phantom):
    watched = Watched(phantom)
    assert resolved_threshold(0.3, Bright(), cell, watched, CPU) == 0.3
    assert watched.loaded == []


@given(hnp.arrays(np.float64, (4, len(CANDIDATES)), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
def test_of_several_best_the_one_nearest_to_a_half_wins(dice):
    means = dice.mean(axis=0)
    best = [each for each, mean in zip(CANDIDATES, means, strict=True) if mean == means.max()]
    chosen = best_threshold(dice)
    assert chosen in best
    assert abs(chosen - 0.5) <= min(abs(each - 0.5) for each in best) + 1e-12
    assert best_threshold(dice[::-1]) == chosen


def test_the_candidates_are_twentieths_and_a_flat_score_keeps_a_half():
    assert pytest.approx(np.arange(0.05, 0.96, 0.05)) == CANDIDATES
    assert best_threshold(np.ones((3, len(CANDIDATES)))) == 0.5


def test_without_validation_cases_a_number_is_asked_for(cell, phantom):
    class Tests:
        name = "mine"
        index = phantom.index[phantom.index["part"] == "test"]

    with pytest.raises(UserError, match="--threshold validation: the data set 'mine' has no validation cases"):
        check_validation_cases("validation", Tests())
    check_validation_cases(0.5, Tests())


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.85])
def test_the_masks_are_where_the_probability_exceeds_it(threshold, cell, phantom):
    scores, masks = evaluate_cell(EvaluationCell(cell), phantom, Bright(), CPU, threshold)
    low, high = phantom.context.window
    for row, png in zip(scores.itertuples(), masks["png"], strict=True):
        seen = np.clip((phantom.load(row.case).image[0] - low) / (high - low), 0, 1)
        probability = 1 / (1 + np.exp(-6 * (seen.astype(np.float64) - 0.5)))
        clear = np.abs(probability - threshold) > 1e-6
        np.testing.assert_array_equal(decode_mask(png)[clear], (probability > threshold)[clear])
        assert row.predicted_area == decode_mask(png).sum()


def test_logits_and_probabilities_of_one_model_give_the_same():
    logits = torch.linspace(-8, 8, 1001)[None, None]
    less_a_half = logits.sigmoid() - 0.5
    torch.testing.assert_close(probabilities_of(less_a_half, "probabilities"), probabilities_of(logits))
    for threshold in (0.1, 0.5, 0.9):
        both = [masks_above(values, threshold, kind) for values, kind in
                ((logits, "logits"), (less_a_half, "probabilities"))]  # fmt: skip
        assert (both[0] != both[1]).sum() <= 1
        assert both[0].sum() == (logits.sigmoid() > threshold).sum()


def test_only_another_threshold_than_a_half_is_part_of_an_evaluations_key(cell):
    outside = OutsideModel("mine", 100.0, 0, "weights", "0" * 64, "logits", 64)
    for source in (cell, outside):
        keys = [EvaluationCell(source, threshold=each).key for each in (0.5, 0.4, "validation")]
        assert len(set(keys)) == 3
        assert keys[0] == EvaluationCell(source).key
        assert "threshold" not in EvaluationCell(source).identity()
