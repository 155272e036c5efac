"""The grammar of short lung reports: findings to sentence and back.

The reports that accompany QaTa-COV19 and MosMedData+ in LViT's layout (Li et al., "LViT: Language meets Vision
Transformer in Medical Image Segmentation", IEEE TMI 2023) all follow one pattern: whether one or both lungs are
infected, how many infected areas there are, and where in each lung they lie. "Left" and "right" are the patient's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from biclip_bench.errors import UserError

Zone = Literal["upper", "middle", "lower"]
Side = Literal["left", "right"]
ZONES: tuple[Zone, ...] = ("upper", "middle", "lower")
SIDES: tuple[Side, ...] = ("left", "right")
VARIANTS = 8
"""Number of wordings that :func:`describe` knows; number 0 is the published data sets' own."""

_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_COUNT = re.compile(
    r"\b(\w+) (?:infected area|area of infection|infected region|infectious focus)s?\b|\b(\w+) areas of infection\b"
)
_ZONE_WORDS = r"(?:all|whole|entire|upper|middle|lower)"
_ZONE_LIST = rf"{_ZONE_WORDS}(?:(?: and |, ?| ){_ZONE_WORDS})*"
_ZONES_THEN_SIDE = re.compile(rf"\b({_ZONE_LIST})(?: (?:zone|part|field)s?)?(?: of)?(?: the)? (left|right) lung\b")
_SIDE_THEN_ZONES = re.compile(rf"\b(left|right) lung \(({_ZONE_LIST})\)")
_NORMAL = re.compile(r"\b(?:no (?:\w+ )?infection|no infected areas?|clear lungs)\b")


@dataclass(frozen=True)
class Findings:
    """What a report states.

    Parameters
    ----------
    count
        Number of separate infected areas in both lungs together, 0 or more.
    left, right
        Zones of the patient's left and right lung in which infected areas lie, empty where the lung is clear.

    Raises
    ------
    ValueError
        If there are areas but no place, a place but no area, or fewer areas than infected lungs.
    """

    count: int
    left: frozenset[Zone] = frozenset()
    right: frozenset[Zone] = frozenset()

    def __post_init__(self) -> None:
        if not (self.left | self.right) <= set(ZONES):
            raise ValueError(f"Zones are {', '.join(ZONES)}; these are {sorted(self.left | self.right)}.")
        infected_lungs = bool(self.left) + bool(self.right)
        if self.count < infected_lungs or (self.count > 0) != (infected_lungs > 0):
            raise ValueError(f"{self.count} infected areas do not fit {infected_lungs} infected lungs.")


def _count_word(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _zone_words(zones: Collection[Zone], joint: str, whole: str) -> str:
    if len(zones) == len(ZONES):
        return whole
    return joint.join(zone for zone in ZONES if zone in zones)


def describe(findings: Findings, variant: int = 0) -> str:
    """Write a report sentence.

    Parameters
    ----------
    findings
        What the sentence states.
    variant
        Which of the ``VARIANTS`` wordings to use, taken modulo their number. Variant 0 is the published data sets'
        own; the others change synonyms, word order or the order of the lungs, never the content.

    Returns
    -------
    str
        The sentence; :func:`parse` gives the findings back from it.

    Examples
    --------
    >>> describe(Findings(2, frozenset({"upper"}), frozenset({"lower"})))
    'Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.'
    """
    variant %= VARIANTS
    if findings.count == 0:
        return (
            "No pulmonary infection, no infected area.",
            "No pulmonary infection, no infected areas.",
            "No infection of the lungs, no infected area.",
            "Clear lungs, no infected area.",
        )[variant % 4]

    bilateral = bool(findings.left) and bool(findings.right)
    count, plural = _count_word(findings.count), "s" if findings.count != 1 else ""
    both: list[tuple[Side, frozenset[Zone]]] = [("left", findings.left), ("right", findings.right)]
    sides = [(side, zones) for side, zones in both if zones]
    laterality = "Bilateral" if bilateral else "Unilateral"
    if variant in (2, 5, 6):
        sides.reverse()
    plain = " and ".join(f"{_zone_words(zones, ' ', 'all')} {side} lung" for side, zones in sides)
    match variant:
        case 1:
            places = " and ".join(
                f"{_zone_words(zones, ' ', 'upper middle lower')} {side} lung" for side, zones in sides
            )
            return f"{laterality} pulmonary infection, {count} infected area{plural}, {places}."
        case 3:
            return f"{count.capitalize()} infected area{plural}, {laterality.lower()} pulmonary infection, {plain}."
        case 4:
            places = " and ".join(f"{_zone_words(zones, ' and ', 'whole')} of the {side} lung" for side, zones in sides)
            return f"{laterality} lung infection with {count} area{plural} of infection in the {places}."
        case 5:
            places = " and ".join(f"{side} lung ({_zone_words(zones, ', ', 'all')})" for side, zones in sides)
            return f"{laterality} pulmonary infection: {places}; {count} infected area{plural}."
        case 6:
            return f"{laterality} infection of the lung{'s' * bilateral}, {count} infected region{plural}, {plain}."
        case 7:
            places = " and ".join(f"{_zone_words(zones, ' ', 'whole')} {side} lung" for side, zones in sides)
            return f"Infection in the {places}, {count} infected area{plural}, {laterality.lower()}."
        case _:
            return f"{laterality} pulmonary infection, {count} infected area{plural}, {plain}."


def parse(text: str) -> Findings:
    """Read a report sentence.

    Parameters
    ----------
    text
        A sentence in the grammar of the published data sets or any wording that :func:`describe` writes, in any case.

    Returns
    -------
    Findings
        What it states.

    Raises
    ------
    UserError
        If the sentence does not follow the grammar or contradicts itself (``Bilateral`` with one lung named).
    """
    sentence = " ".join(text.lower().split())
    places: dict[str, set[Zone]] = {"left": set(), "right": set()}
    named = [(side, words) for words, side in _ZONES_THEN_SIDE.findall(sentence)] + _SIDE_THEN_ZONES.findall(sentence)
    for side, words in named:
        found = [zone for zone in ZONES if zone in words]
        places[side].update(found or ZONES)
    counted = [first or second for first, second in _COUNT.findall(sentence) if (first or second) != "no"]
    if not named and not counted and _NORMAL.search(sentence):
        return Findings(0)
    if not named or len(counted) != 1:
        raise _not_a_report(text, "it should name a number of infected areas and a zone of a lung")
    word = counted[0]
    if word not in _NUMBERS and not word.isdecimal():
        raise _not_a_report(text, f"{word!r} is not a number of areas")
    count = _NUMBERS.index(word) if word in _NUMBERS else int(word)
    stated = {"bilateral": 2, "unilateral": 1}
    lungs = bool(places["left"]) + bool(places["right"])
    for laterality, expected in stated.items():
        if re.search(rf"\b{laterality}\b", sentence) and lungs != expected:
            raise _not_a_report(text, f"it says {laterality} and names {lungs} infected lung{'s' * (lungs != 1)}")
    try:
        return Findings(count, frozenset(places["left"]), frozenset(places["right"]))
    except ValueError as error:
        raise _not_a_report(text, str(error)) from error


def _not_a_report(text: str, reason: str) -> UserError:
    example = describe(Findings(2, frozenset({"upper"}), frozenset({"lower"})))
    return UserError(f"The report {text!r} does not follow the grammar: {reason.rstrip('.')}. An example: {example!r}")
