"""How a model is written on the command line: ``biclip``, ``smp:Unet`` or ``biclip?cycle=false&refinement=false``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biclip_bench.errors import UserError


@dataclass(frozen=True)
class ModelSpec:
    """A model with what the user chose for it.

    Parameters
    ----------
    name
        As registered.
    argument
        What stands behind ``name:``, empty for most models.
    options
        Options by name, as typed; :func:`~biclip_bench.models.options.read_options` reads the values.
    """

    name: str
    argument: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The specification with its options in alphabetical order: the model's name in every result."""
        head = f"{self.name}:{self.argument}" if self.argument else self.name
        tail = "&".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{head}?{tail}" if tail else head


def parse_model(text: str) -> ModelSpec:
    """Read ``NAME``, ``NAME:ARGUMENT`` and either with ``?OPTION=VALUE&OPTION=VALUE`` behind it.

    Raises
    ------
    UserError
        If an option has no value or is given twice.
    """
    head, _, tail = text.partition("?")
    name, _, argument = head.partition(":")
    options: dict[str, str] = {}
    for piece in filter(None, tail.split("&")):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not (key and equals and value):
            raise UserError(f"Model {text!r}: {piece!r} is no option. Write {head}?OPTION=VALUE, joined by '&'.")
        if key in options:
            raise UserError(f"Model {text!r} gives the option {key!r} twice: give it once.")
        options[key] = value
    return ModelSpec(name.strip(), argument.strip(), options)
