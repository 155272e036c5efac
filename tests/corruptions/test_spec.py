import pytest
import torch

from biclip_bench.corruptions import advice, corrupt, corruption_registry, parse_spec
from biclip_bench.errors import UserError


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("motion", "motion"),
        (" motion : length = 9.0 ", "motion:length=9"),
        ("motion:length=3/5/7/11/15", "motion"),
        ("motion:length=3/5/7/11/16", "motion:length=3/5/7/11/16"),
        ("motion:length=1e+1", "motion:length=10"),
        ("motion:length=3.14159265", "motion:length=3.14159265"),
        ("low-dose-ct+motion", "motion+low-dose-ct"),
        ("low-dose-ct:dose=0.1 + motion:paper", "motion:paper+low-dose-ct:dose=0.1"),
    ],
)
def test_equal_specifications_have_one_name(typed, name):
    assert parse_spec(typed).name == name
    assert parse_spec(name) == parse_spec(typed)


def test_every_registered_name_is_a_specification_of_five_severities():
    for name in corruption_registry:
        spec = parse_spec(name)
        assert spec.name == name
        assert spec.severities == (1, 2, 3, 4, 5)
        corruption = corruption_registry.get(name)
        for severity, level in enumerate(corruption.levels, start=1):
            assert spec.values(severity) == {**corruption.defaults, **level}
        assert set(spec.units) == set(spec.values(1))
        for preset in corruption.presets:
            assert parse_spec(f"{name}:{preset}").severities


def test_values_of_the_users_own_make_levels():
    assert parse_spec("motion:length=9").severities == (1,)
    assert parse_spec("motion:length=9").values(1) == {"length": 9.0}
    assert [parse_spec("motion:length=2/4/8").values(n)["length"] for n in (1, 2, 3)] == [2, 4, 8]


def test_a_fixed_part_stays_while_the_other_is_graded():
    spec = parse_spec("low-dose-ct+motion:length=9")
    assert spec.severities == (1, 2, 3, 4, 5)
    assert [part.corruption.name for part in spec.parts] == ["motion", "low-dose-ct"]
    assert [spec.values(n)["motion length"] for n in spec.severities] == [9] * 5
    assert [spec.values(n)["low-dose-ct dose"] for n in spec.severities] == [0.5, 0.25, 0.1, 0.05, 0.025]
    assert spec.families == ("motion-blur", "quantum-noise")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("moton", "Did you mean 'motion'"),
        ("motion:lenght=9", "Did you mean 'length='"),
        ("motion:papr", "Did you mean 'paper'"),
        ("motion:length=long", "length=long: length .* is a number from 0"),
        ("motion:length=-1", "a number from 0"),
        ("motion:length=nan", "a number from 0"),
        ("motion:length=1/2/3/4/5/6", "at most 5"),
        ("motion:length=", "a number from 0"),
        ("motion+motion:length=9", "twice"),
        ("motion:length=3/5+low-dose-ct", r"2 \(motion:length=3/5\) and 5 \(low-dose-ct\)"),
        ("", "no corruption named ''"),
        ("motion+", "no corruption named 'motion\\+'"),
    ],
)
def test_what_cannot_be_read_is_refused_and_said_why(typed, message):
    with pytest.raises(UserError, match=message):
        parse_spec(typed)


def test_severities_are_those_that_exist():
    assert parse_spec("motion").chosen([1, 3]) == (1, 3)
    assert parse_spec("motion:length=9").chosen([4, 5]) == (1,)
    assert parse_spec("motion:length=2/4/8").chosen([2, 3, 4]) == (2, 3)
    with pytest.raises(UserError, match="severities 1 to 3, not 4, 5"):
        parse_spec("motion:length=2/4/8").chosen([4, 5])


def test_a_composition_is_one_after_the_other_with_each_parts_own_randomness():
    images = torch.rand(2, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    cases = ["a", "b"]
    both = corrupt("low-dose-ct+motion", images, 3, cases)
    assert torch.equal(both, corrupt("low-dose-ct", corrupt("motion", images, 3, cases), 3, cases))
    fixed = corrupt("low-dose-ct+motion:length=9", images, 4, cases)
    moved = corrupt("motion:length=9", images, 1, cases)
    assert torch.equal(fixed, corrupt("low-dose-ct", moved, 4, cases))


def test_a_level_of_the_users_own_meets_the_same_draws():
    image = torch.zeros(1, 1, 41, 41)
    image[..., 20, 20] = 1
    table, own = corrupt("motion", image, 1, ["a"]), corrupt("motion:length=3", image, 1, ["a"])
    assert torch.equal(table, own)


def test_advice_names_what_is_made_for_these_images():
    assert advice(parse_spec("motion"), "radiograph") == []
    assert advice(parse_spec("low-dose-ct"), "ct") == []
    (paragraph,) = advice(parse_spec("motion+low-dose-ct"), "radiograph")
    assert "low-dose-ct models the physics of CT slices, and this data set holds radiographs" in paragraph
