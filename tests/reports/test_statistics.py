import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.inference.estimates import estimates_of
from biclip_bench.reports.inference.resampling import MINIMUM_GROUPS, MINIMUM_TRAININGS, resample_scores
from biclip_bench.reports.inference.robustness import MEASURES

RESAMPLES = 20_000
# The variance of n normal values has a relative standard error of sqrt(2 / n).
VARIANCE_ERROR = np.sqrt(2 / RESAMPLES)


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
    """With 400 patients Student's t and n - 1 draws hardly matter."""
    frame = frame_of_scores(np.random.default_rng(0).beta(6, 2, 400), range(400))
    row = condition_scores(frame, resamples=RESAMPLES).iloc[0]
    reference = scipy.stats.bootstrap(
        (frame["dice"].to_numpy(),), np.mean, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(1)
    )
    # A quantile at probability p of n normal values has the standard error sqrt(p (1 - p) / n) / density(quantile).
    error = np.sqrt(0.025 * 0.975 / RESAMPLES) / scipy.stats.norm.pdf(scipy.stats.norm.ppf(0.025))
    tolerance = 5 * np.sqrt(2) * error * reference.standard_error
    assert row["dice_low"] == pytest.approx(reference.confidence_interval.low, abs=tolerance)
    assert row["dice_high"] == pytest.approx(reference.confidence_interval.high, abs=tolerance)


def crossed_scores(patients, trainings, *, interaction, seed):
    """Dice of patients (rows) in trainings (columns), each with an effect of its own."""
    generator = np.random.default_rng(seed)
    table = 0.6 + generator.normal(0, 0.08, (patients, 1)) + generator.normal(0, 0.05, (1, trainings))
    return np.round(np.clip(table + generator.normal(0, interaction, (patients, trainings)), 0, 1), 4)


@pytest.mark.parametrize("interaction", [0.02, 0.1])
def test_the_variance_is_that_of_a_two_way_analysis_of_variance(interaction):
    """The grand mean of n patients in t trainings has the variance (MS patients + MS trainings - MS rest) / (n t)."""
    table = crossed_scores(25, 6, interaction=interaction, seed=1)
    frame = pd.concat([frame_of_scores(column, range(25), seed=seed) for seed, column in enumerate(table.T)])
    resampled = resample_scores(validate_frame(frame), resamples=RESAMPLES, seed=0)
    n, t = table.shape
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    rest = table - rows[:, None] - columns + table.mean()
    of_patients, of_trainings = t * rows.var(ddof=1), n * columns.var(ddof=1)
    expected = (of_patients + of_trainings - (rest**2).sum() / ((n - 1) * (t - 1))) / (n * t)
    found = resampled.replicates["dice"]
    assert found.of_patients.var() == pytest.approx(of_patients / (n * t), rel=5 * VARIANCE_ERROR)
    assert found.of_trainings.var() == pytest.approx(of_trainings / (n * t), rel=5 * VARIANCE_ERROR)
    joined = estimates_of(resampled, "dice").spread.replicates
    assert joined.var() == pytest.approx(expected, rel=5 * VARIANCE_ERROR)


@pytest.mark.parametrize(("draws", "seeds", "levels"), [(5, 2, 5), (2, 6, 6), (7, 5, 5)])
def test_draws_and_seeds_are_resampled_where_there_are_five(draws, seeds, levels):
    generator = np.random.default_rng(4)
    of_draw, of_seed = generator.normal(0, 0.06, draws), generator.normal(0, 0.03, seeds)
    patient = generator.normal(0, 0.1, 20)
    frame = pd.concat(
        frame_of_scores(np.clip(0.6 + patient + of_draw[draw] + of_seed[seed], 0, 1), range(20), seed=seed, draw=draw)
        for draw in range(draws)
        for seed in range(seeds)
    )
    resampled = resample_scores(validate_frame(frame), resamples=RESAMPLES, seed=0)
    means = frame.groupby(["draw", "seed"])["dice"].mean().unstack().to_numpy()
    expected = 0.0
    for axis, number in ((1, draws), (0, seeds)):
        if number >= MINIMUM_TRAININGS:
            expected += means.mean(axis=axis).var(ddof=1) / number
    assert resampled.replicates["dice"].of_trainings.var() == pytest.approx(expected, rel=5 * VARIANCE_ERROR)
    assert resampled.training_levels.tolist() == [levels]
    assert resampled.conditions[["n_draws", "n_seeds", "n_trainings"]].to_numpy().tolist() == [
        [draws, seeds, draws * seeds]
    ]


def test_four_draws_of_four_seeds_are_held_fixed():
    frame = pd.concat(
        frame_of_scores(np.linspace(0.3, 0.5, 20) + 0.1 * draw + 0.02 * seed, range(20), seed=seed, draw=draw)
        for draw in range(4)
        for seed in range(4)
    )
    resampled = resample_scores(validate_frame(frame), resamples=RESAMPLES, seed=0)
    assert resampled.training_levels.tolist() == [0]
    variance = estimates_of(resampled, "dice").spread.replicates.var()
    assert variance == pytest.approx(np.linspace(0.3, 0.5, 20).var(ddof=1) / 20, rel=5 * VARIANCE_ERROR)


def test_trainings_of_a_grid_with_gaps_are_one_factor():
    cells = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 2)]
    frame = pd.concat(
        frame_of_scores(np.full(20, 0.5 + 0.05 * number), range(20), seed=seed, draw=draw)
        for number, (draw, seed) in enumerate(cells)
    )
    resampled = resample_scores(validate_frame(frame), resamples=RESAMPLES, seed=0)
    means = 0.5 + 0.05 * np.arange(6)
    assert resampled.training_levels.tolist() == [6]
    variance = estimates_of(resampled, "dice").spread.replicates.var()
    assert variance == pytest.approx(means.var(ddof=1) / 6, rel=5 * VARIANCE_ERROR)


def test_patients_with_more_cases_weigh_more_and_count_for_fewer():
    sizes = [1, 2, 3, 4, 10, 1, 1, 1, 1, 1, 1, 1]
    group = np.repeat(np.arange(12), sizes)
    dice = np.random.default_rng(6).uniform(0.3, 0.9, len(group))
    resampled = resample_scores(validate_frame(frame_of_scores(dice, group)), resamples=RESAMPLES, seed=0)
    assert resampled.conditions["n_effective"].item() == pytest.approx(sum(sizes) ** 2 / np.square(sizes).sum())
    sums = np.bincount(group, weights=np.round(dice, 4))
    draws = np.random.default_rng(7).integers(0, 12, (RESAMPLES, 11))
    reference = sums[draws].sum(axis=1) / np.array(sizes)[draws].sum(axis=1)
    own = resampled.replicates["dice"].of_patients[:, 0]
    assert own.std() == pytest.approx(reference.std(), rel=5 * VARIANCE_ERROR)
    assert scipy.stats.ks_2samp(own, reference).pvalue > 0.001


def test_scores_without_draws_are_those_of_one_draw():
    frame = frame_of_scores(np.random.default_rng(0).beta(6, 2, 60), range(60))
    pd.testing.assert_frame_equal(condition_scores(frame), condition_scores(frame.assign(draw=0)))
    mixed = pd.concat([frame, frame.assign(seed=1, draw=0)])
    assert condition_scores(mixed)["n_draws"].tolist() == [1]


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


def test_five_seeds_that_disagree_widen_the_interval_and_fewer_or_equal_ones_do_not():
    dice = np.random.default_rng(5).uniform(0.4, 0.8, 40)

    def scores(shifts):
        return condition_scores(
            pd.concat([frame_of_scores(dice + shift, range(40), seed=seed) for seed, shift in enumerate(shifts)])
        )

    one, equal, apart = scores([0]), scores([0] * 5), scores([-0.1, -0.05, 0, 0.05, 0.1])
    few = scores([-0.1, 0, 0.1])
    width = [(s["dice_high"] - s["dice_low"]).item() for s in (one, equal, few, apart)]
    assert width[1] == pytest.approx(width[0])
    assert width[2] == pytest.approx(width[0], rel=0.01)
    assert width[3] > 1.5 * width[0]
    assert apart["dice_mean"].item() == pytest.approx(one["dice_mean"].item(), abs=1e-4)
    assert apart["dice_seed_sd"].item() == pytest.approx(np.std([-0.1, -0.05, 0, 0.05, 0.1], ddof=1), abs=1e-4)
    assert np.isnan(one["dice_seed_sd"].item())


def test_no_interval_leaves_what_is_possible():
    """Trainings that differ widely near the upper end."""
    frame = pd.concat(
        frame_of_scores(np.linspace(0.9, 1.0, 12) - shift, range(12), seed=seed)
        for seed, shift in enumerate([0, 0, 0, 0, 0.3])
    )
    row = condition_scores(frame).iloc[0]
    assert row["dice_mean"] < row["dice_high"] <= 1
    assert row["iou_mean"] < row["iou_high"] <= 1


def test_few_patients_have_no_interval_but_a_mean(make_frame):
    few, enough = (condition_scores(make_frame(groups=n)) for n in (MINIMUM_GROUPS - 1, MINIMUM_GROUPS))
    intervals = ["dice_low", "dice_high", "iou_low", "iou_high"]
    assert few[intervals].isna().all(axis=None)
    assert few["dice_mean"].notna().all()
    assert enough[intervals].notna().all(axis=None)
    assert robustness_summary(make_frame(groups=MINIMUM_GROUPS - 1))["dice_retention_low"].isna().all()


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
