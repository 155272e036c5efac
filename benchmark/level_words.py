"""The physical level of a severity in a few words, for a label: ``"dose 10%"``, ``"7 px"``."""

from __future__ import annotations

import re

from ..corruptions import CorruptionSpec

_SYMBOLS = frozenset(
    ("px", "mm", "cm", "%", "HU", "dB", "°", "degrees", "photons", "counts", "kV", "kVp", "mAs", "s", "bits")
)
"""Units that speak for themselves; after any other the label names the parameter instead."""


def graded_units(spec: CorruptionSpec) -> dict[str, str]:
    """Give the unit in full of every parameter that a label of :func:`level_words` states."""
    return {name: unit for name, unit in spec.units.items() if name not in spec.settings}


def level_words(spec: CorruptionSpec, severity: int) -> str:
    """Say what a severity is physically.

    A share is printed in percent; another number with the short form of its unit (``"px"`` of ``"px at 224 px"``)
    where it has one, else after its parameter's name. With several parameters every one is named.

    Parameters
    ----------
    spec
        The corruption.
    severity
        1 up to its number of levels.
    """
    values, units = spec.values(severity), graded_units(spec)
    alone = len(units) == 1
    own = [name.rpartition(" ")[2] for name in units]
    # In a composition the part's name stands before the parameter's: needed only where two parts share one.
    names = own if len(set(own)) == len(own) else list(units)
    words = [
        _words(name.replace("_", " "), values[key], unit, alone)
        for name, (key, unit) in zip(names, units.items(), strict=True)
    ]
    return ", ".join(words)


def _words(name: str, value: float | str, unit: str, alone: bool) -> str:
    if isinstance(value, str):
        return value if alone else f"{name} {value}"
    if re.match(r"(fraction|share)\b", unit):
        return f"{name} {100 * value:.3g}%"
    short = re.split(r" at | of | per |[,;:(]", unit)[0].strip()
    if short not in _SYMBOLS:
        return f"{name} {value:.4g}"
    amount = f"{value:.4g}%" if short == "%" else f"{value:.4g} {short}"
    return amount if alone else f"{name} {amount}"
