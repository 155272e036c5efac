"""Whether a change of brightness makes an image darker or brighter."""

from __future__ import annotations

from ..registry import Parameter
from ..seeding import case_generator

DIRECTION = Parameter("which way", default="either", choices=("either", "darker", "brighter"))
"""The parameter: ``either`` tosses a fair coin a case."""


def goes_brighter(direction: str, seed: int) -> bool:
    """Say whether a case becomes brighter, by the parameter's word and, for ``either``, the case's seed."""
    return direction == "brighter" or (direction == "either" and case_generator(seed).random() < 0.5)
