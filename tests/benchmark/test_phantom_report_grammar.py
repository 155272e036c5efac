import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.datasets.report_grammar import VARIANTS, ZONES, Findings, describe, parse
from biclip_bench.errors import UserError

zone_sets = st.frozensets(st.sampled_from(ZONES))


@st.composite
def any_findings(draw):
    left, right = draw(zone_sets), draw(zone_sets)
    lungs = bool(left) + bool(right)
    return Findings(draw(st.integers(lungs, 40)) if lungs else 0, left, right)


@given(any_findings(), st.integers(0, 3 * VARIANTS))
def test_every_wording_says_exactly_the_findings(findings, variant):
    assert parse(describe(findings, variant)) == findings


@given(any_findings(), st.integers(0, VARIANTS - 1))
def test_case_and_white_space_do_not_matter(findings, variant):
    sentence = describe(findings, variant)
    assert parse(f"  {sentence.upper().replace(' ', '  ')}\n") == findings


@given(any_findings(), any_findings(), st.integers(0, VARIANTS - 1))
def test_different_findings_read_differently(one, other, variant):
    assert (describe(one, variant) == describe(other, variant)) == (one == other)


def test_wordings_differ_from_each_other():
    findings = Findings(3, frozenset(ZONES), frozenset({"upper", "lower"}))
    assert len({describe(findings, variant) for variant in range(VARIANTS)}) == VARIANTS


# Sentences of the published annotations' pattern, written out by hand.
@pytest.mark.parametrize(
    ("sentence", "findings"),
    [
        (
            "Bilateral pulmonary infection, two infected areas, upper left lung and upper right lung.",
            Findings(2, frozenset({"upper"}), frozenset({"upper"})),
        ),
        ("Unilateral pulmonary infection, one infected area, lower left lung.", Findings(1, frozenset({"lower"}))),
        (
            "Bilateral pulmonary infection, five infected areas, all left lung and upper middle lower right lung.",
            Findings(5, frozenset(ZONES), frozenset(ZONES)),
        ),
        (
            "Bilateral pulmonary infection, two infected areas, middle lower left lung and upper lower right lung.",
            Findings(2, frozenset({"middle", "lower"}), frozenset({"upper", "lower"})),
        ),
        ("No pulmonary infection, no infected area.", Findings(0)),
    ],
)
def test_published_pattern_is_read_and_written(sentence, findings):
    assert parse(sentence) == findings
    assert describe(findings, 0) == sentence.replace("upper middle lower", "all")


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("The nuclei are evenly distributed.", "number of infected areas and a zone"),
        (
            "Bilateral pulmonary infection, one infected area, upper left lung.",
            "bilateral and names 1 infected lung",
        ),
        ("Unilateral pulmonary infection, some infected areas, upper left lung.", "'some' is not a number"),
        ("Bilateral pulmonary infection, one infected area, upper left lung and lower right lung.", "do not fit 2"),
        ("Unilateral pulmonary infection, lower left lung.", "number of infected areas"),
        ("", "number of infected areas"),
    ],
)
def test_a_sentence_outside_the_grammar_is_refused_with_its_reason(sentence, reason):
    with pytest.raises(UserError, match=reason) as refusal:
        parse(sentence)
    assert repr(sentence) in str(refusal.value)


@pytest.mark.parametrize("count", [0, 1])
def test_impossible_findings_cannot_be_made(count):
    zones = frozenset({"upper"})
    impossible = [(0, zones, frozenset()), (1, frozenset(), frozenset()), (1, zones, zones)]
    for total, left, right in impossible:
        with pytest.raises(ValueError, match="do not fit"):
            Findings(total, left, right)
    with pytest.raises(ValueError, match="Zones are upper, middle, lower"):
        Findings(count + 1, frozenset({"apical"}))  # type: ignore[arg-type]


def test_all_zone_combinations_of_the_published_sets_occur():
    combinations = [frozenset(c) for k in (1, 2, 3) for c in itertools.combinations(ZONES, k)]
    words = {describe(Findings(1, zones)).split(", ")[2].removesuffix(" left lung.") for zones in combinations}
    assert words == {"upper", "middle", "lower", "upper middle", "middle lower", "upper lower", "all"}
