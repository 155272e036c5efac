import pytest

from biclip_bench.benchmark.config import ExperimentConfig
from biclip_bench.benchmark.plan import check_names, make_plan
from biclip_bench.errors import UserError


def plan_of(phantom, **values):
    return make_plan(ExperimentConfig(**values), phantom)


def test_the_grid_is_every_combination_once(phantom):
    plan = plan_of(phantom, model="biclip,unet", labels="50,100", seed="0-2", corruption="motion", severity="1,3")
    assert len(plan.training) == 2 * 2 * 3
    assert len({cell.key for cell in plan.training}) == 12
    evaluations = plan.evaluations_of(plan.training[0])
    assert [(cell.corruption, cell.severity) for cell in evaluations] == [("clean", 0), ("motion", 1), ("motion", 3)]
    assert len({cell.key for cell in plan.all_evaluations}) == 36


def test_all_is_every_corruption_and_every_model(phantom):
    plan = plan_of(phantom, model="all", corruption="all", severity="1")
    assert {"motion", "low-dose-ct"} <= {spec.name for spec in plan.corruptions}
    assert {"biclip", "ef-unet", "unet"} <= set(plan.models)


def test_a_models_cells_do_not_depend_on_what_else_is_run(phantom):
    alone = plan_of(phantom, model="unet", corruption="motion", severity="2")
    among = plan_of(phantom, model="biclip,unet", corruption="all", severity="1-5", labels="50,100", seed="0,1")
    assert {cell.key for cell in alone.all_evaluations} <= {cell.key for cell in among.all_evaluations}


def test_the_device_and_the_place_of_results_are_not_in_the_key(phantom):
    here = plan_of(phantom, model="unet", accelerator="cpu", output="a")
    there = plan_of(phantom, model="unet", accelerator="cuda", output="b")
    assert here.training[0].key == there.training[0].key


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "unett"}, "no model named 'unett'. Did you mean 'unet'"),
        ({"corruption": "motoin"}, "no corruption named 'motoin'. Did you mean 'motion'"),
        ({"model_options": {"lvit": {}}}, "model_options names 'lvit'"),
    ],
)
def test_names_that_are_not_there(phantom, values, message):
    with pytest.raises(UserError, match=message):
        plan_of(phantom, **values)


def test_a_models_options_reach_its_settings(phantom):
    plan = plan_of(phantom, model="biclip", model_options={"biclip": {"cycle": False}})
    assert plan.training[0].model_settings["options"] == {"cycle": False}
    assert plan.training[0].key != plan_of(phantom, model="biclip").training[0].key


def test_the_text_encoder_is_tried_only_for_models_that_read_texts():
    with pytest.raises(UserError, match=r"no folder \./nowhere"):
        check_names(ExperimentConfig(model="unet,biclip", text_encoder="hf:./nowhere"))
    check_names(ExperimentConfig(model="unet", text_encoder="hf:./nowhere"))
    with pytest.raises(UserError, match="no text encoder named 'hg'"):
        check_names(ExperimentConfig(model="unet", text_encoder="hg:./nowhere"))
