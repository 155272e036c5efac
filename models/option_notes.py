"""What options a model or a data set has, read off the dataclass that declares them."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class OptionNote:
    """One option of a model or a data set.

    Parameters
    ----------
    name, allowed, default
        As a user would type them.
    meaning
        Its description in the dataclass' docstring, without markup.
    """

    name: str
    allowed: str
    default: str
    meaning: str


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a name"}


def option_notes(kind: type | None) -> list[OptionNote]:
    """Describe the fields of a dataclass of options whose docstring is in NumPy style; none of None.

    What is allowed is read off a field's type, unless its metadata say it under ``allowed``.
    """
    if kind is None or not is_dataclass(kind):
        return []
    types = get_type_hints(kind)
    meanings = _meanings(inspect.getdoc(kind) or "")
    return [
        OptionNote(
            field.name,
            field.metadata.get("allowed") or _allowed(types[field.name]),
            _typed(field.default),
            meanings.get(field.name, ""),
        )
        for field in fields(kind)
    ]


def _allowed(expected: Any) -> str:
    if get_origin(expected) is Literal:
        return ", ".join(map(str, get_args(expected)))
    return _KINDS.get(expected, "a value")


def _typed(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meanings(docstring: str) -> dict[str, str]:
    """Read the section ``Parameters``: names at the margin, their description indented below."""
    section = docstring.partition("Parameters\n----------\n")[2]
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if re.match(r"\w", line):
            names = [name.strip() for name in line.split(",")]
        elif line.strip():
            for name in names:
                meanings[name] = f"{meanings.get(name, '')} {line.strip()}".strip()
    return {name: _plain(meaning) for name, meaning in meanings.items()}


def _plain(text: str) -> str:
    """Take the markup of references and code out of a docstring's sentence."""
    text = re.sub(r":\w+:`~?[\w.]*?(\w+)`", r"\1", text)
    return text.replace("``", "")
