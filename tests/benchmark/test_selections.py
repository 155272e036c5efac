import pytest

from biclip_bench.benchmark.selections import parse_percentages, parse_whole_numbers, split_names, split_specs
from biclip_bench.errors import UserError


@pytest.mark.parametrize(
    ("text", "expected"), [("3", [3]), ("1,3,5", [1, 3, 5]), ("1-5", [1, 2, 3, 4, 5]), ("4, 1-2,2", [1, 2, 4])]
)
def test_severities_as_people_write_them(text, expected):
    assert parse_whole_numbers(text, "--severity", lowest=1, highest=5) == expected


@pytest.mark.parametrize("text", ["0", "6", "1-6", "5-1", "two", "1-", "", "1.5", "-1"])
def test_wrong_severities_are_told_with_an_example(text):
    with pytest.raises(UserError, match=r"--severity.*such as --severity 3"):
        parse_whole_numbers(text, "--severity", lowest=1, highest=5)


def test_an_endless_range_is_refused():
    with pytest.raises(UserError, match="more than 10,000"):
        parse_whole_numbers("0-99999999999", "--seed", lowest=0)


def test_percentages():
    assert parse_percentages("100,5, 1%", "--labels") == [1.0, 5.0, 100.0]


@pytest.mark.parametrize("text", ["0", "101", "nan", "inf", "half", "", "-5"])
def test_wrong_percentages(text):
    with pytest.raises(UserError, match="--labels"):
        parse_percentages(text, "--labels")


def test_names_are_repeated_or_comma_separated_and_all_is_all():
    assert split_names(["motion,low-dose-ct", "motion"]) == ["motion", "low-dose-ct"]
    assert split_names(["all"], ["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("typed", "specs"),
    [
        (["motion,low-dose-ct"], ["motion", "low-dose-ct"]),
        (["motion", "low-dose-ct:dose=0.1", "motion"], ["motion", "low-dose-ct:dose=0.1"]),
        (["low-dose-ct:dose=0.1,kernel=hann,motion"], ["low-dose-ct:dose=0.1,kernel=hann", "motion"]),
        (["motion:paper,low-dose-ct:dose=0.1"], ["motion:paper", "low-dose-ct:dose=0.1"]),
        (["motion:length=3/5+low-dose-ct:dose=1e-2,kernel=hann , motion"],
         ["motion:length=3/5+low-dose-ct:dose=1e-2,kernel=hann", "motion"]),
        ([" ", ","], []),
    ],
)  # fmt: skip
def test_a_comma_separates_specifications_but_not_parameters(typed, specs):
    assert split_specs(typed) == specs
