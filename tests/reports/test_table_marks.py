import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.reports.tables.marks import HIGHER, LOWER, NEITHER, mark_best
from biclip_bench.reports.tables.number_cells import number_cell, number_text
from biclip_bench.reports.tables.result_table import TableRow
from biclip_bench.reports.tables.signs import PairedTests, marks_note, scope_note, with_signs


def rows_of(values, labels="100%"):
    return [
        TableRow(f"model {place}", labels, False, (number_cell(value, factor=1.0),))
        for place, value in enumerate(values)
    ]


def marks_of(rows, order=HIGHER, blind=()):
    return [row.cells[0].mark for row in mark_best(rows, [order], blind)]


def test_best_and_second_are_the_highest_or_the_lowest():
    assert marks_of(rows_of([80.0, 82.5, 81.0])) == ["", "best", "second"]
    assert marks_of(rows_of([80.0, 82.5, 81.0]), LOWER) == ["best", "", "second"]
    assert marks_of(rows_of([80.0, 82.5, 81.0]), NEITHER) == ["", "", ""]


def test_numbers_that_print_alike_share_their_place_and_two_bests_leave_no_second():
    assert marks_of(rows_of([82.54, 82.46, 70.0])) == ["best", "best", ""]
    assert marks_of(rows_of([90.0, 82.54, 82.46])) == ["best", "second", "second"]
    assert marks_of(rows_of([82.54, 82.46])) == ["", ""]


def test_a_missing_number_and_a_lone_model_have_no_place():
    assert marks_of(rows_of([np.nan, 82.0, 81.0])) == ["", "best", "second"]
    assert marks_of(rows_of([np.nan, 82.0])) == ["", ""]


def test_a_model_that_never_sees_the_image_takes_no_place():
    assert marks_of(rows_of([99.0, 82.0, 81.0]), blind=["model 0"]) == ["", "best", "second"]


def test_each_label_fraction_has_its_own_best():
    rows = [*rows_of([50.0, 60.0], "1%"), *rows_of([80.0, 70.0], "100%")]
    assert marks_of(rows) == ["second", "best", "best", "second"]


@given(st.lists(st.floats(0, 100), min_size=2, max_size=8))
def test_no_number_prints_better_than_the_best(values):
    rows = mark_best(rows_of(values), [HIGHER], ())
    printed = [float(row.cells[0].text) for row in rows]
    best = [value for value, row in zip(printed, rows, strict=True) if row.cells[0].mark == "best"]
    if len(set(printed)) > 1:
        assert set(best) == {max(printed)}
        assert len(best) == printed.count(max(printed))
    else:
        assert not best


@given(st.floats(-1e4, 1e4), st.integers(0, 3))
def test_no_number_is_a_negative_zero(value, digits):
    for signed in (False, True):
        text = number_text(value, digits, signed=signed)
        assert float(text) == pytest.approx(value, abs=0.51 * 10**-digits)
        assert float(text) != 0 or text[0] not in "+-"


def comparison(a, b, *, significant, labels=100.0, corruption="motion", scope="trained models", p=0.01):
    return {
        "labels": labels,
        "corruption": corruption,
        "model_a": a,
        "model_b": b,
        "p_holm": p,
        "significant": significant,
        "scope": scope,
        "verdict": "not settled",
    }


ROWS = rows_of([80.0, 85.0, 70.0])
TESTS = pd.DataFrame(
    [
        comparison("model 0", "model 1", significant=False),
        comparison("model 0", "model 2", significant=True),
        comparison("model 1", "model 2", significant=True),
        comparison("model 0", "model 1", significant=True, corruption="clean"),
        comparison("model 0", "model 1", significant=True, labels=1.0),
    ]
)


def signs_of(tests, condition="motion", blind=()):
    return [row.cells[0].significance for row in with_signs(ROWS, 0, condition, tests, blind)]


def test_a_star_is_a_significant_difference_from_the_best_of_the_same_condition_and_labels():
    assert signs_of(PairedTests(TESTS)) == ["", "", "*"]
    assert signs_of(PairedTests(TESTS), "clean") == ["*", "", ""]
    assert signs_of(PairedTests(TESTS), "low-dose-ct") == ["", "", ""]


def test_with_a_reference_the_star_is_a_difference_from_it():
    assert signs_of(PairedTests(TESTS, reference="model 2")) == ["*", "*", ""]


def test_a_model_that_never_sees_the_image_is_no_best_to_differ_from():
    assert signs_of(PairedTests(TESTS), blind=["model 1"]) == ["", "", "*"]
    assert signs_of(PairedTests(TESTS), "clean", blind=["model 1"]) == ["", "*", ""]


def test_without_tests_there_is_no_star_and_the_note_says_so():
    few = TESTS.assign(p_holm=np.nan, significant=False, verdict="too few patients")
    for tests, words in (
        (PairedTests(pd.DataFrame()), "No difference between models was tested."),
        (PairedTests(few), "No difference between models was tested: there are too few patients."),
    ):
        assert signs_of(tests) == ["", "", ""]
        assert words in marks_note(ROWS, tests, ())


def test_the_note_explains_what_is_there_and_nothing_else():
    rows = with_signs(mark_best(ROWS, [HIGHER], ()), 0, "motion", PairedTests(TESTS, level=0.9), ())
    note = marks_note(rows, PairedTests(TESTS, level=0.9), ())
    assert "Bold is the best of a column, underlined the second" in note
    assert "* marks a mean Dice that differs significantly from that of the best model" in note
    assert "p below 0.1 " in note
    assert "no evidence of a tie" in note
    assert "about these trained models" in note
    assert marks_note(ROWS, None, ()) == ""
    nothing = PairedTests(TESTS.assign(significant=False), reference="model 2")
    assert "No model's mean Dice was shown to differ from that of model 2" in marks_note(ROWS, nothing, ())


def test_the_scope_says_what_the_tests_are_about():
    assert "needs 5 trainings or more" in scope_note(TESTS)
    assert "are about methods" in scope_note(TESTS.assign(scope="methods"))
    mixed = TESTS.assign(scope=["methods"] + ["trained models"] * 4)
    assert "else about these trained models" in scope_note(mixed)
