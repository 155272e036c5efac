"""The registry of image corruptions: a severity table as data, and a batched function that applies one level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from biclip_bench.registry import Registry

from .context import ImageContext

SEVERITIES = (1, 2, 3, 4, 5)

ApplyLevel = Callable[[Tensor, Mapping[str, float], Sequence[int], Sequence[ImageContext]], Tensor]
"""``(images, level, seeds, contexts) -> images``.

``images`` is float32 of shape (B, C, H, W) in [0, 1] on any device; ``level`` is one row of the severity table;
``seeds`` holds one integer a case, ``contexts`` one :class:`ImageContext` a case. The result has the shape, dtype
and device of the input and stays in [0, 1].
"""


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
    summary
        One sentence that says what it models.
    units
        Unit of every parameter of ``levels`` (``{"length": "px at 224 px"}``).
    levels
        The severity table: a mapping of parameters for each severity from 1 to 5.
    source
        Where the physics and the levels come from.
    version
        Raised whenever the same severity would give other bits than before: it is part of every result's key.
    apply_level
        The function that corrupts a batch.
    """

    name: str
    family: str
    summary: str
    units: Mapping[str, str]
    levels: tuple[Mapping[str, float], ...]
    source: str
    version: int
    apply_level: ApplyLevel


corruption_registry: Registry[Corruption] = Registry("corruption", "biclip_bench.corruptions")


def register_corruption(
    name: str,
    *,
    family: str,
    summary: str,
    units: Mapping[str, str],
    levels: Sequence[Mapping[str, float]],
    source: str,
    version: int = 1,
) -> Callable[[ApplyLevel], ApplyLevel]:
    """Return a decorator that registers a corruption function under ``name``.

    Raises
    ------
    ValueError
        If ``levels`` does not hold one entry for each severity from 1 to 5, or an entry's parameters are not
        those of ``units``.
    """
    if len(levels) != len(SEVERITIES):
        raise ValueError(f"Corruption {name!r} needs {len(SEVERITIES)} levels, one a severity, and has {len(levels)}.")
    for level in levels:
        if set(level) != set(units):
            raise ValueError(f"Corruption {name!r} has a level with {sorted(level)}, but units for {sorted(units)}.")

    def decorate(function: ApplyLevel) -> ApplyLevel:
        corruption_registry.add(
            name, Corruption(name, family, summary, dict(units), tuple(map(dict, levels)), source, version, function)
        )
        return function

    return decorate
