import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biclip_bench.errors import UserError
from biclip_bench.reports.frame import COLUMNS, FURTHER_SCORES, dice_of_counts, iou_of_counts, validate_frame


def test_the_order_of_rows_and_extra_columns_do_not_matter(frame):
    shuffled = frame.sample(frac=1, random_state=0).assign(scanner="unknown")
    pd.testing.assert_frame_equal(validate_frame(frame), validate_frame(shuffled))
    assert list(validate_frame(frame).columns) == [*COLUMNS, *FURTHER_SCORES]


def test_counts_read_from_a_file_as_floats_and_case_numbers_are_taken(frame):
    loose = frame.assign(severity=frame["severity"].astype(float), case=frame["case"].str[5:].astype(int))
    checked = validate_frame(loose)
    assert checked["severity"].dtype == np.int64
    assert set(checked["case"]) == {str(number) for number in range(36)}


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("severity", 6, "severity = .*6.* is not between 0 and 5"),
        ("severity", 1, "corruption = 'clean' contradicts the row's severity"),
        ("severity", 0.5, "is not a whole number"),
        ("corruption", "motion", "corruption = 'motion' contradicts"),
        ("labels", 0.0, "labels = .* is not a percentage"),
        ("labels", 101.0, "labels = .* is not a percentage"),
        ("dice", 1.2, r"is not in \[0, 1\]"),
        ("dice", 0.01, "contradicts the row's true_positive"),
        ("iou", np.nan, "iou = .*nan.* is empty"),
        ("false_positive", -1, "is negative"),
        ("group", None, "group = .* is empty"),
        ("group", " ", "group = ' ' is empty"),
        ("hd95", -0.5, r"is not in \[0, inf\]"),
        ("ece", "small", "is not a number"),
        ("area_error", 1.5, r"is not in \[-1, 1\]"),
        ("seed", "first", "seed = 'first' is not a finite number"),
        ("group", "patient-011", "Case 'case-004' .* belongs to the groups patient-001, patient-011"),
        ("case", "case-003", "Case 'case-003' occurs twice for model 'model A' at 100% labels, seed 0, clean 0"),
    ],
)
def test_a_defect_is_named_with_its_row(frame, column, value, says):
    spoiled = frame.assign(**dict.fromkeys(FURTHER_SCORES, 0.25)).astype({column: object})
    spoiled.loc[4, column] = value
    with pytest.raises(UserError, match=says) as caught:
        validate_frame(spoiled)
    assert "row 5" in str(caught.value) or "case-00" in str(caught.value)


def test_scores_from_before_the_further_ones_are_taken_without_them(frame):
    assert validate_frame(frame)[list(FURTHER_SCORES)].isna().all(axis=None)
    kept = validate_frame(frame.assign(hd95=3.0, sensitivity=np.nan))
    assert (kept["hd95"] == 3.0).all()
    assert kept["sensitivity"].isna().all()


def test_missing_columns_are_listed(frame):
    with pytest.raises(UserError, match=r"lacks the column\(s\) group, iou"):
        validate_frame(frame.drop(columns=["iou", "group"]))
    with pytest.raises(UserError, match="no rows"):
        validate_frame(frame.iloc[:0])


masks = arrays(bool, (4, 5))


@given(truth=masks, predicted=masks)
def test_scores_from_counts_are_those_of_the_sets_of_pixels(truth, predicted):
    a, b = set(np.flatnonzero(truth)), set(np.flatnonzero(predicted))
    overlap, errors = pd.Series([len(a & b)]), pd.Series([len(a ^ b)])
    dice, iou = dice_of_counts(overlap, errors)[0], iou_of_counts(overlap, errors)[0]
    if not a | b:
        assert dice == iou == 1
    else:
        assert iou == pytest.approx(len(a & b) / len(a | b))
        assert dice == pytest.approx(2 * iou / (1 + iou))


@given(st.integers(0, 2**31))
def test_an_empty_truth_scores_one_only_without_false_positives(false_positive):
    dice = dice_of_counts(pd.Series([0]), pd.Series([false_positive]))[0]
    assert dice == (1 if false_positive == 0 else 0)
