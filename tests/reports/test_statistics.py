import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.inference.statistics import MEASURES

# A quantile at probability p of n draws from a normal law has the standard error
# sqrt(p (1 - p) / n) / density(quantile) in units of that law's standard deviation (0.0534 at 2.5% and n = 2500).
RESAMPLES = 20_000
QUANTILE_ERROR = np.sqrt(0.025 * 0.975 / RESAMPLES) / scipy.stats.norm.pdf(scipy.stats.norm.ppf(0.025))


def frame_of_scores(dice, group, **columns):
    """Make a frame with the given per-case Dice to four digits; counts are on a grid of 10,000 pixels a mask."""
    overlap = np.round(np.asarray(dice) * 10_000).astype(int)
    errors = 10_000 - overlap
    base = {"dataset": "d", "model": "m", "labels": 100.0, "seed": 0, "corruption": "clean", "severity": 0}
    return pd.DataFrame(
        {
            **base,
            "case": [f"c{i}" for i in range(len(overlap))],
            "group": [f"g{g}" for g in group],
            "dice": overlap / 10_000,
            "iou": overlap / (overlap + 2 * errors),
            "true_positive": overlap,
            "false_positive": errors,
            "false_negative": errors,
            **columns,
        }
    )


def test_both_conventions_agree_with_torchmetrics():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.linspace(0.02, 0.9, 10)[:, None, None]
    truth = torch.rand(10, 16, 16, generator=generator) < sizes
    predicted = truth ^ (torch.rand(10, 16, 16, generator=generator) < 0.1)
    per_case = [
        (binary_f1_score(p, t).item(), binary_jaccard_index(p, t).item()) for p, t in zip(predicted, truth, strict=True)
    ]
    frame = frame_of_scores(np.zeros(10), range(10)).assign(
        dice=[dice for dice, _ in per_case],
        iou=[iou for _, iou in per_case],
        true_positive=(truth & predicted).sum((1, 2)).numpy(),
        false_positive=(~truth & predicted).sum((1, 2)).numpy(),
        false_negative=(truth & ~predicted).sum((1, 2)).numpy(),
    )
    row = condition_scores(frame, resamples=0).iloc[0]
    assert row["dice_mean"] == pytest.approx(np.mean([dice for dice, _ in per_case]))
    assert row["iou_mean"] == pytest.approx(np.mean([iou for _, iou in per_case]))
    assert row["dice_pooled"] == pytest.approx(binary_f1_score(predicted, truth).item(), abs=1e-6)
    assert row["iou_pooled"] == pytest.approx(binary_jaccard_index(predicted, truth).item(), abs=1e-6)
    assert row["dice_pooled"] > row["dice_mean"] + 0.01


def test_interval_agrees_with_scipy_where_every_case_is_a_patient():
    dice = np.random.default_rng(0).beta(6, 2, 60)
    frame = frame_of_scores(dice, range(60))
    row = condition_scores(frame, resamples=RESAMPLES).iloc[0]
    reference = scipy.stats.bootstrap(
        (frame["dice"].to_numpy(),), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(1)
    )
    tolerance = 5 * np.sqrt(2) * QUANTILE_ERROR * reference.standard_error
    assert row["dice_low"] == pytest.approx(reference.confidence_interval.low, abs=tolerance)
    assert row["dice_high"] == pytest.approx(reference.confidence_interval.high, abs=tolerance)


def test_interval_agrees_with_drawing_patients_and_seeds_one_by_one():
    generator = np.random.default_rng(2)
    group = np.repeat(np.arange(15), generator.integers(1, 7, 15))
    blocks, table = [], []
    for seed in range(3):
        dice = np.clip(0.7 + generator.normal(0, 0.1, 15)[group] + 0.05 * seed, 0, 1)
        blocks.append(frame_of_scores(dice, group, seed=seed))
        table.append(blocks[-1]["dice"].to_numpy())
    row = condition_scores(pd.concat(blocks), resamples=RESAMPLES).iloc[0]

    members = [np.flatnonzero(group == g) for g in range(15)]
    draws = np.empty(4000)
    for i in range(len(draws)):
        taken = np.concatenate([members[g] for g in generator.integers(0, 15, 15)])
        draws[i] = np.mean([table[s][taken].mean() for s in generator.integers(0, 3, 3)])
    tolerance = 5 * QUANTILE_ERROR * np.sqrt(1 + RESAMPLES / len(draws)) * draws.std()
    assert row["dice_low"] == pytest.approx(np.quantile(draws, 0.025), abs=tolerance)
    assert row["dice_high"] == pytest.approx(np.quantile(draws, 0.975), abs=tolerance)
    assert row["n_seeds"] == 3


def test_interval_agrees_with_drawing_patients_label_draws_and_seeds_one_by_one():
    generator = np.random.default_rng(4)
    of_draw, of_seed = generator.normal(0, 0.06, 4), generator.normal(0, 0.03, 2)
    patient = generator.normal(0, 0.1, 20)
    blocks, table = [], np.empty((4, 2, 20))
    for draw in range(4):
        for seed in range(2):
            dice = np.clip(0.6 + patient + of_draw[draw] + of_seed[seed], 0, 1)
            blocks.append(frame_of_scores(dice, range(20), seed=seed, draw=draw))
            table[draw, seed] = blocks[-1]["dice"]
    row = condition_scores(pd.concat(blocks), resamples=RESAMPLES).iloc[0]

    means = np.empty(4000)
    for i in range(len(means)):
        patients, draws, seeds = (generator.integers(0, size, size) for size in (20, 4, 2))
        means[i] = table[np.ix_(draws, seeds, patients)].mean()
    tolerance = 5 * QUANTILE_ERROR * np.sqrt(1 + RESAMPLES / len(means)) * means.std()
    assert row["dice_low"] == pytest.approx(np.quantile(means, 0.025), abs=tolerance)
    assert row["dice_high"] == pytest.approx(np.quantile(means, 0.975), abs=tolerance)
    assert (row["n_draws"], row["n_seeds"]) == (4, 2)
    assert row["dice_mean"] == pytest.approx(table.mean())


def test_trainings_of_a_grid_with_gaps_are_one_factor():
    blocks = [
        frame_of_scores(np.full(20, 0.5 + 0.1 * number), range(20), seed=seed, draw=draw)
        for number, (draw, seed) in enumerate([(0, 0), (0, 1), (1, 0)])
    ]
    row = condition_scores(pd.concat(blocks)).iloc[0]
    # Every patient scores alike, so an interval is that of three trainings drawn with replacement.
    assert (row["dice_low"], row["dice_mean"], row["dice_high"]) == pytest.approx((0.5, 0.6, 0.7))


def test_scores_without_draws_are_those_of_one_draw():
    frame = frame_of_scores(np.random.default_rng(0).beta(6, 2, 60), range(60))
    pd.testing.assert_frame_equal(condition_scores(frame), condition_scores(frame.assign(draw=0)))
    mixed = pd.concat([frame, frame.assign(seed=1, draw=0)])
    assert condition_scores(mixed)["n_draws"].tolist() == [1]


def test_interval_covers_the_truth_as_often_as_it_says_and_resampling_cases_would_not():
    """300 data sets of 40 patients with 5 alike slices: 95% intervals of the mean, whose truth is 0.6."""
    generator = np.random.default_rng(3)
    repeats, patients, slices = 300, 40, 5
    group = np.repeat(np.arange(patients), slices)
    blocks = []
    for repeat in range(repeats):
        dice = 0.6 + generator.normal(0, 0.08, patients)[group] + generator.normal(0, 0.03, patients * slices)
        blocks.append(frame_of_scores(np.clip(dice, 0, 1), group, dataset=f"d{repeat}"))
    frame = pd.concat(blocks)
    by_patient = condition_scores(frame, resamples=500)
    by_case = condition_scores(frame.assign(group=frame["case"]), resamples=500)
    covered = [((s["dice_low"] <= 0.6) & (s["dice_high"] >= 0.6)).mean() for s in (by_patient, by_case)]
    # The percentile interval of 40 normal values covers 0.94; three standard errors of 300 repeats are 0.041.
    assert covered[0] == pytest.approx(0.94, abs=0.041)
    assert covered[1] < 0.75


def test_the_same_input_gives_the_same_bits_whatever_the_order_of_rows(make_frame):
    frame = make_frame(seeds=(0, 1))
    first = condition_scores(frame)
    pd.testing.assert_frame_equal(first, condition_scores(frame.sample(frac=1, random_state=1)), check_exact=True)
    assert not first.equals(condition_scores(frame, seed=1))


def test_other_models_conditions_and_data_sets_change_no_interval(make_frame):
    small = make_frame(models=("model A",), severities=(1, 2))
    more = [
        small.assign(model="model B", dice=small["dice"]),
        small[small["severity"] == 1].assign(severity=3),
        make_frame(dataset="another", groups=20),
    ]
    large = condition_scores(pd.concat([small, *more]))
    kept = large.query("dataset == 'simulated' and model == 'model A' and severity <= 2").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, condition_scores(small), rtol=1e-12)


def test_models_are_compared_on_the_same_resampled_patients():
    """Corrupted scores that are exactly half the clean ones: retention is 0.5 in every resample."""
    clean = frame_of_scores(np.random.default_rng(4).integers(2000, 5000, 30) * 2 / 10_000, range(30))
    overlap = clean["true_positive"] // 2
    halved = frame_of_scores(overlap / 10_000, range(30), corruption="motion", severity=1)
    row = robustness_summary(pd.concat([clean, halved])).iloc[0]
    assert row["dice_retention_low"] == pytest.approx(0.5)
    assert row["dice_retention_high"] == pytest.approx(0.5)
    assert row["dice_corrupted_low"] < row["dice_corrupted"] < row["dice_corrupted_high"]


def test_seeds_that_disagree_widen_the_interval_and_equal_seeds_do_not():
    generator = np.random.default_rng(5)
    dice = generator.uniform(0.4, 0.8, 40)
    one = condition_scores(frame_of_scores(dice, range(40)))
    equal = condition_scores(pd.concat([frame_of_scores(dice, range(40), seed=seed) for seed in range(3)]))
    apart = condition_scores(
        pd.concat([frame_of_scores(dice + shift, range(40), seed=i) for i, shift in enumerate((-0.1, 0, 0.1))])
    )
    width = [(s["dice_high"] - s["dice_low"]).item() for s in (one, equal, apart)]
    assert width[1] == pytest.approx(width[0])
    assert width[2] > 1.5 * width[0]
    assert apart["dice_mean"].item() == pytest.approx(one["dice_mean"].item(), abs=1e-4)


def test_few_patients_have_no_interval_but_a_mean(make_frame):
    seven, eight = (condition_scores(make_frame(groups=n)) for n in (7, 8))
    intervals = ["dice_low", "dice_high", "iou_low", "iou_high"]
    assert seven[intervals].isna().all(axis=None)
    assert seven["dice_mean"].notna().all()
    assert eight[intervals].notna().all(axis=None)
    assert robustness_summary(make_frame(groups=7))["dice_retention_low"].isna().all()


def test_level_and_counts(make_frame):
    frame = make_frame(seeds=(0, 1), labels=(10.0, 100.0))
    narrow, wide = condition_scores(frame, level=0.5), condition_scores(frame, level=0.99)
    assert (narrow["dice_low"] > wide["dice_low"]).all()
    assert (narrow["dice_high"] < wide["dice_high"]).all()
    assert len(wide) == 2 * 2 * 6
    assert wide[["n_cases", "n_groups", "n_seeds"]].drop_duplicates().to_numpy().tolist() == [[36, 12, 2]]


def test_summary_by_hand():
    curve = {0: 0.9, 1: 0.8, 3: 0.6, 5: 0.1}
    frame = pd.concat(
        frame_of_scores([dice] * 9, range(9), severity=severity, corruption="motion" if severity else "clean")
        for severity, dice in curve.items()
    )
    row = robustness_summary(frame).iloc[0]
    assert row["severities"] == "1 3 5"
    assert row["dice_clean"] == pytest.approx(0.9)
    assert row["dice_corrupted"] == pytest.approx(0.5)
    assert row["dice_retention"] == pytest.approx(0.5 / 0.9)
    assert row["dice_area"] == pytest.approx((0.85 * 1 + 0.7 * 2 + 0.35 * 2) / 5)
    assert row["dice_pooled_area"] == pytest.approx(row["dice_area"])


def test_summary_of_scores_is_that_of_the_frame_without_intervals(make_frame):
    frame = make_frame(corruptions=("motion", "low-dose-ct"), labels=(10.0, 100.0), seeds=(0, 1))
    from_frame, from_scores = robustness_summary(frame), robustness_summary(condition_scores(frame))
    points = [column for column in from_frame if not column.endswith(("_low", "_high"))]
    pd.testing.assert_frame_equal(from_frame[points], from_scores[points])
    assert len(from_frame) == 2 * 2 * 2
    assert from_scores.drop(columns=points).isna().all(axis=None)
    assert from_frame.drop(columns=points).notna().all(axis=None)


def test_without_clean_scores_there_is_no_retention(make_frame):
    row = robustness_summary(make_frame(clean=False)).iloc[0]
    for prefix in MEASURES:
        assert np.isnan(row[f"{prefix}_clean"])
        assert np.isnan(row[f"{prefix}_retention"])
        assert np.isnan(row[f"{prefix}_area"])
        assert row[f"{prefix}_corrupted"] > 0
    assert np.isnan(row["dice_retention_low"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=6))
def test_laws_of_the_severity_curve(curve):
    """Area lies between the curve's extremes, is the height of a flat curve, and retention is scale-free."""
    frame = pd.concat(
        frame_of_scores([dice / 10_000], [0], severity=severity, corruption="motion" if severity else "clean")
        for severity, dice in enumerate(curve)
    )
    row = robustness_summary(frame, resamples=0).iloc[0]
    heights = np.array(curve) / 10_000
    assert heights.min() - 1e-12 <= row["dice_area"] <= heights.max() + 1e-12
    assert row["dice_area"] == pytest.approx(scipy.integrate.trapezoid(heights) / (len(curve) - 1))
    assert row["dice_retention"] == pytest.approx(heights[1:].mean() / heights[0])
