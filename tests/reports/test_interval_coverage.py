"""How often 95% intervals hold the truth, over simulated data sets whose truth is known.

The promise is 92% to 97%. With 600 data sets an observed share has a standard error of 0.9 points, so a share inside
these bounds at a true coverage of 94.5% is no coin flip: the bounds are about three standard errors away.
"""

import numpy as np
import pytest
import scipy.stats

from biclip_bench.reports import condition_scores
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.inference.comparisons import compare_models
from biclip_bench.reports.inference.intervals import bca_interval
from biclip_bench.reports.inference.resampling import MINIMUM_GROUPS, resample_scores
from biclip_bench.reports.inference.statistics import scores_of, summary_of

REPEATS = 600
RESAMPLES = 1000
LOWEST, HIGHEST = 0.92, 0.97
CURVE = (("clean", 0), ("motion", 1), ("motion", 3))


def share_that_holds(table, prefix, truth):
    low, high = table[f"{prefix}_low"], table[f"{prefix}_high"]
    assert low.notna().all()
    return ((low <= truth) & (high >= truth)).mean()


def dice_like(generator, shape, slices):
    """Patients of unlike difficulty; one in five loses a quarter of its slices; empty slices score 1."""
    difficulty = 1.5 + 0.8 * generator.standard_normal((*shape, 1))
    dice = 1 / (1 + np.exp(-(difficulty + 0.6 * generator.standard_normal((*shape, slices)))))
    lost = np.where(generator.random((*shape, 1)) < 0.2, 0.27, 0.02)
    chance = generator.random((*shape, slices))
    return np.where(chance < lost, 0, np.where(chance > 0.93, 1, dice))


@pytest.mark.parametrize("patients", [MINIMUM_GROUPS, 20, 40])
def test_means_of_skewed_dice_with_several_slices_a_patient(make_dice_frame, patients):
    generator = np.random.default_rng(1)
    slices = 3
    truth = dice_like(generator, (200_000,), slices).mean()
    dice = dice_like(generator, (REPEATS, patients), slices).reshape(REPEATS, 1, 1, 1, -1)
    scores = condition_scores(make_dice_frame(dice, np.repeat(np.arange(patients), slices)), resamples=RESAMPLES)
    assert LOWEST <= share_that_holds(scores, "dice", truth) <= HIGHEST


def test_resampling_slices_instead_of_patients_would_not_do(make_dice_frame):
    generator = np.random.default_rng(2)
    patients, slices = 20, 5
    patient = generator.normal(0.6, 0.08, (REPEATS, patients)).repeat(slices, axis=1)
    dice = (patient + generator.normal(0, 0.03, patient.shape)).reshape(REPEATS, 1, 1, 1, -1)
    by_slice = condition_scores(make_dice_frame(dice, np.arange(patients * slices)), resamples=RESAMPLES)
    assert share_that_holds(by_slice, "dice", 0.6) < 0.75


def test_means_of_patients_with_unlike_numbers_of_slices(make_dice_frame):
    """The same design in all data sets: patient k has 1 to 8 slices. Dice does not depend on their number."""
    generator = np.random.default_rng(3)
    sizes = 1 + np.arange(16) % 8
    group = np.repeat(np.arange(16), sizes)
    patient = generator.normal(0.7, 0.1, (REPEATS, 16))[:, group]
    dice = (patient + generator.normal(0, 0.05, patient.shape)).reshape(REPEATS, 1, 1, 1, -1)
    scores = condition_scores(make_dice_frame(dice, group), resamples=RESAMPLES)
    assert LOWEST <= share_that_holds(scores, "dice", 0.7) <= HIGHEST


def crossed(generator, *, patients, trainings, between, models=1, slope=0.06):
    """Dice of shape (data sets, models, trainings, conditions, patients); ``between`` is the sd of trainings."""
    shape = (REPEATS, models, trainings, len(CURVE), patients)
    severity = np.array([level for _, level in CURVE])[:, None]
    patient = generator.normal(0, 0.08, (REPEATS, 1, 1, 1, patients))
    # Some patients suffer more from the corruption than others do.
    suffering = generator.normal(0, 0.01, (REPEATS, 1, 1, 1, patients)) * severity
    training = generator.normal(0, between, (REPEATS, models, trainings, 1, 1))
    own = generator.normal(0, 0.03, (REPEATS, models, 1, 1, patients))
    return 0.75 - slope * severity + patient + suffering + training + own + generator.normal(0, 0.03, shape)


@pytest.mark.slow
@pytest.mark.parametrize(("trainings", "between"), [(1, 0.0), (5, 0.004), (5, 0.03), (8, 0.02)])
def test_means_retention_and_drop_of_trainings_crossed_with_patients(make_dice_frame, trainings, between):
    generator = np.random.default_rng(5)
    dice = crossed(generator, patients=20, trainings=trainings, between=between)
    frame = validate_frame(make_dice_frame(dice, np.arange(20), conditions=CURVE))
    summary = summary_of(resample_scores(frame, resamples=RESAMPLES, seed=0, columns=("dice",)), level=0.95)
    truth = {"dice_corrupted": 0.75 - 0.06 * 2, "dice_retention": (0.75 - 0.06 * 2) / 0.75, "dice_drop": 0.06}
    for prefix, value in truth.items():
        assert LOWEST <= share_that_holds(summary, prefix, value) <= HIGHEST, prefix


@pytest.mark.slow
@pytest.mark.parametrize(("trainings", "between"), [(1, 0.0), (5, 0.02)])
def test_paired_differences(make_dice_frame, trainings, between):
    """The scores of both models rise and fall with the patients, their difference much less."""
    generator = np.random.default_rng(7)
    dice = crossed(generator, patients=20, trainings=trainings, between=between, models=2)
    frame = validate_frame(make_dice_frame(dice, np.arange(20), models=("a", "b"), conditions=CURVE))
    resampled = resample_scores(frame, resamples=RESAMPLES, seed=0, columns=("dice",))
    comparisons = compare_models(frame, resampled, level=0.95)
    for corruption, part in comparisons.groupby("corruption"):
        held = ((part["low"] <= 0) & (part["high"] >= 0)).mean()
        assert LOWEST <= held <= HIGHEST, corruption
    of_one = scores_of(resampled, level=0.95)
    if trainings == 1:
        assert (comparisons["high"] - comparisons["low"]).mean() < (of_one["dice_high"] - of_one["dice_low"]).mean()


@pytest.mark.parametrize("patients", [12, 30])
def test_bca_agrees_with_scipy_on_the_same_resamples(patients):
    values = np.random.default_rng(patients).beta(5, 1, patients)
    reference = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    )
    replicates = reference.bootstrap_distribution[:, None]
    low, high = bca_interval(np.array([values.mean()]), replicates, np.array([np.inf]), 0.95)
    # The acceleration comes from the skewness of the resamples here, and from a jackknife there.
    assert low[0] == pytest.approx(reference.confidence_interval.low, abs=0.02 * reference.standard_error)
    assert high[0] == pytest.approx(reference.confidence_interval.high, abs=0.02 * reference.standard_error)
