"""``--ablate``: the variants of a model with one of its parts, or several, switched off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from ..models import ModelSpec, find_model

ALL = "all"
JOINT = "+"


def ablations(specs: Sequence[ModelSpec], ablate: Sequence[str]) -> list[ModelSpec]:
    """Put behind each model its variants without the named parts.

    Parameters
    ----------
    specs
        The models.
    ablate
        Names of parts (``"cycle"``), parts that go together (``"cycle+refinement"``), or ``"all"`` for each part
        alone. A model that lacks a part has no such variant.

    Raises
    ------
    UserError
        If a part is one that none of the models has.
    """
    known = {part for spec in specs for part in find_model(spec).parts}
    for name in ablate:
        for part in () if name == ALL else name.split(JOINT):
            if part not in known:
                if not known:
                    names = ", ".join(spec.text for spec in specs)
                    raise UserError(f"--ablate {name}: none of the models {names} has parts that can be switched off.")
                raise UserError(f"--ablate {name}: no model of this run has a part {part!r}. {suggest(part, [*known])}")
    variants: list[ModelSpec] = []
    for spec in specs:
        own = find_model(spec).parts
        chosen = [part for name in ablate for part in (own if name == ALL else [name])]
        variants.append(spec)
        for name in dict.fromkeys(chosen):
            parts = name.split(JOINT)
            if set(parts) <= set(own):
                variants.append(replace(spec, options={**spec.options, **dict.fromkeys(parts, "false")}))
    return variants
