import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.outside.prediction_meaning import Meaning, meaning_of
from biclip_bench.errors import UserError

MASKS_OF_ONE, MASKS_OF_255 = Meaning("masks", 1), Meaning("masks", 255)


@pytest.mark.parametrize(
    ("kind", "levels", "stated", "expected"),
    [
        ("1 bit", {0, 1}, None, MASKS_OF_ONE),
        ("1 bit", {0, 1}, "probabilities", MASKS_OF_ONE),
        ("8 bits", {0}, None, MASKS_OF_ONE),
        ("8 bits", {0, 1}, None, MASKS_OF_ONE),
        ("8 bits", {0, 255}, None, MASKS_OF_255),
        ("8 bits", {255}, None, MASKS_OF_255),
        ("8 bits", {0, 1, 255}, None, Meaning("probabilities", 255)),
        ("8 bits", {0, 1}, "probabilities", Meaning("probabilities", 255)),
        ("8 bits", {0, 128}, "probabilities", Meaning("probabilities", 255)),
        ("16 bits", {0, 1}, None, MASKS_OF_ONE),
        ("16 bits", {0, 255}, None, MASKS_OF_255),
        ("16 bits", {0, 65535}, None, Meaning("masks", 65535)),
        ("16 bits", {0, 3, 70}, None, Meaning("probabilities", 65535)),
        ("whole numbers", {0, 1}, "masks", MASKS_OF_ONE),
        ("floating point", {0.0, 1.0}, None, Meaning("probabilities", 1)),
        ("floating point", {0.0, 1.0}, "masks", MASKS_OF_ONE),
    ],
)
def test_what_numbers_mean(kind, levels, stated, expected):
    assert meaning_of({kind: levels}, stated) == {kind: expected}


@pytest.mark.parametrize(
    ("kind", "levels", "stated", "message"),
    [
        ("8 bits", {0, 1, 2}, None, "numbers 0, 1, 2, which look like labels of several classes.*--output-kind"),
        ("16 bits", set(range(16)), None, r"numbers 0, 1, 2, 3, 4, \.\.\. 15, which look like labels"),
        ("8 bits", {0, 128}, None, "numbers 0, 128, which are neither a mask.*--output-kind probabilities"),
        ("8 bits", {0, 1, 255}, "masks", "masks hold 0 and 1, or 0 and 255, the same in every file"),
        ("whole numbers", {0, 7}, None, "masks hold 0 and 1"),
        ("whole numbers", {0, 1}, "probabilities", "no full scale"),
        ("floating point", {0.0, 0.2, 1.0}, "masks", "a mask holds 0 and 1"),
    ],
)
def test_what_can_be_neither_is_refused(kind, levels, stated, message):
    with pytest.raises(UserError, match=message):
        meaning_of({kind: levels}, stated)


@given(st.sets(st.integers(0, 255), min_size=3).filter(lambda levels: max(levels) >= 16))
def test_more_than_two_levels_of_8_bits_are_probabilities_cut_at_a_half(levels):
    meaning = meaning_of({"8 bits": levels})["8 bits"]
    assert meaning.what == "probabilities"
    assert all((level > 0.5 * meaning.scale) == (level / 255 > 0.5) for level in levels)
