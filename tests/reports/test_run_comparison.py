from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from biclip_bench.errors import UserError
from biclip_bench.reports.frame import dice_of_counts, iou_of_counts, validate_frame
from biclip_bench.reports.inference.analysis import AnalysisOptions
from biclip_bench.reports.material import Material
from biclip_bench.reports.run_comparison import compare_runs, matched_models

OPTIONS = AnalysisOptions(resamples=400)


@pytest.fixture
def run(make_frame, make_details) -> Material:
    return Material(validate_frame(make_frame(dataset="Simulated scores", groups=30)), make_details())


def worse(run: Material, share: float) -> Material:
    """The same run with a share of every lesion lost."""
    frame = run.frame.copy()
    lost = np.round(frame["true_positive"] * share).astype(int)
    frame["true_positive"] -= lost
    frame["false_negative"] += lost
    errors = frame["false_positive"] + frame["false_negative"]
    frame["dice"], frame["iou"] = (of(frame["true_positive"], errors) for of in (dice_of_counts, iou_of_counts))
    return replace(run, frame=frame)


def test_a_run_does_not_differ_from_itself(run):
    found = compare_runs(run, run, matched_models(run, run, None, None), OPTIONS)
    assert (found.table["difference"] == 0).all()
    assert set(found.table["verdict"]) == {"not settled"}
    assert found.cases == 90
    assert found.skipped == {}


def test_a_real_loss_is_found_and_is_that_of_the_scores(run):
    after = worse(run, 0.1)
    found = compare_runs(run, after, matched_models(run, after, "model A", "model A"), OPTIONS).table
    assert set(found["verdict"]) == {"a"}
    clean = found[found["corruption"] == "clean"].iloc[0]
    means = [part.frame.query("model == 'model A' and severity == 0")["dice"].mean() for part in (run, after)]
    assert (clean["dice_a"], clean["dice_b"]) == pytest.approx(tuple(means))
    assert clean["difference"] == pytest.approx(means[0] - means[1])
    assert clean["low"] < clean["difference"] < clean["high"]


def test_only_shared_conditions_with_the_same_images_are_compared(run):
    short = replace(run, frame=validate_frame(run.frame[run.frame["severity"] != 5]))
    other = replace(run, details=replace(run.details, provenance={"Images, motion 1": "x", "Images, motion 2": "same"}))
    short = replace(
        short, details=replace(run.details, provenance={"Images, motion 1": "y", "Images, motion 2": "same"})
    )
    found = compare_runs(short, other, [("model A", "model B")], OPTIONS)
    assert found.skipped == {"motion 1": "the images differ", "motion 5": "only in the second run"}
    assert found.conditions == (("clean", 0), ("motion", 2), ("motion", 3), ("motion", 4))


def test_every_pair_of_one_name_is_one_family(run):
    after = worse(run, 0.02)
    both = compare_runs(run, after, matched_models(run, after, None, None), OPTIONS).table
    alone = compare_runs(run, after, [("model A", "model A")], OPTIONS).table
    assert sorted(set(both["model_a"])) == ["model A", "model B"]
    joined = both.merge(alone, on=["model_a", "model_b", "labels", "corruption"], suffixes=("", "_alone"))
    assert (joined["p_holm"] >= joined["p_holm_alone"]).all()
    pd.testing.assert_series_equal(joined["p_value"], joined["p_value_alone"], check_names=False)


@pytest.mark.parametrize(
    ("model_a", "model_b", "says"),
    [
        ("unet", None, "--model-a unet: the first run has no such model. Known: model A, model B"),
        (None, "unet", "--model-b unet: the second run has no such model"),
    ],
)
def test_a_model_that_is_not_there_is_told(run, model_a, model_b, says):
    with pytest.raises(UserError, match=says):
        matched_models(run, run, model_a, model_b)


def test_runs_that_cannot_be_compared_are_told(run):
    with pytest.raises(UserError, match="on another: there is nothing to compare"):
        compare_runs(
            run, replace(run, details=replace(run.details, dataset="another")), [("model A", "model A")], OPTIONS
        )
    renamed = replace(run, frame=validate_frame(run.frame.assign(case=run.frame["case"].astype(str) + "x")))
    with pytest.raises(UserError, match="no test case in common"):
        compare_runs(run, renamed, [("model A", "model A")], OPTIONS)
    with pytest.raises(UserError, match=r"model A \(100% of the labels\) and model A \(10%\) have no label fraction"):
        compare_runs(run, replace(run, frame=run.frame.assign(labels=10.0)), [("model A", "model A")], OPTIONS)
    one = replace(run, frame=run.frame[run.frame["model"] == "model A"])
    two = replace(run, frame=run.frame[run.frame["model"] == "model B"])
    assert matched_models(one, two, None, None) == [("model A", "model B")]
    with pytest.raises(UserError, match="no model of one name"):
        matched_models(
            replace(run, frame=run.frame.assign(model=run.frame["model"].astype(str) + "'")), two, None, None
        )
