import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from monai.metrics.meandice import compute_dice
from monai.metrics.meaniou import compute_iou

from biclip_bench.benchmark.scores import score_cases

MASKS = hnp.arrays(bool, (3, 7, 5), elements=st.booleans())


@given(MASKS, MASKS)
def test_dice_and_iou_agree_with_monai(prediction, truth):
    scores = score_cases(prediction, truth)
    one_hot = [torch.from_numpy(mask[:, None]).float() for mask in (prediction, truth)]
    # MONAI leaves a score undefined where the truth is empty; our rule for that is tested below.
    defined = truth.any(axis=(1, 2))
    dice = compute_dice(*one_hot)[:, 0].numpy()
    iou = compute_iou(*one_hot)[:, 0].numpy()
    np.testing.assert_allclose(scores["dice"][defined], dice[defined], atol=1e-6)
    np.testing.assert_allclose(scores["iou"][defined], iou[defined], atol=1e-6)


def test_empty_masks_follow_the_stated_rule():
    empty, full = np.zeros((1, 4, 4), bool), np.ones((1, 4, 4), bool)
    assert score_cases(empty, empty)[["dice", "iou"]].to_numpy().tolist() == [[1.0, 1.0]]
    assert score_cases(full, empty)[["dice", "iou"]].to_numpy().tolist() == [[0.0, 0.0]]
    assert score_cases(empty, full)[["dice", "iou"]].to_numpy().tolist() == [[0.0, 0.0]]


@given(MASKS, MASKS)
def test_counts_add_up(prediction, truth):
    scores = score_cases(prediction, truth)
    assert (scores["true_area"] == truth.sum(axis=(1, 2))).all()
    assert (scores["predicted_area"] == prediction.sum(axis=(1, 2))).all()
    assert (scores["true_positive"] + scores["false_negative"] == scores["true_area"]).all()


def test_other_shapes_and_types_are_refused():
    with pytest.raises(ValueError, match="bool and of one shape"):
        score_cases(np.zeros((1, 4, 4), bool), np.zeros((1, 4, 5), bool))
    with pytest.raises(ValueError, match="bool and of one shape"):
        score_cases(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)))
