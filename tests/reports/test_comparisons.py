"""Paired comparisons: what they call a difference, and how often they do so where there is none."""

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from biclip_bench.errors import UserError
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.inference.comparisons import METHODS, NOT_SETTLED, TOO_FEW, TRAINED_MODELS, compare_models
from biclip_bench.reports.inference.paired_tests import holm, rank_biserial, superiority, wilcoxon_p
from biclip_bench.reports.inference.resampling import MINIMUM_GROUPS, resample_scores

REPEATS = 500
CONDITIONS = (("clean", 0), ("motion", 2))


def comparisons_of(make_dice_frame, *, trainings, between, difference=0.0, seed=0, repeats=REPEATS, models=3):
    """Compare models of equal mean (but for the last, which is better) on 20 patients, in many data sets."""
    generator = np.random.default_rng(seed)
    shape = (repeats, models, trainings, 2, 20)
    patient = generator.normal(0.7, 0.08, (repeats, 1, 1, 1, 20))
    training = generator.normal(0, between, (repeats, models, trainings, 1, 1))
    dice = patient + training + generator.normal(0, 0.05, shape)
    dice[:, -1] += difference
    names = [f"model {number}" for number in range(models)]
    frame = validate_frame(make_dice_frame(dice, np.arange(20), models=names, conditions=CONDITIONS))
    resampled = resample_scores(frame, resamples=1000, seed=0, columns=("dice",))
    return compare_models(frame, resampled, level=0.95)


@pytest.mark.slow
def test_equal_trained_models_are_hardly_ever_called_different(make_dice_frame):
    """Six comparisons in each of 500 data sets: at most 5% of the data sets may have a significant one."""
    table = comparisons_of(make_dice_frame, trainings=1, between=0.0, seed=1)
    assert set(table["scope"]) == {TRAINED_MODELS}
    assert table.groupby("dataset")["significant"].any().mean() <= 0.05
    assert (table["p_value"] < 0.05).mean() == pytest.approx(0.05, abs=0.02)


@pytest.mark.slow
def test_equal_methods_are_hardly_ever_called_different_though_their_trainings_differ(make_dice_frame):
    table = comparisons_of(make_dice_frame, trainings=5, between=0.03, seed=2)
    assert set(table["scope"]) == {METHODS}
    assert table.groupby("dataset")["significant"].any().mean() <= 0.05
    # A test over patients alone takes lucky trainings for a better method.
    alone = table.groupby("dataset")["p_value"].transform(lambda family: holm(family.to_numpy()))
    assert (alone < 0.05).groupby(table["dataset"]).any().mean() > 0.3


@pytest.mark.parametrize(("trainings", "between"), [(1, 0.0), (5, 0.01)])
def test_a_real_difference_is_found(make_dice_frame, trainings, between):
    table = comparisons_of(
        make_dice_frame, trainings=trainings, between=between, difference=0.07, seed=3, repeats=60, models=2
    )
    assert (table["verdict"] == "b").mean() > 0.9
    assert not (table["verdict"] == "a").any()
    assert table["difference"].mean() == pytest.approx(-0.07, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1000, 1000).filter(bool), min_size=1, max_size=9, unique_by=abs))
def test_wilcoxon_agrees_with_counting_all_signs(values):
    differences = np.array(values) / 1000
    ranks = scipy.stats.rankdata(np.abs(differences))
    observed = ranks[differences > 0].sum()
    centre = ranks.sum() / 2
    sums = [np.array(signs) @ ranks for signs in product((0, 1), repeat=len(ranks))]
    expected = np.mean([abs(total - centre) >= abs(observed - centre) - 1e-9 for total in sums])
    assert wilcoxon_p(differences) == pytest.approx(expected)


def test_ties_and_zeros_give_a_p_value_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wilcoxon_p(np.zeros(12)) == 1
        assert wilcoxon_p(np.full(12, 1e-16)) == 1
        assert wilcoxon_p(np.array([0.1] * 12)) < 0.01
        assert wilcoxon_p(np.array([0.1, -0.1] * 6)) == 1
        assert 0 < wilcoxon_p(np.array([0.0, 0.0, 0.2, 0.2, -0.1, 0.3, 0.4, 0.5, 0.1, 0.0])) < 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_by_its_definition(values):
    """The adjusted value of a hypothesis is the smallest level at which the step-down procedure rejects it."""
    p_values = np.array(values)
    adjusted = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    for level in (0.01, 0.05, 0.2):
        rejected = np.zeros(len(values), dtype=bool)
        for step, place in enumerate(order):
            if p_values[place] * (len(values) - step) > level:
                break
            rejected[place] = True
        assert np.array_equal(adjusted <= level, rejected)
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(1, len(values) * p_values) + 1e-15).all()


def test_holm_leaves_out_what_was_not_tested():
    found = holm(np.array([0.01, np.nan, 0.04, 0.03]))
    assert found[[0, 2, 3]] == pytest.approx([0.03, 0.06, 0.06])
    assert np.isnan(found[1])


def test_effect_sizes_by_hand():
    differences = np.array([0.3, 0.1, -0.2, 0.0])
    assert rank_biserial(differences) == pytest.approx((3 + 1 - 2) / 6)
    assert superiority(differences) == pytest.approx((2 + 0.5) / 4)
    assert rank_biserial(-differences) == pytest.approx(-rank_biserial(differences))
    assert superiority(-differences) == pytest.approx(1 - superiority(differences))
    assert rank_biserial(np.zeros(3)) == 0
    assert superiority(np.zeros(3)) == 0.5


def test_numbers_of_one_comparison_by_hand(make_frame):
    frame = make_frame(corruptions=("motion", "fog"), groups=14)
    table = analyse(frame).comparisons.set_index("corruption")
    assert table.index.tolist() == ["clean", "fog", "motion", "all"]
    means = frame.groupby(["corruption", "model", "case", "group"], as_index=False)["dice"].mean()
    wide = means.pivot(index=["corruption", "case", "group"], columns="model", values="dice")
    difference = wide["model A"] - wide["model B"]
    for corruption in ("clean", "fog", "motion"):
        by_patient = difference[corruption].groupby("group").mean().to_numpy()
        row = table.loc[corruption]
        assert row["difference"] == pytest.approx(difference[corruption].mean())
        assert row["p_value"] == pytest.approx(scipy.stats.wilcoxon(by_patient).pvalue)
        assert row["superiority"] == pytest.approx((by_patient > 0).mean())
        assert row["low"] < row["difference"] < row["high"]
        assert (row["n_patients"], row["n_trainings"], row["scope"]) == (14, 1, TRAINED_MODELS)
    assert table.loc["all", "difference"] == pytest.approx(table.loc[["fog", "motion"], "difference"].mean())
    assert table["p_holm"].to_numpy() == pytest.approx(holm(table["p_value"].to_numpy()))


def test_exchanging_the_models_turns_everything_round(make_frame):
    frame = make_frame(groups=14)
    swapped = frame.assign(model=frame["model"].map({"model A": "model Z", "model B": "model B"}))
    one, other = analyse(frame).comparisons, analyse(swapped).comparisons
    assert other[["model_a", "model_b"]].to_numpy().tolist() == [["model B", "model Z"]] * 2
    for column, expected in (
        ("difference", -one["difference"]),
        ("low", -one["high"]),
        ("high", -one["low"]),
        ("effect_size", -one["effect_size"]),
        ("superiority", 1 - one["superiority"]),
        ("p_holm", one["p_holm"]),
    ):
        assert other[column].to_numpy() == pytest.approx(expected.to_numpy()), column
    assert other["verdict"].tolist() == [{"a": "b", "b": "a"}.get(word, word) for word in one["verdict"]]


def test_equal_models_are_not_settled_and_few_patients_are_too_few(frame, make_frame):
    twin = frame[frame["model"] == "model A"]
    equal = analyse(pd.concat([twin, twin.assign(model="model B")])).comparisons
    assert equal["verdict"].tolist() == [NOT_SETTLED] * 2
    assert (equal["difference"] == 0).all()
    assert (equal["p_holm"] == 1).all()
    few = analyse(make_frame(groups=MINIMUM_GROUPS - 1)).comparisons
    assert few["verdict"].tolist() == [TOO_FEW] * 2
    assert few[["low", "high", "p_value", "p_holm"]].isna().all(axis=None)
    assert few[["difference", "effect_size", "superiority"]].notna().all(axis=None)
    assert not few["significant"].any()


def test_methods_need_five_trainings_of_both(make_frame):
    many = make_frame(models=("model A", "model B"), seeds=range(5))
    table = analyse(many[(many["model"] == "model A") | (many["seed"] < 4)]).comparisons
    assert set(table["scope"]) == {TRAINED_MODELS}
    assert set(table["n_trainings"]) == {4}
    assert table["p_training"].isna().all()
    table = analyse(many).comparisons
    assert set(table["scope"]) == {METHODS}
    larger = table[["p_value", "p_training"]].max(axis=1)
    assert table["p_holm"].to_numpy() == pytest.approx(holm(larger.to_numpy()))


def test_pairs_families_reference_and_models_left_out(make_frame):
    names = ("a", "b", "c", "text-only")
    frame = make_frame(models=names, labels=(10.0, 100.0), corruptions=("motion", "fog"))
    pairs = analyse(frame).comparisons
    assert len(pairs) == 2 * 4 * 6
    for _, family in pairs.groupby("labels"):
        assert family["p_holm"].to_numpy() == pytest.approx(holm(family["p_value"].to_numpy()))
    chosen = analyse(frame, AnalysisOptions(reference="b", not_compared=("text-only",)))
    assert set(zip(chosen.comparisons["model_a"], chosen.comparisons["model_b"], strict=True)) == {
        ("a", "b"),
        ("c", "b"),
    }
    assert set(chosen.ranks["model"]) == {"a", "b", "c"}
    assert set(chosen.scores["model"]) == set(names)
    with pytest.raises(UserError, match="no scores of the reference model 'd'"):
        analyse(frame, AnalysisOptions(reference="d"))


def test_only_cases_that_all_models_have_are_compared(make_frame):
    frame = make_frame(groups=16)
    lost = (frame["model"] == "model B") & (frame["severity"] == 3) & (frame["group"] < "patient-004")
    part = analyse(frame[~lost])
    shared = analyse(frame[frame["group"] >= "patient-004"])
    assert set(part.comparisons["n_patients"]) == {12}
    pd.testing.assert_frame_equal(part.comparisons, shared.comparisons)
    pd.testing.assert_frame_equal(part.ranks, shared.ranks)
    assert part.scores["n_groups"].max() == 16
    none = analyse(frame[(frame["model"] == "model A") == (frame["group"] < "patient-008")])
    assert none.comparisons.empty
    assert none.ranks.empty


def test_the_analysis_does_not_depend_on_the_order_of_rows(make_frame):
    frame = make_frame(labels=(10.0, 100.0), corruptions=("motion", "fog"), seeds=range(5))
    one, other = analyse(frame), analyse(frame.sample(frac=1, random_state=1))
    for name in ("scores", "summary", "overall", "comparisons", "ranks", "efficiency"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
