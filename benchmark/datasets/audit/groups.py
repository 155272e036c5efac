"""Patients and studies that stand in more than one part."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ..base import PARTS, Part
from ..case_files import Defect
from ..file_check import CheckedCase

_PART_NAMES: dict[Part, str] = {"train": "training", "val": "validation", "test": "test"}


def group_findings(cases: Sequence[CheckedCase]) -> list[Defect]:
    """Count the patients and studies that two parts share, a warning for each two parts.

    Never an error, since published splits do it: that of MosMedData+ is by slice.
    """
    return [defect for one, two in combinations(PARTS, 2) if (defect := _shared(cases, one, two)) is not None]


def _shared(cases: Sequence[CheckedCase], earlier: Part, later: Part) -> Defect | None:
    known = [case for case in cases if case.files.group is not None]
    before = {case.files.group: case for case in reversed(known) if case.files.part == earlier}
    after = [case for case in cases if case.files.part == later]
    shared = [case for case in after if case.files.group in before]
    if not shared:
        return None
    first = shared[0]
    groups = {case.files.group for case in after if case.files.group is not None}
    count = len({case.files.group for case in shared})
    one, other = _PART_NAMES[earlier], _PART_NAMES[later]
    message = (
        f"{count} of the {len(groups)} patients or studies of the {other} part {'is' if count == 1 else 'are'} also in "
        f"the {one} part: {len(shared)} of {len(after)} {other} cases "
        f"({len(shared) / len(after):.1%}). The first is {first.files.group}, with {first.files.image} and "
        f"{before[first.files.group].files.image}. --split patient deals whole patients."
    )
    return Defect(f"patients-in-{earlier}-and-{later}", message, "warning", tuple(case.id for case in shared))
