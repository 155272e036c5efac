"""What the numbers of a set of predictions mean: masks, or probabilities with their full scale.

Told over all files of one kind of storage together, because one file alone can mislead: a probability map of a case
without a finding may hold nothing but 0 and 1 of 255.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal

from biclip_bench.errors import UserError

from .prediction_files import Kind

What = Literal["masks", "probabilities"]

_FULL_SCALE: dict[Kind, int] = {"8 bits": 255, "16 bits": 65535}
_LABELS = 16
"""Numbers that are all smaller are labels of several classes, and no probabilities."""

_STATE = "state what they are with --output-kind probabilities or --output-kind masks."


@dataclass(frozen=True)
class Meaning:
    """``scale`` is the number that stands for certain lesion; half of it is where a mask begins."""

    what: What
    scale: float


def meaning_of(levels: Mapping[Kind, Set[float]], stated: What | None = None) -> dict[Kind, Meaning]:
    """Tell masks from probabilities.

    Floating-point numbers are probabilities in [0, 1]. Whole numbers are masks where no file holds others than 0 and 1,
    or than 0 and the full scale (255, or 65535 in 16 bits; 0 and 255 in any kind). With more than two levels 8-bit
    numbers are probabilities times 255 and 16-bit numbers probabilities times 65535.

    Parameters
    ----------
    levels
        For each kind of storage the numbers that its files hold; of floating-point ones the lowest and highest.
    stated
        What the user says they are.

    Raises
    ------
    UserError
        If they can be neither, or not what was stated.
    """
    return {kind: _meaning(kind, frozenset(found), stated) for kind, found in levels.items()}


def _meaning(kind: Kind, found: frozenset[float], stated: What | None) -> Meaning:
    if kind == "floating point":
        if stated == "masks" and not found <= {0, 1}:
            raise UserError(
                f"--output-kind masks: the floating-point predictions hold {_some(found)}, and a mask holds 0 and 1."
            )
        return Meaning(stated or "probabilities", 1.0)
    scale = _FULL_SCALE.get(kind)
    if stated == "probabilities" and kind != "1 bit":
        if scale is None:
            raise UserError(
                "--output-kind probabilities: whole numbers of more than 16 bits have no full scale. Store "
                "probabilities as floating-point numbers in [0, 1]."
            )
        return Meaning("probabilities", scale)
    for full in (1, 255, *([65535] if kind == "16 bits" else [])):
        if found <= {0, full}:
            return Meaning("masks", full)
    if stated == "masks" or scale is None:
        raise UserError(
            f"The predictions in {kind} hold the numbers {_some(found)}: masks hold 0 and 1, or 0 and 255, the same in "
            "every file."
        )
    if max(found) < _LABELS:
        raise UserError(
            f"The predictions in {kind} hold the numbers {_some(found)}, which look like labels of several classes, "
            f"and one lesion class against background is scored: write masks of 0 and 1. If they are none: {_STATE}"
        )
    if len(found) <= 2:
        raise UserError(
            f"The predictions in {kind} hold the numbers {_some(found)}, which are neither a mask (0 and 1, or 0 and "
            f"255) nor more than two levels of probability: {_STATE}"
        )
    return Meaning("probabilities", scale)


def _some(found: frozenset[float]) -> str:
    shown = [f"{value:g}" for value in sorted(found)[:5]]
    more = f", ... {max(found):g}" if len(found) > len(shown) else ""
    return ", ".join(shown) + more
