"""Texts that are missing, unlike the others, or say what their masks do not show."""

from __future__ import annotations

import math
from collections.abc import Sequence

from biclip_bench.errors import UserError

from ..case_files import Defect
from ..file_check import CheckedCase
from ..pixel_measures import read_areas
from ..report_grammar import SIDES, Findings, Side, parse

SMALLEST_AREA = 0.0002
"""Share of the image below which an area may or may not be counted: 10 pixels at 224 x 224. The smallest areas of the
phantom, whose texts count every one, hold 0.0013 of it."""

MIDLINE_TOLERANCE = 0.05
"""Distance from the image's middle, in widths of the image, within which an area may be in either lung. Of 782 areas of
the phantom, whose body is centred, 1 lies so near."""

_MIRRORED_CASES = 10
"""Number of one-sided cases from which on a majority on the wrong side says that the whole set is mirrored."""


def text_findings(cases: Sequence[CheckedCase]) -> list[Defect]:
    """Compare texts with each other and with their masks; all findings are warnings.

    Texts that follow the grammar of the lung reports (:mod:`~..report_grammar`) are held against their masks: the
    lungs they name and the number of areas. Zones are not compared, since where a zone ends cannot be seen in a mask.
    """
    texts = {case.files.text for case in cases if case.files.text.strip()}
    read = {text: _read(text) for text in texts}
    told = [case for case in cases if case.files.text in read]
    found = []
    if told:
        found += [
            Defect("empty-text", f"{_where(case)} is empty.", "warning", (case.id,))
            for case in cases
            if case.files.text not in read
        ]
    follows = [(case, stated) for case in told if isinstance(stated := read[case.files.text], Findings)]
    if 2 * len(follows) > len(told):
        found += [
            Defect("text-outside-grammar", f"{_where(case)}: {reason}", "warning", (case.id,))
            for case in told
            if isinstance(reason := read[case.files.text], str)
        ]
    counted = [_count_defect(case, stated) for case, stated in follows]
    return found + [defect for defect in counted if defect is not None] + _side_defects(follows)


def _read(text: str) -> Findings | str:
    """Return what a text states, or why it cannot be read."""
    try:
        return parse(text)
    except UserError as error:
        return str(error)


def _where(case: CheckedCase) -> str:
    return case.files.where or f"The text of {case.id}"


def _count_defect(case: CheckedCase, stated: Findings) -> Defect | None:
    sizes = read_areas(case.found.areas)[:, 0]
    smallest = SMALLEST_AREA * case.found.mask_height * case.found.mask_width
    surely, possibly = int((sizes >= smallest).sum()), len(sizes)
    if surely <= stated.count <= possibly:
        return None
    specks = f", and {possibly - surely} smaller" if possibly > surely else ""
    message = (
        f"{_where(case)} says {stated.count} infected area{'s' * (stated.count != 1)} ({case.files.text!r}), and the "
        f"mask {case.files.mask} shows {surely} separate area{'s' * (surely != 1)} of at least "
        f"{max(1, math.ceil(smallest))} pixels{specks}."
    )
    return Defect("text-against-mask-number", message, "warning", (case.id,))


def _side_defects(follows: Sequence[tuple[CheckedCase, Findings]]) -> list[Defect]:
    found, swapped, one_sided = [], [], 0
    for case, stated in follows:
        surely, possibly = _shown_sides(case)
        named = {side for side in SIDES if getattr(stated, side)}
        if not named or not possibly:
            continue
        if len(named) == 1 and len(possibly) == 1:
            one_sided += 1
            swapped += [case] * (named != possibly)
        if surely <= named <= possibly:
            continue
        message = (
            f"{_where(case)} names the patient's {_sides(named)} ({case.files.text!r}), and the mask {case.files.mask} "
            f"shows areas in the {_sides(surely or possibly)}: the patient's left is on the viewer's right."
        )
        found.append(Defect("text-against-mask-side", message, "warning", (case.id,)))
    if one_sided >= _MIRRORED_CASES and 2 * len(swapped) > one_sided:
        first = swapped[0]
        message = (
            f"{len(swapped)} of {one_sided} texts that name one lung go with a mask in the other, the first "
            f"{_where(first)} with {first.files.mask}: the images are probably mirrored, or left and right in the "
            "texts are the viewer's."
        )
        return [Defect("sides-mirrored", message, "warning", tuple(case.id for case in swapped))]
    return found


def _shown_sides(case: CheckedCase) -> tuple[set[Side], set[Side]]:
    """Return the sides of the patient on which a mask surely has an area, and those on which it may have one."""
    surely: set[Side] = set()
    possibly: set[Side] = set()
    smallest = SMALLEST_AREA * case.found.mask_height * case.found.mask_width
    for size, _, column in read_areas(case.found.areas):
        offset = (column + 0.5) / case.found.mask_width - 0.5
        side: Side = "left" if offset > 0 else "right"
        if abs(offset) <= MIDLINE_TOLERANCE:
            possibly.update(SIDES)
        else:
            possibly.add(side)
            if size >= smallest:
                surely.add(side)
    return surely, possibly


def _sides(sides: set[Side]) -> str:
    return " and ".join(f"{side} lung" for side in SIDES if side in sides)
