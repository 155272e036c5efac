import pytest
import yaml

from biclip_bench.benchmark.config import make_config
from biclip_bench.benchmark.datasets import dataset_registry
from biclip_bench.benchmark.plan import known_corruptions, known_models
from biclip_bench.benchmark.presets import PAPER_TEXT_ENCODER
from biclip_bench.benchmark.recipes import RECIPES, find_recipe
from biclip_bench.corruptions import parse_spec
from biclip_bench.errors import UserError


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_run_in_the_papers_setting(name):
    recipe = find_recipe(name)
    config = make_config(recipe.config, recipe.name)
    assert config.is_paper_setting
    assert config.text_encoder == PAPER_TEXT_ENCODER
    assert config.seed == (0, 1, 2, 3, 4)
    assert set(recipe.datasets) <= set(dataset_registry.names())
    assert "biclip" in known_models(config)
    assert make_config(yaml.safe_load(config.to_yaml()), "its own file").to_yaml() == config.to_yaml()


def test_the_motion_of_the_paper_is_one_of_the_severities():
    (spec,) = known_corruptions(make_config(find_recipe("motion").config, "motion"))
    assert spec.values(3)["length"] == parse_spec("motion:paper").values(1)["length"] == 7


def test_clean_images_alone_can_be_asked_for_and_asked_for_again():
    config = make_config(find_recipe("table1").config, "table1")
    assert config.corruption == ()
    assert make_config(yaml.safe_load(config.to_yaml()), "its own file").corruption == ()


def test_an_unknown_recipe_is_told_with_a_close_one():
    with pytest.raises(UserError, match=r"no recipe 'table'\. Did you mean 'table1'"):
        find_recipe("table")
