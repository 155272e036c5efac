import json

import numpy as np
import pytest
import yaml
from huggingface_hub.repocard_data import model_index_to_eval_results

from biclip_bench.errors import UserError
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.leaderboard import leaderboard_rows, model_card


@pytest.fixture
def analysis(make_frame):
    return analyse(make_frame(labels=(10.0, 100.0)), AnalysisOptions(resamples=200))


def test_every_model_and_fraction_has_a_row_with_its_scores(analysis, details):
    document = json.loads(json.dumps(leaderboard_rows(analysis, details), allow_nan=False))
    assert [(row["model"], row["labels_percent"]) for row in document["rows"]] == [
        ("model A", 10), ("model A", 100), ("model B", 10), ("model B", 100),
    ]  # fmt: skip
    assert document["settings"] == dict(details.settings)
    assert document["comparable_with_the_paper"] is False
    scores = analysis.scores.set_index(["model", "labels", "corruption", "severity"])
    for row in document["rows"]:
        for condition in row["conditions"]:
            key = (row["model"], row["labels_percent"], condition["corruption"], condition["severity"])
            assert condition["dice_mean"] == pytest.approx(scores.loc[key, "dice_mean"])
        clean = [one["dice_mean"] for one in row["conditions"] if one["severity"] == 0]
        assert row["overall"]["dice_clean"] == pytest.approx(clean[0])


def test_the_model_card_is_read_by_hugging_faces_own_reader(analysis, details):
    with pytest.raises(UserError, match="choose one with --model"):
        model_card(analysis, details)
    with pytest.raises(UserError, match=r"no such model\. Known: model A, model B"):
        model_card(analysis, details, "model C")
    text = model_card(analysis, details, "model B")
    assert text.startswith("---\n")
    assert text.endswith("\n---\n")
    name, results = model_index_to_eval_results(yaml.safe_load(text.strip("-\n"))["model-index"])
    assert name == "model B"
    assert {result.dataset_args["labels_percent"] for result in results} == {10.0, 100.0}
    values = {(r.dataset_args["labels_percent"], r.metric_type): r.metric_value for r in results}
    overall = analysis.overall.set_index(["model", "labels"])
    assert values[100.0, "dice_corrupted"] == pytest.approx(overall.loc[("model B", 100.0), "dice_corrupted"], abs=1e-6)
    assert all(np.isfinite(list(values.values())))
