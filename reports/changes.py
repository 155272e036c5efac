"""What is not the same in two reports, besides their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from .details import ReportDetails
from .wording import NO_VALUE

SHOWN_DIGITS = 12
"""Of a digest: enough to tell two apart."""


@dataclass(frozen=True)
class Change:
    """A setting, version or digest that differs: its name and both values, a dash where it is missing."""

    what: str
    before: str
    after: str


def changes(before: ReportDetails, after: ReportDetails) -> list[Change]:
    """List what differs between the details of two reports: settings, models, versions, provenance.

    Digests are cut to what tells them apart. A model or condition that only one report has is a change, too.
    """
    return [
        Change(what, _short(first), _short(second))
        for facts in zip(_facts(before), _facts(after), strict=True)
        for what, (first, second) in _joined(*facts).items()
        if first != second
    ]


def _facts(details: ReportDetails) -> tuple[dict[str, str], ...]:
    models = {
        f"{note.name}: {name.replace('_', ' ')}": _text(value)
        for note in details.models
        for name, value in asdict(note).items()
        if name != "name"
    }
    return (
        {"Data set": details.dataset, "Split": details.split, "Setting": details.profile},
        dict(details.settings),
        {"Distance unit": details.scoring.distance_unit, "Threshold": details.scoring.threshold},
        models,
        {f"Version of {name}": value for name, value in details.versions.items()},
        {f"Digest: {name}": value for name, value in details.provenance.items()},
    )


def _joined(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    keys = dict.fromkeys([*first, *second])
    return {key: (first.get(key, NO_VALUE), second.get(key, NO_VALUE)) for key in keys}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "not stated" if value is None else str(value)


def _short(value: str) -> str:
    is_digest = len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:SHOWN_DIGITS] if is_digest else value
