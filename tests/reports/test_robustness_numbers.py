"""Robustness summaries against independent computations and their laws."""

import numpy as np
import pandas as pd
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.inference.conditions import mean_of_worst
from biclip_bench.reports.inference.label_efficiency import area_over_labels, labels_to_reach
from biclip_bench.reports.inference.robustness import crossing

DICE = st.floats(0, 1)


@pytest.fixture
def wide(make_frame):
    """Three models, two corruptions, two label fractions."""
    return make_frame(models=("a", "b", "unet"), corruptions=("motion", "fog"), labels=(10.0, 100.0))


def curve_of(frame, **chosen):
    rows = frame[np.logical_and.reduce([frame[name] == value for name, value in chosen.items()])]
    return rows.groupby("severity")["dice"].mean()


def test_drop_is_the_slope_of_a_straight_line(wide):
    summary = robustness_summary(wide)
    for row in summary.itertuples():
        clean = wide["corruption"] == "clean"
        curve = curve_of(wide[clean | (wide["corruption"] == row.corruption)], model=row.model, labels=row.labels)
        assert row.dice_drop == pytest.approx(-scipy.stats.linregress(curve.index, curve).slope)
        assert row.dice_drop_low < row.dice_drop < row.dice_drop_high


def test_corruption_errors_by_the_papers_formula(wide):
    analysis = analyse(wide)
    assert analysis.reference == "unet"
    summary = analysis.summary.set_index(["model", "labels", "corruption"])

    def errors(model, labels, corruption):
        curve = curve_of(wide, model=model, labels=labels, corruption=corruption)
        clean = curve_of(wide, model=model, labels=labels, corruption="clean")[0]
        return (1 - curve).sum(), ((1 - curve) - (1 - clean)).sum()

    for key, row in summary.iterrows():
        own, reference = errors(*key), errors("unet", *key[1:])
        assert row["corruption_error"] == pytest.approx(own[0] / reference[0])
        assert row["relative_corruption_error"] == pytest.approx(own[1] / reference[1])
    overall = analysis.overall.set_index(["model", "labels"])
    means = summary.groupby(level=["model", "labels"]).mean(numeric_only=True)
    assert overall.loc[("unet", 10.0), "mean_corruption_error"] == pytest.approx(1)
    pd.testing.assert_series_equal(
        overall["mean_corruption_error"], means["corruption_error"], check_names=False, check_index=True
    )


def test_a_reference_without_the_corruption_gives_no_error(wide):
    part = wide[~((wide["model"] == "unet") & (wide["corruption"] == "fog"))]
    summary = robustness_summary(part, resamples=0).set_index(["model", "corruption"])
    assert summary.loc["a"].loc["fog", "corruption_error"].isna().all()
    assert summary.loc["a"].loc["motion", "corruption_error"].notna().all()
    none = robustness_summary(wide, resamples=0, reference="a")
    assert none.loc[none["model"] == "a", "corruption_error"].to_numpy() == pytest.approx(1)


@pytest.mark.parametrize(
    ("clean", "curve", "severities", "expected"),
    [
        (0.9, [0.8, 0.6, 0.5], [1, 2, 3], (2, 1.5)),
        (0.9, [0.8, 0.6], [1, 5], (5, 3)),
        (0.6, [0.8], [1], (0, 0)),
        (0.9, [0.8, 0.7], [1, 2], (np.nan, np.nan)),
        (np.nan, [0.6, 0.5], [2, 3], (2, 2)),
        (0.9, [0.6, 0.8, 0.5], [1, 2, 3], (1, 2 / 3)),
    ],
)
def test_where_the_bar_is_crossed(clean, curve, severities, expected):
    assert crossing(0.7, clean, np.array(curve), severities) == pytest.approx(expected, nan_ok=True)


@settings(deadline=None)
@given(DICE, st.lists(DICE, min_size=1, max_size=5), DICE)
def test_the_crossing_lies_in_the_step_that_goes_below(clean, curve, bar):
    severities = list(range(1, len(curve) + 1))
    first, position = crossing(bar, clean, np.array(curve), severities)
    if np.isnan(first):
        assert min(clean, *curve) >= bar
    else:
        assert max(first - 1, 0) <= position <= first
        assert [clean, *curve][int(first)] < bar


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(DICE, min_size=1, max_size=40), min_size=1, max_size=4))
def test_worst_tenth_by_sorting(groups):
    place = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    values = np.concatenate([np.array(group) for group in groups])
    order = np.random.default_rng(0).permutation(len(values))
    found = mean_of_worst(place[order], values[order])
    expected = [np.mean(sorted(group)[: -(-len(group) // 10)]) for group in groups]
    assert found == pytest.approx(expected)


def test_worst_tenth_of_each_training_is_averaged(make_frame):
    frame = make_frame(seeds=(0, 1, 2))
    scores = condition_scores(frame, resamples=0).set_index(["model", "corruption", "severity"])
    for key, rows in frame.groupby(["model", "corruption", "severity"]):
        worst = [np.sort(part["dice"])[:4].mean() for _, part in rows.groupby("seed")]
        assert scores.loc[key, "dice_worst_decile"] == pytest.approx(np.mean(worst))
        means = rows.groupby("seed")["dice"].mean()
        assert scores.loc[key, "dice_seed_sd"] == pytest.approx(means.std())
        assert scores.loc[key, "n_trainings"] == 3
    summary = robustness_summary(frame, resamples=0).set_index("model")
    corrupted = scores["dice_worst_decile"].loc["model A"].loc["motion"]
    assert summary.loc["model A", "dice_worst_decile_corrupted"] == pytest.approx(corrupted.mean())


def test_further_scores_are_means_of_what_is_known(make_frame):
    frame = make_frame()
    generator = np.random.default_rng(0)
    signed = generator.uniform(-0.5, 0.5, len(frame))
    unknown = generator.random(len(frame)) < 0.3
    frame = frame.assign(
        hd95=generator.exponential(5, len(frame)),
        nsd=generator.random(len(frame)),
        sensitivity=np.where(unknown, np.nan, generator.random(len(frame))),
        precision=generator.random(len(frame)),
        area_error=signed,
    )
    scores = condition_scores(frame).set_index(["model", "corruption", "severity"])
    for key, rows in frame.groupby(["model", "corruption", "severity"]):
        row = scores.loc[key]
        for column in ("hd95", "nsd", "sensitivity", "precision", "area_error"):
            assert row[f"{column}_mean"] == pytest.approx(rows[column].mean()), column
        assert row["area_error_absolute"] == pytest.approx(rows["area_error"].abs().mean())
        true, extra, missed = (rows[name].sum() for name in ("true_positive", "false_positive", "false_negative"))
        assert row["sensitivity_pooled"] == pytest.approx(true / (true + missed))
        assert row["precision_pooled"] == pytest.approx(true / (true + extra))
        assert row["hd95_low"] < row["hd95_mean"] < row["hd95_high"]
        assert row["nsd_low"] < row["nsd_mean"] < row["nsd_high"]
    assert scores["ece_mean"].isna().all()
    summary = robustness_summary(frame, resamples=0).set_index("model")
    assert summary.loc["model A", "hd95_clean"] == pytest.approx(scores.loc[("model A", "clean", 0), "hd95_mean"])
    assert summary.loc["model A", "nsd_corrupted"] == pytest.approx(
        scores["nsd_mean"].loc["model A"].loc["motion"].mean()
    )


def test_overall_is_the_mean_over_shared_corruptions(wide):
    part = wide[~((wide["model"] == "a") & (wide["corruption"] == "fog") & (wide["labels"] == 10))]
    analysis = analyse(part)
    overall = analysis.overall.set_index(["model", "labels"])
    summary = analysis.summary.set_index(["model", "labels", "corruption"])
    assert overall["n_corruptions"].unstack("labels").to_numpy().tolist() == [[1, 2]] * 3
    row = overall.loc[("b", 100.0)]
    both = summary.loc[("b", 100.0)]
    assert row["dice_corrupted"] == pytest.approx(both["dice_corrupted"].mean())
    assert row["dice_retention"] == pytest.approx(both["dice_corrupted"].mean() / row["dice_clean"])
    assert row["dice_area"] == pytest.approx(both["dice_area"].mean())
    assert row["iou_corrupted"] == pytest.approx(both["iou_corrupted"].mean())
    assert row["dice_corrupted_low"] < row["dice_corrupted"] < row["dice_corrupted_high"]
    assert overall.loc[("b", 10.0), "dice_corrupted"] == pytest.approx(
        summary.loc[("b", 10.0, "motion"), "dice_corrupted"]
    )


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0]), min_size=2, max_size=6, unique=True),
    st.data(),
)
def test_label_efficiency_by_integration_and_interpolation(labels, data):
    labels = np.sort(np.array(labels))
    dice = np.array(data.draw(st.lists(DICE, min_size=len(labels), max_size=len(labels))))
    position = np.log10(labels)
    area = scipy.integrate.trapezoid(dice, position) / (position[-1] - position[0])
    assert area_over_labels(labels, dice) == pytest.approx(area)
    goal = data.draw(DICE)
    needed = labels_to_reach(goal, labels, dice)
    if np.isnan(needed):
        assert dice.max() < goal
    else:
        assert labels[0] <= needed <= labels[-1]
        assert np.interp(np.log10(needed), position, dice) >= goal - 1e-6


def test_labels_that_match_the_reference(wide):
    analysis = analyse(wide)
    table = analysis.efficiency.set_index(["model", "corruption"])
    assert set(table["fractions"]) == {"10 100"}
    assert set(table["reference"]) == {"unet"}
    own = table.loc["unet", "labels_to_match"]
    assert ((own >= 10) & (own <= 100)).all()
    only = wide[wide["labels"] == 100]
    assert analyse(only).efficiency.empty
    with_reference = analyse(wide, AnalysisOptions(reference="a")).efficiency
    assert set(with_reference["reference"]) == {"a"}


def test_ranks_are_those_of_the_means_and_clear_ones_are_stable(make_frame):
    frame = make_frame(models=("c", "b", "a"), corruptions=("motion", "fog"), groups=30)
    analysis = analyse(frame)
    corrupted = analysis.overall.set_index("model")["dice_corrupted"].rank(ascending=False)
    everything = analysis.ranks[analysis.ranks["corruption"] == "all"].set_index("model")
    assert everything["rank"].to_dict() == corrupted.to_dict()
    assert (everything["rank_low"] == everything["rank"]).all()
    assert (everything["rank_high"] == everything["rank"]).all()
    assert everything.loc["c", "first_share"] == 1
    for _, target in analysis.ranks.groupby("corruption"):
        assert target["first_share"].sum() == pytest.approx(1)
        assert ((target["rank_low"] <= target["rank"]) & (target["rank"] <= target["rank_high"])).all()
    assert set(analysis.ranks["n_models"]) == {3}


def test_equal_models_share_their_rank_and_the_first_place(make_frame):
    one = make_frame(models=("a",))
    ranks = analyse(pd.concat([one, one.assign(model="b")])).ranks
    assert set(ranks["rank"]) == {1}
    assert ranks["first_share"].to_numpy() == pytest.approx(0.5)
    few = analyse(make_frame(groups=5)).ranks
    assert few[["rank_low", "rank_high", "first_share"]].isna().all(axis=None)
    assert few["rank"].notna().all()
