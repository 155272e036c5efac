import pytest

from biclip_bench.benchmark.ablation import ablations
from biclip_bench.errors import UserError
from biclip_bench.models import parse_model


def names(models, ablate):
    return [spec.text for spec in ablations([parse_model(model) for model in models], ablate)]


def test_each_part_is_switched_off_alone():
    assert names(["biclip"], ["cycle", "refinement"]) == ["biclip", "biclip?cycle=false", "biclip?refinement=false"]


def test_parts_joined_by_plus_go_together():
    assert names(["biclip"], ["cycle+refinement"]) == ["biclip", "biclip?cycle=false&refinement=false"]


def test_all_stands_for_every_part_alone():
    assert names(["biclip"], ["all"]) == [
        "biclip",
        *(f"biclip?{part}=false" for part in ("refinement", "cycle", "consistency", "generation", "strong_view")),
    ]


def test_a_model_without_the_part_stays_as_it_is():
    assert names(["biclip", "ef-unet", "unet"], ["cycle"]) == ["biclip", "biclip?cycle=false", "ef-unet", "unet"]


@pytest.mark.parametrize(
    ("models", "part", "message"),
    [
        (["biclip"], "cycel", "no model of this run has a part 'cycel'. Did you mean 'cycle'"),
        (["unet"], "cycle", "none of the models unet has parts"),
    ],
)
def test_an_unknown_part_is_named(models, part, message):
    with pytest.raises(UserError, match=message):
        names(models, [part])
