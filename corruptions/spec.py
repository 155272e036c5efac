"""What a user may ask for: a corruption by name, with parameters of the user's own, or several one after the other.

The grammar of a specification::

    motion                          its five severities
    motion:length=9                 one level, severity 1
    motion:length=3/6/9/12          levels of the user's own, severities 1 to 4
    motion:paper                    levels known by a name
    low-dose-ct:mode=reconstruct    another setting at every severity
    motion+low-dose-ct              both, in the order in which they arise between patient and file
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from .registry import SEVERITIES, STAGES, Corruption, Level, Parameter, corruption_registry
from .seeding import case_seed

_PLUS = re.compile(r"\+(?=\s*[A-Za-z])")  # the plus of 1e+5 is followed by a digit


@dataclass(frozen=True)
class SpecPart:
    """One corruption of a specification.

    Parameters
    ----------
    name
        Canonical: as typed, without what is the default anyway.
    corruption
        The corruption.
    levels
        Every parameter's value at severity 1, 2, ...
    """

    name: str
    corruption: Corruption
    levels: tuple[Level, ...]

    def own_severity(self, severity: int) -> int:
        """Severity of this part within a composition: a part with one level stays at it while others are graded."""
        return min(severity, len(self.levels))

    def level(self, severity: int) -> Level:
        """Every parameter's value at a severity of the composition."""
        return self.levels[self.own_severity(severity) - 1]

    def seed(self, severity: int, case_id: str) -> int:
        """Seed of a case at a severity of the composition.

        It knows the corruption's name without its parameters: another dose meets the same draws, so that levels are
        compared in pairs.
        """
        return case_seed(self.corruption.name, self.own_severity(severity), case_id)


@dataclass(frozen=True)
class CorruptionSpec:
    """One or more corruptions with their levels, applied one after the other.

    Parameters
    ----------
    parts
        In physical order.
    """

    parts: tuple[SpecPart, ...]

    @property
    def name(self) -> str:
        """Canonical name: equal specifications have equal names."""
        return "+".join(part.name for part in self.parts)

    @property
    def severities(self) -> tuple[int, ...]:
        """1 up to the number of levels."""
        return SEVERITIES[: max(len(part.levels) for part in self.parts)]

    @property
    def families(self) -> tuple[str, ...]:
        """Kinds of degradation, each once."""
        return tuple(dict.fromkeys(part.corruption.family for part in self.parts))

    @property
    def summary(self) -> str:
        """A sentence for each part."""
        return " Then: ".join(part.corruption.summary for part in self.parts)

    @property
    def units(self) -> dict[str, str]:
        """Unit of every parameter in :meth:`values`."""
        return {self._label(part, name): unit.unit for part, name, unit in self._parameters()}

    def values(self, severity: int) -> dict[str, float | str]:
        """Value of every parameter at one severity; with several parts the parameter's name follows its part's."""
        return {self._label(part, name): part.level(severity)[name] for part, name, _ in self._parameters()}

    @property
    def settings(self) -> dict[str, float | str]:
        """The values that are the same at every severity because nobody set them otherwise."""
        return {
            self._label(part, name): item.default
            for part, name, item in self._parameters()
            if item.default is not None and all(level[name] == item.default for level in part.levels)
        }

    def chosen(self, severities: Sequence[int]) -> tuple[int, ...]:
        """Keep the severities that this specification has; a single level is always kept.

        Raises
        ------
        UserError
            If none of them exists.
        """
        if len(self.severities) == 1:
            return self.severities
        kept = tuple(severity for severity in severities if severity in self.severities)
        if not kept:
            asked = ", ".join(map(str, severities))
            raise UserError(f"{self.name!r} has the severities 1 to {len(self.severities)}, not {asked}.")
        return kept

    def _parameters(self) -> list[tuple[SpecPart, str, Parameter]]:
        return [(part, name, item) for part in self.parts for name, item in part.corruption.parameters.items()]

    def _label(self, part: SpecPart, name: str) -> str:
        return name if len(self.parts) == 1 else f"{part.corruption.name} {name}"


def parse_spec(text: str) -> CorruptionSpec:
    """Read a specification.

    Raises
    ------
    UserError
        If a corruption, preset or parameter is unknown, a value is not allowed, a corruption comes twice or the
        numbers of levels contradict each other.
    """
    parts = [_parse_part(piece.strip(), text) for piece in _PLUS.split(text)]
    names = [part.corruption.name for part in parts]
    if len(set(names)) < len(names):
        raise UserError(f"The corruption {text!r} names one of its parts twice: name each once.")
    if len({len(part.levels) for part in parts} - {1}) > 1:
        counts = " and ".join(f"{len(part.levels)} ({part.name})" for part in parts)
        raise UserError(f"The parts of {text!r} have different numbers of levels, {counts}: give equally many, or one.")
    parts.sort(key=lambda part: (STAGES.index(part.corruption.stage), part.corruption.name))
    return CorruptionSpec(tuple(parts))


def _parse_part(text: str, whole: str) -> SpecPart:
    name, _, rest = text.partition(":")
    corruption = corruption_registry.get(name.strip())
    table, words = corruption.levels, []
    given: dict[str, tuple[float | str, ...]] = {}
    for item in filter(None, (item.strip() for item in rest.split(","))):
        key, equals, value = (piece.strip() for piece in item.partition("="))
        if not equals and key in corruption.presets:
            table = corruption.presets[key].levels
            words.append(key)
        elif equals and key in corruption.parameters:
            parameter = corruption.parameters[key]
            given[key] = tuple(_value(piece.strip(), key, parameter, whole) for piece in value.split("/"))
        else:
            known = [*(f"{name}=" for name in corruption.parameters), *corruption.presets]
            raise UserError(
                f"The corruption {whole!r} has {key!r}, which {corruption.name} does not know. {suggest(key, known)}"
            )
    usual = tuple({**corruption.defaults, **level} for level in table)
    levels = _levels(corruption, usual, given, whole)
    for key in corruption.parameters:
        column = [level[key] for level in usual]
        if key in given and list(given[key]) not in (column, column[:1] if len(set(column)) == 1 else column):
            words.append(f"{key}={'/'.join(_text(value) for value in given[key])}")
    return SpecPart(":".join([corruption.name, *([",".join(words)] if words else [])]), corruption, levels)


def _levels(
    corruption: Corruption, usual: tuple[Level, ...], given: Mapping[str, tuple[float | str, ...]], whole: str
) -> tuple[Level, ...]:
    counts = {len(values) for values in given.values()} - {1}
    if set(corruption.graded) - set(given):
        counts |= {len(usual)} - {1}
    count = max(counts, default=1)
    if len(counts) > 1 or count > len(SEVERITIES):
        raise UserError(
            f"The corruption {whole!r} has {' and '.join(map(str, sorted(counts)))} levels: give one value, or equally "
            f"many of every parameter, at most {len(SEVERITIES)}, separated by '/'."
        )
    levels: list[Level] = []
    for row in range(count):
        own = {key: values[min(row, len(values) - 1)] for key, values in given.items()}
        levels.append({**usual[min(row, len(usual) - 1)], **own})
    return tuple(levels)


def _value(text: str, key: str, parameter: Parameter, whole: str) -> float | str:
    value: float | str = text
    if not parameter.choices:
        try:
            value = float(text)
        except ValueError:
            value = text
    if not parameter.allows(value):
        unit = f" ({parameter.unit})" if parameter.unit else ""
        raise UserError(f"The corruption {whole!r} has {key}={text}: {key}{unit} is {parameter.allowed}.")
    return value


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"
