import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from monai.metrics.meandice import compute_dice
from monai.metrics.meaniou import compute_iou
from torchmetrics.functional.classification import (
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
)

from biclip_bench.benchmark.scores import overlap_scores, score_cases
from biclip_bench.reports.frame import FURTHER_RANGES, FURTHER_SCORES, SCORE_COLUMNS

MASKS = hnp.arrays(bool, (3, 7, 5), elements=st.booleans()).map(torch.from_numpy)
EMPTY, FULL = torch.zeros(1, 4, 3, dtype=torch.bool), torch.ones(1, 4, 3, dtype=torch.bool)


@given(MASKS, MASKS)
def test_dice_and_iou_agree_with_monai(prediction, truth):
    scores = overlap_scores(prediction, truth)
    one_hot = [masks[:, None].float() for masks in (prediction, truth)]
    # MONAI leaves a score undefined where the truth is empty; our rule for that is tested below.
    defined = truth.flatten(1).any(dim=1).numpy()
    dice = compute_dice(*one_hot)[:, 0].numpy()
    iou = compute_iou(*one_hot)[:, 0].numpy()
    np.testing.assert_allclose(scores["dice"][defined], dice[defined], atol=1e-6)
    np.testing.assert_allclose(scores["iou"][defined], iou[defined], atol=1e-6)


@given(MASKS, MASKS)
def test_overlap_agrees_with_torchmetrics(prediction, truth):
    scores = score_cases(prediction, truth)
    for row, predicted, true in zip(scores.itertuples(), prediction, truth, strict=True):
        pair = predicted.int(), true.int()
        if predicted.any() or true.any():
            assert row.dice == pytest.approx(binary_f1_score(*pair).item(), abs=1e-6)
            assert row.iou == pytest.approx(binary_jaccard_index(*pair).item(), abs=1e-6)
        if true.any():
            assert row.sensitivity == pytest.approx(binary_recall(*pair).item(), abs=1e-6)
        if predicted.any():
            assert row.precision == pytest.approx(binary_precision(*pair).item(), abs=1e-6)


@pytest.mark.parametrize(
    ("prediction", "truth", "overlap", "hd95", "sensitivity", "precision", "area_error"),
    [
        (EMPTY, EMPTY, 1.0, 0.0, np.nan, np.nan, 0.0),
        (FULL, EMPTY, 0.0, 5.0, np.nan, 0.0, 1.0),
        (EMPTY, FULL, 0.0, 5.0, 0.0, np.nan, -1.0),
        (FULL, FULL, 1.0, 0.0, 1.0, 1.0, 0.0),
    ],
)
def test_empty_masks_follow_the_stated_rule(prediction, truth, overlap, hd95, sensitivity, precision, area_error):
    (row,) = score_cases(prediction, truth).itertuples()
    assert (row.dice, row.iou, row.nsd, row.hd95, row.area_error) == (overlap, overlap, overlap, hd95, area_error)
    np.testing.assert_equal((row.sensitivity, row.precision), (sensitivity, precision))


@given(MASKS, MASKS)
def test_counts_add_up(prediction, truth):
    scores = score_cases(prediction, truth)
    assert (scores["true_area"] == truth.sum(dim=(1, 2)).numpy()).all()
    assert (scores["predicted_area"] == prediction.sum(dim=(1, 2)).numpy()).all()
    assert (scores["true_positive"] + scores["false_negative"] == scores["true_area"]).all()
    assert (scores["area_error"] * 35 - (scores["predicted_area"] - scores["true_area"])).abs().max() < 1e-12


@given(MASKS, MASKS, hnp.arrays(np.float32, (3, 7, 5), elements=st.floats(0, 1, width=32)).map(torch.from_numpy))
def test_every_score_lies_in_its_range_and_only_the_named_ones_may_be_undefined(prediction, truth, probability):
    scores = score_cases(prediction, truth, probability, pixel_size=0.7)
    for name in (*SCORE_COLUMNS, *FURTHER_SCORES):
        low, high = FURTHER_RANGES.get(name, (0.0, 1.0))
        assert scores[name].dropna().between(low, high).all()
    assert not scores.drop(columns=["sensitivity", "precision"]).isna().to_numpy().any()


@given(MASKS, MASKS, hnp.arrays(np.float32, (3, 7, 5), elements=st.floats(0, 1, width=32)).map(torch.from_numpy))
def test_a_case_has_the_same_bits_alone_and_in_any_batch(prediction, truth, probability):
    whole = score_cases(prediction, truth, probability)
    for case in range(3):
        chosen = slice(case, case + 1)
        alone = score_cases(prediction[chosen], truth[chosen], probability[chosen])
        np.testing.assert_array_equal(alone.iloc[0].to_numpy(), whole.iloc[case].to_numpy())


def test_masks_alone_have_no_calibration():
    assert score_cases(FULL, FULL)["ece"].isna().all()


def test_other_shapes_and_types_are_refused():
    with pytest.raises(ValueError, match="bool and of one shape"):
        score_cases(EMPTY, torch.zeros(1, 4, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match="bool and of one shape"):
        score_cases(EMPTY.float(), EMPTY.float())
