"""What is said about intervals is true of them."""

import pandas as pd
import pytest

from biclip_bench.reports import condition_scores
from biclip_bench.reports.inference.resampling import MINIMUM_GROUPS, MINIMUM_TRAININGS
from biclip_bench.reports.wording import FEW_PATIENTS, interval_scope, interval_text, listed, p_text, points

ENOUGH = range(MINIMUM_TRAININGS)


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ((0,), "over patients. They hold for these trained models: 1 seed is too few to say how another training"),
        ((0, 1, 2), "over patients. They hold for these trained models: 3 seeds are too few to say how another"),
        (ENOUGH, "95% bootstrap intervals over patients and seeds."),
    ],
)
def test_intervals_say_what_they_are_over_and_hold_for(make_frame, seeds, says):
    scores = condition_scores(make_frame(seeds=seeds), resamples=50)
    assert says in interval_text(scores, 0.95)
    assert interval_scope(scores) in interval_text(scores, 0.95).replace("95% bootstrap intervals", "Intervals are")
    assert ("these trained models" in interval_text(scores, 0.95)) == (len(seeds) < MINIMUM_TRAININGS)


def test_where_only_some_trainings_are_too_few_both_are_said(make_frame):
    frame = make_frame(seeds=ENOUGH)
    scores = condition_scores(frame[(frame["model"] == "model A") | (frame["seed"] < 2)], resamples=50)
    text = interval_text(scores, 0.9)
    assert text.startswith("90% bootstrap intervals over patients and seeds. Where trainings are too few they hold for")
    assert "2 seeds are too few" in text


def test_without_intervals_the_reason_is_given(make_frame):
    assert interval_text(condition_scores(make_frame(groups=MINIMUM_GROUPS - 1)), 0.95) == FEW_PATIENTS
    without = condition_scores(make_frame(), resamples=0)
    assert interval_text(without, 0.95) == "No intervals were computed."
    assert interval_scope(without) == ""


def test_draws_are_named(make_frame):
    frame = make_frame()
    several = [frame.assign(draw=draw) for draw in ENOUGH]
    scores = condition_scores(pd.concat(several), resamples=50)
    assert "over patients and draws." in interval_text(scores, 0.95)


@pytest.mark.parametrize(
    ("value", "printed"),
    [(0.0004, "p < 0.001"), (0.021, "p = 0.021"), (0.3456, "p = 0.35"), (1.0, "p = 1"), (float("nan"), "")],
)
def test_p_values_are_printed_to_two_digits(value, printed):
    assert p_text(value) == printed


def test_differences_are_in_percentage_points():
    assert points(0.054) == "5.4 points"
    assert points(0.01) == "1.0 point"
    assert points(-0.0001) == "0.0 points"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
