import re
from dataclasses import replace

import pandas as pd
import pytest

from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.page.findings import findings
from biclip_bench.reports.wording import FEW_PATIENTS


def find(frame, details, **options):
    return findings(analyse(frame, AnalysisOptions(**options)), details)


def sentences(text):
    return re.split(r"(?<=\.) (?=[A-Z])", text)


def test_the_first_finding_sums_up_in_three_sentences(make_frame, details):
    frame = make_frame(corruptions=("motion", "low-dose-ct"))
    analysis = analyse(frame)
    best = analysis.overall.set_index("model").loc["model A"]
    row = analysis.comparisons.set_index("corruption").loc["all"]
    whole = findings(analysis, details)[0]
    assert len(sentences(whole)) <= 3
    assert whole.startswith(
        f"Over 2 corruptions, the highest mean Dice is that of model A: {100 * best['dice_corrupted']:.1f}%"
    )
    assert f"({100 * best['dice_corrupted_low']:.1f} to {100 * best['dice_corrupted_high']:.1f})" in whole
    assert f"{100 * row['difference']:.1f} points ({100 * row['low']:.1f} to {100 * row['high']:.1f}) ahead" in whole
    assert "a significant difference between these trained models (Holm-adjusted p" in whole
    assert "1 seed is too few to say how another training would come out" in whole


def test_each_corruption_has_its_leader_with_the_difference(frame, details):
    analysis = analyse(frame)
    row = analysis.summary.set_index("model").loc["model A"]
    text = findings(analysis, details)[1]
    assert text.startswith("Under motion (severities 1 to 5), the highest mean Dice is that of model A: ")
    assert f"{100 * row['dice_corrupted']:.1f}%" in text
    assert f"{100 * row['dice_retention_low']:.1f} to {100 * row['dice_retention_high']:.1f}" in text
    assert "ahead of model B, a significant difference" in text
    assert "The training of model B saw this corruption's family." in text


def test_models_that_hardly_differ_are_not_called_settled(frame, details):
    twin = frame[frame["model"] == "model A"]
    text = " ".join(find(pd.concat([twin, twin.assign(model="model B")]), details))
    assert "but the data do not settle which of the two is better (Holm-adjusted p = 1, 12 patients)" in text
    assert "significant" not in text


def test_with_five_trainings_the_finding_is_about_methods(make_frame, details):
    text = find(make_frame(seeds=range(5)), details)
    assert "a significant difference between the methods" in text[0]
    assert not any("trained models" in paragraph for paragraph in text)


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
    text = find(pd.concat([strong, weak]), details)[1]
    assert "the highest mean Dice is that of model A" in text
    assert "model B keeps a larger share of a lower score: 100.0% (100.0 to 100.0) of its clean Dice" in text


def test_worst_cases_bar_error_and_labels_have_their_sentences(make_frame, details):
    frame = make_frame(models=("model A", "model B", "unet"), labels=(10.0, 100.0), corruptions=("motion",))
    analysis = analyse(frame, AnalysisOptions(bar=0.75))
    text = " ".join(findings(analysis, details))
    overall = analysis.overall[analysis.overall["labels"] == 100].set_index("model")
    worst = overall["dice_worst_decile_corrupted"]
    assert f"{worst.idxmin()} fails most: Dice {100 * worst.min():.1f}% on average" in text
    summary = analysis.summary[analysis.summary["labels"] == 100].set_index("model")
    assert "Below the bar of 75% mean Dice fall: " in text
    for model in ("model A", "model B", "unet"):
        assert f"{model} under motion from severity {summary.loc[model, 'severity_below_bar']:g}" in text
    error = overall["mean_corruption_error"]
    assert f"Relative to unet (100%), the mean corruption error is lowest for {error.idxmin()}" in text
    assert "The clean Dice that unet has with 100% of the labels: model A" in text


def test_with_more_models_the_others_are_told_in_short(make_frame, details):
    text = find(make_frame(models=("model A", "model B", "c", "d")), details)[1]
    assert "Its lead over c and d is significant." in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"models": ("model A",)}, "the mean Dice is that of model A"),
        ({"clean": False}, "no clean score is known"),
        ({"severities": ()}, "No corruption was tested. On clean images, the highest mean Dice is that of"),
        ({"severities": (1, 3)}, "(severities 1, 3)"),
        ({"severities": (4,)}, "(severity 4)"),
        ({"groups": 4}, "but 4 patients are too few to settle that"),
        ({"groups": 4}, FEW_PATIENTS),
        ({"labels": (1.0, 100.0)}, "With 1% of the labels it is "),
        ({"corruptions": ("fog", "motion")}, "Under fog (severities 1 to 5)"),
        ({"seeds": (0, 1, 2)}, "3 seeds are too few to say how another training would come out"),
    ],
)
def test_every_shape_of_frame_has_a_true_sentence(make_frame, details, options, says):
    assert says in " ".join(find(make_frame(**options), details))


def test_against_a_reference_the_leader_is_compared_with_it(make_frame, details):
    frame = make_frame(models=("model A", "model B", "unet"))
    text = find(frame, details, reference="unet")[0]
    assert "ahead of unet" in text


def test_unequal_severities_or_cases_are_named(frame, details):
    part = frame[(frame["model"] == "model A") | (frame["severity"] < 3)]
    assert "not run at the same severities" in find(part, details)[1]
    part = frame[(frame["model"] == "model A") | (frame["group"] != "patient-000")]
    last = find(part, details)[-1]
    assert "do not all have the same number of test cases" in last
    assert "the 11 patients that all of them share" in last


def test_without_resamples_nothing_is_called_settled(frame, details):
    text = " ".join(find(frame, details, resamples=0))
    assert "significant" not in text
    assert "nan" not in text


def test_names_are_printed_as_they_are(make_frame, details):
    odd = "<b>{x}%s</b>"
    text = find(make_frame(models=(odd, "model B")), replace(details, models=()))
    assert any(odd in paragraph for paragraph in text)
