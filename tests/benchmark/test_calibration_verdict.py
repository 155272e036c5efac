import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from biclip_bench.benchmark.calibration import MEASURES
from biclip_bench.benchmark.calibration_summary import summarise_levels
from biclip_bench.benchmark.calibration_verdict import judge_corruption

RMSE = (4, 8, 12, 16, 20)


def made_cases(ssim, rmse=RMSE, *, severities=(1, 2, 3, 4, 5), spread=0.05, noise=0.002, patients=12, other=0.3):
    """Make two cases a patient: levels as given, patients that differ by ``spread``, cases that waver by ``noise``."""
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(patients), 2)
    own = generator.normal(0, spread, patients)[patient]
    blocks = []
    for severity, similarity, error in zip((0, *severities), (1.0, *ssim), (0.0, *rmse), strict=True):
        wavering = generator.normal(0, noise, len(patient)) if severity else 0
        block = pd.DataFrame({"corruption": "made" if severity else "clean", "severity": severity}, index=patient)
        block["case"] = [f"case-{number:03d}" for number in range(len(patient))]
        block["group"] = [f"patient-{number:03d}" for number in patient]
        block[list(MEASURES)] = 0.0
        block["ssim"] = similarity + (own + wavering if severity else 0)
        block["rmse"] = error + (10 * own + 100 * wavering if severity else 0)
        block["ssim_other"] = other
        # The order of the rows must not matter.
        blocks.append(block.sample(frac=1, random_state=severity))
    return pd.concat(blocks, ignore_index=True)


def judged(*arguments, **options):
    return judge_corruption(summarise_levels(made_cases(*arguments, **options)))


def test_even_steps_are_real():
    verdict = judged((0.92, 0.84, 0.76, 0.68, 0.60))
    assert set(verdict.steps.values()) == {"real"}
    assert verdict.holds
    assert verdict.text == "Every step is real."


def test_a_step_far_smaller_than_the_patients_differ_is_seen_because_it_is_paired():
    levels = summarise_levels(made_cases((0.92, 0.90, 0.88, 0.86, 0.84)))
    assert (levels["ssim_high"] - levels["ssim_low"]).iloc[1] > 0.03
    assert judge_corruption(levels).holds


def test_equal_levels_are_no_step():
    verdict = judged((0.92, 0.84, 0.84, 0.68, 0.60), (4, 8, 8, 16, 20))
    assert verdict.steps == {1: "real", 2: "real", 3: "no step", 4: "real", 5: "real"}
    assert verdict.text.startswith("No step from 2 to 3 (SSIM falls by ")
    assert "RMSE rises by" in verdict.text


def test_a_step_that_is_certain_but_tiny_in_both_measures_is_no_step():
    ssim, rmse = (0.92, 0.914, 0.84, 0.76, 0.68), (4, 4.6, 12, 16, 20)
    levels = summarise_levels(made_cases(ssim, rmse, noise=0.0005))
    assert levels["step_ssim_low"].iloc[2] > 0
    assert levels["step_rmse_low"].iloc[2] > 0
    verdict = judge_corruption(levels)
    assert verdict.steps[2] == "no step"
    assert re.match(r"No step from 1 to 2 \(SSIM falls by 0\.00\d\d and RMSE rises by 0\.\d\d\)", verdict.text)


@pytest.mark.parametrize(
    ("ssim", "rmse"),
    [((0.92, 0.914, 0.84, 0.76, 0.68), RMSE), ((0.92, 0.84, 0.76, 0.68, 0.60), (4, 4.6, 12, 16, 20))],
)
def test_a_step_is_real_if_one_measure_moves_enough_and_the_other_for_certain(ssim, rmse):
    levels = summarise_levels(made_cases(ssim, rmse, noise=0.0005))
    assert judge_corruption(levels).steps[2] == "real"


def test_a_large_mean_step_that_wavers_between_patients_is_no_step():
    cases = made_cases((0.92, 0.90, 0.70, 0.60, 0.50))
    second = cases["severity"] == 2
    # One patient in four moves a lot, the others a little the other way.
    rare = cases["group"].isin(["patient-000", "patient-004", "patient-008"])
    cases.loc[second, "ssim"] += np.where(rare[second], -0.35, 0.1)
    levels = summarise_levels(cases)
    assert levels["step_ssim_mean"].iloc[2] > 0.02
    assert levels["step_ssim_low"].iloc[2] < 0
    assert judge_corruption(levels).steps[2] == "no step"


def test_a_step_that_only_one_measure_sees_is_no_step():
    verdict = judged((0.92, 0.84, 0.76, 0.68, 0.60), (4, 8, 8, 12, 16))
    assert verdict.steps[3] == "no step"
    assert verdict.text.startswith("No step from 2 to 3 (RMSE rises by ")


def test_a_reversed_step_is_named_with_its_size():
    verdict = judged((0.92, 0.70, 0.80, 0.68, 0.60), (4, 12, 8, 14, 18))
    assert verdict.steps[3] == "reversed"
    assert not verdict.holds
    pattern = r"A reversed step from 2 to 3 \(SSIM rises by (0\.\d{4}) and RMSE falls by (\d\.\d\d)\)\."
    found = re.fullmatch(pattern, verdict.text)
    assert float(found[1]) == pytest.approx(0.1, abs=0.002)
    assert float(found[2]) == pytest.approx(4, abs=0.2)


def test_a_last_step_that_is_real_but_short_is_saturating():
    verdict = judged((0.85, 0.70, 0.55, 0.40, 0.38), (4, 8, 12, 16, 20))
    assert set(verdict.steps.values()) == {"real"}
    assert verdict.text.startswith("Saturating: it levels off, the step to 5 is 1")
    assert "% of the mean step in SSIM" in verdict.text


def test_left_out_severities_do_not_make_a_short_last_step():
    # From 1 to 4 in one step of three severities, then from 4 to 5: the same slope.
    verdict = judged((0.92, 0.68, 0.60), (4, 16, 20), severities=(1, 4, 5))
    assert verdict.holds
    # And from 2 to 5 hardly more than from 1 to 2, in three times as many severities.
    assert "it levels off, the step to 5 is 1" in judged((0.72, 0.60, 0.55), (8, 12, 20), severities=(1, 2, 5)).text


def test_an_image_as_like_another_patients_as_its_own_is_at_its_floor():
    ssim = (0.90, 0.75, 0.60, 0.45, 0.31)
    verdict = judged(ssim, spread=0.001)
    assert set(verdict.steps.values()) == {"real"}
    assert "at severity 5 it is at its floor, " in verdict.text
    assert judged(ssim, spread=0.001, other=0.05).holds
    assert judged(ssim, spread=0.001, other=float("nan")).holds


def test_with_few_patients_nothing_is_decided():
    verdict = judged((0.92, 0.84, 0.76, 0.68, 0.60), patients=7)
    assert set(verdict.steps.values()) == {"undecided"}
    assert verdict.text == "Undecided with 7 patients, too few for an interval."
    assert judged((0.92, 0.84, 0.76, 0.68, 0.60), patients=8).holds
    alone = judged((0.92, 0.84, 0.76, 0.68, 0.67), patients=1)
    assert alone.text.startswith("Undecided with 1 patient, too few for an interval; by the means alone, saturating: ")


def test_a_corruption_that_does_nothing_is_no_step_from_clean():
    verdict = judged((1.0,), (0.0,), severities=(1,), spread=0, noise=0)
    assert verdict.text.startswith("No step from clean to 1 (SSIM falls by 0.0000")


def test_means_and_paired_intervals_agree_with_students_t():
    cases = made_cases((0.92, 0.84, 0.76, 0.68, 0.60), noise=0.03, patients=60)
    levels = summarise_levels(cases).set_index("severity")
    wide = cases.pivot_table(index=["group", "case"], columns="severity", values="ssim")
    assert levels.loc[3, "ssim_mean"] == pytest.approx(wide[3].mean())
    steps = (wide[2] - wide[3]).groupby("group").mean()
    assert levels.loc[3, "step_ssim_mean"] == pytest.approx(steps.mean())
    low, high = stats.t.interval(0.95, len(steps) - 1, steps.mean(), steps.sem())
    assert levels.loc[3, "step_ssim_low"] == pytest.approx(low, abs=0.12 * (high - low))
    assert levels.loc[3, "step_ssim_high"] == pytest.approx(high, abs=0.12 * (high - low))


def test_an_infinite_psnr_leaves_the_mean_without_an_interval():
    cases = made_cases((0.92,), (4,), severities=(1,))
    cases["psnr_db"] = np.where(cases["severity"] == 0, np.inf, 30.0)
    levels = summarise_levels(cases)
    assert np.isinf(levels["psnr_db_mean"].iloc[0])
    assert np.isnan(levels["psnr_db_low"].iloc[0])
    assert levels["psnr_db_mean"].iloc[1] == 30
