"""The calibration error agrees with torchmetrics and tells a calibrated model from an overconfident one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchmetrics.classification import BinaryCalibrationError

from biclip_bench.benchmark.calibration_error import calibration_errors
from biclip_bench.benchmark.prediction import probabilities_of

SHAPE = (2, 6, 9)
FREE = st.floats(0, 1, width=32)
EDGES = st.sampled_from([np.float32(step / 15) for step in range(16)] + [np.float32(step / 255) for step in range(256)])
MAPS = hnp.arrays(np.float32, SHAPE, elements=FREE | EDGES).map(torch.from_numpy)
MASKS = hnp.arrays(bool, SHAPE, elements=st.booleans()).map(torch.from_numpy)


@given(MAPS, MASKS)
def test_it_agrees_with_torchmetrics(probability, truth):
    for case, mask, found in zip(probability, truth, calibration_errors(probability, truth), strict=True):
        expected = BinaryCalibrationError(n_bins=15, norm="l1")(case, mask.int()).item()
        assert found == pytest.approx(expected, abs=2e-6)


@given(hnp.arrays(np.float32, SHAPE, elements=st.floats(-40, 40, width=32)).map(torch.from_numpy), MASKS)
def test_logits_give_what_their_probabilities_give(logits, truth):
    found = calibration_errors(probabilities_of(logits), truth)
    for case, mask, value in zip(logits, truth, found, strict=True):
        expected = BinaryCalibrationError(n_bins=15, norm="l1")(torch.sigmoid(case), mask.int()).item()
        assert value == pytest.approx(expected, abs=2e-6)


def simulated(pixels, distortion):
    """Truth that comes true as often as the probability says, which the model then reports distorted."""
    random = np.random.default_rng(0)
    probability = random.random((1, pixels, 1)).astype(np.float32)
    truth = torch.from_numpy(random.random(probability.shape) < probability)
    return float(calibration_errors(distortion(torch.from_numpy(probability)), truth)[0])


def test_a_calibrated_model_has_no_error_left_with_many_pixels():
    errors = [simulated(4**power, lambda probability: probability) for power in (5, 7, 9, 11)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3


def test_an_overconfident_model_has_the_error_that_its_distortion_makes():
    # p becomes a step at 0.5; the mean distance between p and the step is a quarter for p uniform in [0, 1].
    assert simulated(4**9, lambda probability: (probability > 0.5).float()) == pytest.approx(0.25, abs=2e-3)


@pytest.mark.parametrize("shape", [(1, 5, 5), (5, 600, 700)])
def test_right_and_certain_is_0_and_wrong_and_certain_is_1(shape):
    truth = torch.rand(shape, generator=torch.Generator().manual_seed(0)) > 0.5
    np.testing.assert_array_equal(calibration_errors(truth.float(), truth), np.zeros(shape[0]))
    np.testing.assert_array_equal(calibration_errors((~truth).float(), truth), np.ones(shape[0]))


def test_neither_the_order_of_the_pixels_nor_the_batch_changes_a_bit():
    generator = torch.Generator().manual_seed(0)
    logits, truth = torch.randn(9, 67, 71, generator=generator) * 4, torch.rand(9, 67, 71, generator=generator) > 0.7
    whole = calibration_errors(probabilities_of(logits), truth)
    alone = [calibration_errors(probabilities_of(logits[case, None]), truth[case, None])[0] for case in range(9)]
    np.testing.assert_array_equal(whole, alone)
    probability = probabilities_of(logits)
    np.testing.assert_array_equal(calibration_errors(probability.flip(1, 2), truth.flip(1, 2)), whole)
