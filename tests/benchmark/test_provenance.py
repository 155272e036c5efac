from dataclasses import replace

import pytest

from biclip_bench.benchmark.cells import EvaluationCell, OutsideModel
from biclip_bench.benchmark.config import make_config
from biclip_bench.benchmark.plan import dataset_of, make_plan
from biclip_bench.benchmark.provenance import provenance_of
from biclip_bench.reports.details import ScoringNote

NOTE = ScoringNote()


def provenance(tmp_path, **keys):
    keys = {"patients": [2, 1, 2], "image_size": 32, "width": 4, "severity": "1,5", "output": tmp_path} | keys
    config = make_config(keys, "The test")
    dataset = dataset_of(config)
    plan = make_plan(config, dataset)
    return provenance_of(dataset.fingerprint, NOTE, plan.training, plan.all_evaluations)


def differs(first, second):
    return {key for key in {*first, *second} if first.get(key) != second.get(key)}


@pytest.mark.parametrize(
    ("keys", "changed"),
    [
        ({"seed": "3"}, set()),
        ({"labels": "50"}, set()),
        ({"epochs": 3}, {"Model biclip", "Model unet"}),
        ({"model": "unet"}, {"Model biclip"}),
        ({"severity": "1"}, {"Images, motion 5", "Images, low-dose-ct 5"}),
        ({"patients": [2, 1, 3]}, {"Data set"}),
    ],
)
def test_it_differs_where_scores_could_not_stand_in_one_table(tmp_path, keys, changed):
    assert differs(provenance(tmp_path), provenance(tmp_path, **keys)) == changed


def test_a_release_tells_of_the_same_images_as_a_run():
    model = OutsideModel("m", 100.0, 0, "predictions", "0" * 64, "masks")
    level = {"length": 7.0}
    part = {"corruption": "motion", "version": 1, "severity": 3}
    of_run = EvaluationCell(model, "motion", 3, {"fingerprint": "f", "parts": [{**part, "level": level}]})
    parameters = {"length": {"value": 7.0, "unit": "px"}}
    released = {**part, "family": "motion-blur", "parameters": parameters}
    of_release = EvaluationCell(model, "motion", 3, {"truth": "t", "parts": [released]})
    other = EvaluationCell(model, "motion", 3, {"parts": [{**part, "level": {"length": 9.0}}]})
    digests = [provenance_of("f", NOTE, [model], [cell])["Images, motion 3"] for cell in (of_run, of_release, other)]
    assert digests[0] == digests[1] != digests[2]


def test_another_file_of_a_model_from_elsewhere_may_be_another_seed_of_it():
    models = [
        OutsideModel("m", 100.0, seed, "predictions", digest * 64, "masks") for seed, digest in ((0, "0"), (1, "1"))
    ]
    first, second = (provenance_of("f", NOTE, [model], []) for model in models)
    assert first == second
    masks = provenance_of("f", NOTE, [replace(models[0], output="probabilities")], [])
    assert masks["Model m"] != first["Model m"]
