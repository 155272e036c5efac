"""Read a model's options into its own frozen dataclass, refusing what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

Options = TypeVar("Options")


_BOOLEANS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


def read_options(
    kind: type[Options], name: str, given: Mapping[str, Any], *, noun: str = "model", **defaults: Any
) -> Options:
    """Build a dataclass of options from what the user gave.

    Parameters
    ----------
    kind
        A dataclass whose fields are ``bool``, ``int``, ``float``, ``str`` or ``Literal[...]`` and all have defaults.
    name, noun
        Whose options these are, for messages.
    given
        The user's options; a value may be of its field's type or the text that was typed.
    **defaults
        Defaults that a preset changes.

    Raises
    ------
    UserError
        If an option is unknown or its value is not one that it takes.
    """
    fields = get_type_hints(kind)
    read: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields:
            raise UserError(f"{noun.capitalize()} {name!r} has no option {key!r}. {suggest(key, list(fields))}")
        expected = fields[key]
        if get_origin(expected) is Literal:
            known = {str(choice): choice for choice in get_args(expected)}
            right = f"one of: {', '.join(known)}"
            read[key] = known.get(str(value))
        else:
            right = {bool: "true or false", int: "a whole number", float: "a number"}.get(expected, "a name")
            read[key] = _typed(value, expected)
        if read[key] is None:
            raise UserError(f"Option {key!r} of {noun} {name!r} is {value!r}, but must be {right}.")
    return kind(**{**defaults, **read})


def _typed(value: Any, expected: type) -> Any:
    """The value as the expected type, or None where it is none."""
    if isinstance(value, str) and expected is not str:
        try:
            return _BOOLEANS.get(value.lower()) if expected is bool else expected(value)
        except ValueError:
            return None
    if expected is float and type(value) is int:
        return float(value)
    return value if type(value) is expected else None
