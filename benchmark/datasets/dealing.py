"""Whole groups dealt to parts by a fixed rule, for data sets that do not say which cases are for what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from .base import PARTS, Part

_RULE = "biclip-bench parts 1"
"""Seed of the order of groups: fixed, so that one folder has one split everywhere."""


def deal_groups(sizes: Mapping[str, int], shares: Mapping[Part, float]) -> dict[str, Part]:
    """Deal whole groups to parts, as close to the shares of cases as they allow.

    Groups are ordered by the SHA-256 of a fixed seed and their name and dealt by :func:`fill_parts` (train before val
    before test where two lack the same). The result depends on names and sizes alone.

    Parameters
    ----------
    sizes
        Number of cases of each group.
    shares
        Share of the cases that each part should have, relative to their sum; a part with 0 gets none.

    Returns
    -------
    dict
        The part of each group.
    """
    whole = sum(sizes.values())
    scale = sum(shares.values())
    wanted = {part: whole * shares[part] / scale for part in PARTS if shares.get(part, 0.0) > 0}
    order = sorted(sizes, key=lambda name: hashlib.sha256(f"{_RULE}:{name}".encode()).digest())
    return fill_parts(order, sizes, wanted)


def fill_parts(order: Iterable[str], sizes: Mapping[str, int], wanted: Mapping[Part, float]) -> dict[str, Part]:
    """Give each group in turn to the part that still lacks the largest share of its cases, the first of equals.

    Parameters
    ----------
    order
        The groups.
    sizes
        Number of cases of each group.
    wanted
        Number of cases that each part should have, above 0.

    Returns
    -------
    dict
        The part of each group.
    """
    left = dict(wanted)
    dealt: dict[str, Part] = {}
    for group in order:
        part = max(wanted, key=lambda name: left[name] / wanted[name])
        dealt[group] = part
        left[part] -= sizes[group]
    return dealt
