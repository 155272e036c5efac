from dataclasses import replace

import pytest

from biclip_bench.benchmark.cells import EvaluationCell, TrainingCell, TrainingSettings, canonical_json, digest

CELL = TrainingCell(
    dataset="phantom",
    fingerprint="f" * 64,
    labels=5.0,
    cases=("a", "b"),
    seed=0,
    model="unet",
    model_settings={"width": 8, "image_size": 64, "options": {}},
    training=TrainingSettings(2, 1, 4, 1e-3, 0.0, 1.0, 1e-2),
)


def test_canonical_json_ignores_the_order_of_keys():
    assert canonical_json({"b": 1, "a": [1.5, "x"]}) == '{"a":[1.5,"x"],"b":1}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_canonical_json_refuses_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "lvit"},
        {"fingerprint": "0" * 64},
        {"labels": 10.0},
        {"cases": ("a", "c")},
        {"seed": 1},
        {"model": "biclip"},
        {"model_settings": {"width": 16, "image_size": 64, "options": {}}},
        {"training": TrainingSettings(3, 1, 4, 1e-3, 0.0, 1.0, 1e-2)},
        {"training": TrainingSettings(2, 1, 4, 1e-3, 0.0, 1.0, 1e-2, "bf16-mixed")},
    ],
)
def test_whatever_changes_the_bits_changes_the_key(change):
    assert replace(CELL, **change).key != CELL.key


def test_the_order_in_which_settings_were_given_does_not():
    same = replace(CELL, model_settings={"options": {}, "image_size": 64, "width": 8})
    assert same.key == CELL.key


def test_an_evaluation_has_its_own_key_for_each_condition():
    keys = {
        EvaluationCell(CELL).key,
        EvaluationCell(CELL, "motion", 1).key,
        EvaluationCell(CELL, "motion", 2).key,
        EvaluationCell(CELL, "motion", 1, {"level": {"length": 4}}).key,
        EvaluationCell(replace(CELL, seed=1), "motion", 1).key,
        CELL.key,
    }
    assert len(keys) == 6


def test_a_new_table_of_scores_leaves_trainings_valid(monkeypatch):
    before = CELL.key, EvaluationCell(CELL).key
    monkeypatch.setattr("biclip_bench.benchmark.cells.EVALUATION_SCHEMA_VERSION", 99)
    after = CELL.key, EvaluationCell(CELL).key
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_training_keeps_the_key_that_earlier_versions_gave_it():
    assert CELL.key == "effce7747470d0c4e7c171c5bace81994cef34ac19a3ed094ace8d73d08ec1f1"
