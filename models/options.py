"""Read a model's options into its own frozen dataclass, refusing what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

Options = TypeVar("Options")


def read_options(kind: type[Options], model: str, given: Mapping[str, Any], **defaults: Any) -> Options:
    """Build a dataclass of options from what the user gave.

    Parameters
    ----------
    kind
        A dataclass whose fields are ``bool``, ``str`` or ``Literal[...]`` and all have defaults.
    model
        Name of the model, for messages.
    given
        The user's options.
    **defaults
        Defaults that a preset changes.

    Raises
    ------
    UserError
        If an option is unknown or its value is not one that it takes.
    """
    fields = get_type_hints(kind)
    for name, value in given.items():
        if name not in fields:
            raise UserError(f"Model {model!r} has no option {name!r}. {suggest(name, list(fields))}")
        expected = fields[name]
        if get_origin(expected) is Literal:
            if value not in get_args(expected):
                known = ", ".join(map(str, get_args(expected)))
                raise UserError(f"Option {name!r} of model {model!r} is {value!r}, but must be one of: {known}.")
        elif not isinstance(value, expected):
            right = "true or false" if expected is bool else "a name"
            raise UserError(f"Option {name!r} of model {model!r} is {value!r}, but must be {right}.")
    return kind(**{**defaults, **given})
