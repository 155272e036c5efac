import pandas as pd
import pytest

from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.page.findings import findings


def find(frame, details, **bootstrap):
    return findings(condition_scores(frame, **bootstrap), robustness_summary(frame, **bootstrap), details)


def test_the_leader_is_named_with_numbers(frame, details):
    row = robustness_summary(frame).set_index("model").loc["model A"]
    text = find(frame, details)[0]
    assert text.startswith("Under motion (severities 1 to 5), model A keeps most of its clean Dice: ")
    assert f"{100 * row['dice_retention']:.1f}%" in text
    assert f"{100 * row['dice_retention_low']:.1f} to {100 * row['dice_retention_high']:.1f}" in text
    assert "The leader's interval overlaps no other." in text


def test_models_that_hardly_differ_are_not_called_settled(frame, details):
    twin = frame[frame["model"] == "model A"]
    text = find(pd.concat([twin, twin.assign(model="model B")]), details)[0]
    assert "The leader's interval overlaps that of model B: the order is not settled by it." in text


def test_the_model_that_keeps_most_may_not_be_the_best_one(frame, details):
    """Model B, as poor when clean as when corrupted, keeps everything and is still the worse model."""
    strong = frame[frame["model"] == "model A"]
    worst = strong[strong["severity"] == 5]
    columns = ["dice", "iou", "true_positive", "false_positive", "false_negative"]
    weak = pd.concat(
        strong[strong["severity"] == severity].assign(
            model="model B", **{column: worst[column].to_numpy() for column in columns}
        )
        for severity in range(6)
    )
    text = find(pd.concat([strong, weak]), details)[0]
    assert "model B keeps most of its clean Dice: 100.0%" in text
    assert "The highest mean Dice under this corruption, however, is that of model A" in text
    assert "The training of model B saw this corruption's family." in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"models": ("model A",)}, "model A keeps "),
        ({"clean": False}, "no clean score is known"),
        ({"severities": ()}, "No corruption was tested. On clean images the highest Dice is that of"),
        ({"severities": (1, 3)}, "(severities 1, 3)"),
        ({"severities": (4,)}, "(severity 4)"),
        ({"groups": 4}, "Without intervals for all models this order only describes these cases."),
        ({"groups": 4}, "With fewer than 8 patients no interval is given: it could not be trusted."),
        ({"labels": (1.0, 100.0)}, "Under motion with 1% of the labels"),
        ({"corruptions": ("fog", "motion")}, "Under fog (severities 1 to 5)"),
    ],
)
def test_every_shape_of_frame_has_a_true_sentence(make_frame, details, options, says):
    assert says in " ".join(find(make_frame(**options), details))


def test_unequal_severities_or_cases_are_named(frame, details):
    part = frame[(frame["model"] == "model A") | (frame["severity"] < 3)]
    assert "not run at the same severities" in find(part, details)[0]
    part = frame[(frame["model"] == "model A") | (frame["case"] != "case-000")]
    assert "do not all have the same number of test cases" in find(part, details)[-1]
