"""The registry of image corruptions: a severity table as data, and a batched function that applies one level."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from torch import Tensor

from biclip_bench.registry import Registry

from .context import ImageContext, Modality

SEVERITIES = (1, 2, 3, 4, 5)

Stage = Literal["subject", "beam", "detector", "image", "storage"]
"""Where on the way from the patient to the file a corruption arises; a composition is applied in this order."""

STAGES: tuple[Stage, ...] = get_args(Stage)

Level = Mapping[str, Any]
"""The value of every parameter at one severity: numbers, and words where the parameter has choices."""

ApplyLevel = Callable[[Tensor, Level, Sequence[int], Sequence[ImageContext]], Tensor]
"""``(images, level, seeds, contexts) -> images``.

``images`` is float32 of shape (B, C, H, W) in [0, 1] on any device; ``level`` holds every parameter's value;
``seeds`` holds one integer a case, ``contexts`` one :class:`ImageContext` a case. The result has the shape, dtype
and device of the input and stays in [0, 1].
"""


@dataclass(frozen=True)
class Parameter:
    """What one number or word of a corruption means, and which values make sense.

    Parameters
    ----------
    unit
        Its unit or meaning as a reader would print it (``"px at 224 px"``, ``"mm"``).
    lowest, highest
        The values that a user may set, both included.
    default
        Its value at every severity; None for a parameter that the severity table gives.
    choices
        The allowed words of a parameter that is no number; its default is one of them.
    """

    unit: str
    lowest: float = -math.inf
    highest: float = math.inf
    default: float | str | None = None
    choices: tuple[str, ...] = ()

    def allows(self, value: object) -> bool:
        """Say whether a value is one of the choices, or a number within the limits."""
        if self.choices:
            return value in self.choices
        return isinstance(value, (int, float)) and self.lowest <= value <= self.highest

    @property
    def allowed(self) -> str:
        """The allowed values, for a message."""
        if self.choices:
            return " or ".join(self.choices)
        if math.isinf(self.highest):
            return f"a number of at least {self.lowest:g}"
        return f"a number from {self.lowest:g} to {self.highest:g}"


@dataclass(frozen=True)
class Preset:
    """Levels known by a name of their own, such as those of a paper.

    Parameters
    ----------
    levels
        One to five levels; parameters with a default may be left out.
    note
        What is known of them and what is not.
    """

    levels: tuple[Level, ...]
    note: str


@dataclass(frozen=True)
class Corruption:
    """A corruption with its five graded severities.

    Parameters
    ----------
    name
        The name used on the command line.
    family
        Kind of degradation (``"motion-blur"``, ``"quantum-noise"``), compared with what a model declares to have
        been augmented with in training.
    stage
        Where on the way from the patient to the file it arises.
    modalities
        The kinds of images whose physics it models; empty for any.
    summary
        One sentence that says what it models.
    parameters
        Every parameter by name.
    levels
        The severity table: a value for each parameter without a default, for each severity from 1 to 5.
    source
        Where the physics and the levels come from.
    version
        Raised whenever the same severity would give other bits than before: it is part of every result's key.
    presets
        Other levels by name.
    apply_level
        The function that corrupts a batch.
    """

    name: str
    family: str
    stage: Stage
    modalities: tuple[Modality, ...]
    summary: str
    parameters: Mapping[str, Parameter]
    levels: tuple[Level, ...]
    source: str
    version: int
    presets: Mapping[str, Preset]
    apply_level: ApplyLevel

    @property
    def graded(self) -> tuple[str, ...]:
        """Names of the parameters that the severity table gives."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.default is None)

    @property
    def defaults(self) -> Level:
        """The parameters that are the same at every severity."""
        return {name: item.default for name, item in self.parameters.items() if item.default is not None}


corruption_registry: Registry[Corruption] = Registry("corruption", "biclip_bench.corruptions")


def register_corruption(
    name: str,
    *,
    family: str,
    stage: Stage,
    summary: str,
    parameters: Mapping[str, Parameter],
    levels: Sequence[Level],
    source: str,
    modalities: Sequence[Modality] = (),
    presets: Mapping[str, Preset] | None = None,
    version: int = 1,
) -> Callable[[ApplyLevel], ApplyLevel]:
    """Return a decorator that registers a corruption function under ``name``.

    Raises
    ------
    ValueError
        If ``levels`` does not hold one entry for each severity from 1 to 5, a level's parameters are not those
        without a default, or a value is not allowed.
    """
    presets = dict(presets or {})
    graded = {key for key, parameter in parameters.items() if parameter.default is None}
    if len(levels) != len(SEVERITIES):
        raise ValueError(f"Corruption {name!r} needs {len(SEVERITIES)} levels, one a severity, and has {len(levels)}.")
    for level in levels:
        if set(level) != graded:
            raise ValueError(
                f"Corruption {name!r} has a level of {sorted(level)}, and its table is of {sorted(graded)}."
            )
    for preset in presets.values():
        if not 1 <= len(preset.levels) <= len(SEVERITIES) or any(graded - set(level) for level in preset.levels):
            raise ValueError(f"Corruption {name!r} has a preset without 1 to 5 levels of {sorted(graded)}.")
    for level in (*levels, *(level for preset in presets.values() for level in preset.levels)):
        for key, value in level.items():
            if key not in parameters or not parameters[key].allows(value):
                raise ValueError(f"Corruption {name!r} has a level with {key}={value!r}, which its parameters forbid.")

    def decorate(function: ApplyLevel) -> ApplyLevel:
        corruption_registry.add(
            name,
            Corruption(
                name, family, stage, tuple(modalities), summary, dict(parameters), tuple(map(dict, levels)), source,
                version, presets, function,
            ),
        )  # fmt: skip
        return function

    return decorate
