from dataclasses import replace

import pandas as pd
import pytest

from biclip_bench.reports import ModelNote, ReportDetails, condition_scores
from biclip_bench.reports.inference.analysis import analyse
from biclip_bench.reports.page.findings import findings
from biclip_bench.reports.page.text_floor import text_floor

GUIDED = ModelNote("guided", True, (), "a paper", 10)
BLIND = replace(GUIDED, name="blind", uses_image=False)
PLAIN = replace(GUIDED, name="plain", uses_text=False)


def details(*notes):
    return replace(ReportDetails("title", "profile", True, "simulated", "official"), models=notes)


@pytest.fixture
def scores(make_frame):
    """Model guided loses Dice with severity; blind has the same Dice under every condition, that of severity 3."""
    frame = make_frame(models=("guided",), corruptions=("fog", "motion"), labels=(5.0, 100.0))
    columns = ["dice", "iou", "true_positive", "false_positive", "false_negative"]
    parts = [frame]
    for labels, curves in frame.groupby("labels"):
        middle = curves[(curves["corruption"] == "motion") & (curves["severity"] == 3)]
        for _, condition in curves.groupby(["corruption", "severity"]):
            copied = {column: middle[column].to_numpy() for column in columns}
            parts.append(condition.assign(model="blind", labels=labels, **copied))
    return pd.concat(parts)


def test_the_score_of_the_text_alone_is_told_with_who_falls_below_it(scores):
    table = condition_scores(scores)
    own = table[(table["model"] == "blind") & (table["corruption"] == "clean")].set_index("labels")["dice_mean"]
    below = table[(table["model"] == "guided") & (table["dice_mean"] < table["labels"].map(own))]
    first = below.groupby(["labels", "corruption"])["severity"].min()
    told = text_floor(table, details(GUIDED, BLIND))
    assert len(told) == 2
    for sentence, labels in zip(told, (5.0, 100.0), strict=True):
        assert f"blind with {labels:g}% of the labels reaches a Dice of {100 * own[labels]:.1f}%" in sentence
        for corruption in ("fog", "motion"):
            assert f"guided under {corruption} from severity {first[labels, corruption]}" in sentence


def test_a_model_that_stays_above_is_said_to(scores):
    table = condition_scores(scores)
    better = table.assign(dice_mean=table["dice_mean"].where(table["model"] == "blind", 0.99))
    (sentence, _) = text_floor(better, details(GUIDED, BLIND))
    assert "No text-guided model falls below that" in sentence


def test_a_text_guided_model_without_its_yardstick_is_told(scores):
    table = condition_scores(scores[scores["model"] == "guided"])
    (sentence,) = text_floor(table, details(GUIDED, BLIND))
    assert "Dice of guided the texts alone give away is not known" in sentence
    assert text_floor(table, details(replace(PLAIN, name="guided"))) == []


def test_a_model_that_never_sees_the_image_is_not_called_robust(scores):
    notes = details(GUIDED, BLIND)
    text = findings(analyse(scores), notes)
    assert all("the mean Dice is that of guided" in paragraph for paragraph in text[:3])
    floor = text_floor(condition_scores(scores), notes)
    assert [paragraph for paragraph in text if "blind" in paragraph] == floor


def test_a_run_of_such_models_alone_is_told(scores):
    own = scores[scores["model"] == "blind"]
    (sentence,) = findings(analyse(own), details(BLIND))
    assert "Every model of this run predicts from the text alone" in sentence
