import pytest

from biclip_bench.benchmark.level_words import graded_units, level_words
from biclip_bench.corruptions import Corruption, Parameter, corruption_registry, parse_spec
from biclip_bench.corruptions.spec import CorruptionSpec, SpecPart


def one_level(**values_and_units):
    parameters = {name: Parameter(unit, choices=(value,) if isinstance(value, str) else ())
                  for name, (value, unit) in values_and_units.items()}  # fmt: skip
    level = {name: value for name, (value, _) in values_and_units.items()}
    made = Corruption("made", "", "image", (), "", parameters, (level,), "", 1, {}, lambda images, *_: images)
    return CorruptionSpec((SpecPart("made", made, (level,)),))


@pytest.mark.parametrize(
    ("text", "severity", "expected"),
    [
        ("motion", 3, "7 px"),
        ("low-dose-ct", 3, "dose 10%"),
        ("low-dose-ct", 5, "dose 2.5%"),
        ("motion:length=9.5", 1, "9.5 px"),
        ("motion+low-dose-ct", 5, "length 15 px, dose 2.5%"),
    ],
)
def test_a_level_in_words(text, severity, expected):
    assert level_words(parse_spec(text), severity) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"shift": (5.0, "mm")}, "5 mm"),
        ({"shift": (5.0, "mm"), "gain": (1.5, "")}, "shift 5 mm, gain 1.5"),
        ({"noise_sd": (0.05, "of the image's largest value")}, "noise sd 0.05"),
        ({"gamma": (1.5, "exponent")}, "gamma 1.5"),
        ({"quality": (30, "JPEG quality, 1 to 100")}, "quality 30"),
        ({"covered": (12.5, "%")}, "12.5%"),
        ({"contrast": (0.3, "share of the clean contrast")}, "contrast 30%"),
        ({"views": (1 / 3, "fraction of a full scan's views")}, "views 33.3%"),
        ({"factor": (1.5, "pixels of the image to one of the coarser")}, "factor 1.5"),
        ({"mode": ("jerk", "how the body moves")}, "jerk"),
    ],
)
def test_units_of_other_kinds(values, expected):
    assert level_words(one_level(**values), 1) == expected


def test_every_registered_corruption_has_words_that_differ_between_severities():
    for name in corruption_registry:
        spec = parse_spec(name)
        words = [level_words(spec, severity) for severity in spec.severities]
        assert len(set(words)) == len(words), name
        assert graded_units(spec)
