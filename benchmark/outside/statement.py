"""What only the user can say about a model that was trained elsewhere; the report tells it as the user's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from ...corruptions import corruption_registry
from ...models.views import STRONG_VIEW_FAMILIES
from ..selections import split_names

NONE = "none"
"""What stands for a training that saw no corruption."""

LABELS = 100.0
SEED = 0


@dataclass(frozen=True)
class Statement:
    """The user's word.

    Parameters
    ----------
    name
        Under which the model is reported.
    labels
        Percentage of the training labels that it saw; None where nothing was said.
    seed
        Of its training; None where nothing was said.
    uses_text
        Whether it reads the text; None where nothing was said.
    augmented_with
        Corruption families that its training saw; None where nothing was said.
    """

    name: str
    labels: float | None = None
    seed: int | None = None
    uses_text: bool | None = None
    augmented_with: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise UserError("--name is empty: give the name under which the model is reported.")
        if self.labels is not None and not 0 < self.labels <= 100:
            raise UserError(
                f"--labels {self.labels:g}: give the percentage of the training labels, above 0 and at most 100."
            )
        if self.seed is not None and self.seed < 0:
            raise UserError(f"--seed {self.seed}: give the seed of the training, 0 or more.")

    @property
    def told(self) -> dict[str, str]:
        """Each part as a report says it."""
        families = self.augmented_with
        seen = "not stated" if families is None else f"{', '.join(families) or 'none'}, as stated by the user"
        return {
            "Label fraction": _stated("" if self.labels is None else f"{self.labels:g}%", f"{LABELS:g}%"),
            "Seed": _stated("" if self.seed is None else str(self.seed), str(SEED)),
            "Corruption families seen in training": seen,
        }


def _stated(text: str, default: str) -> str:
    return f"{text}, as stated by the user" if text else f"reported as {default}; nothing was stated"


def read_families(given: Sequence[str] | None, others: Sequence[str] = ()) -> tuple[str, ...] | None:
    """Read ``--augmented-with``.

    Parameters
    ----------
    given
        What was typed; None or empty where nothing was.
    others
        Families that are known besides those of the corruptions here.

    Raises
    ------
    UserError
        If a family is unknown; the message suggests a close one.
    """
    if not given:
        return None
    names = split_names(given)
    if names == [NONE]:
        return ()
    known = {corruption_registry.get(name).family for name in corruption_registry} | {*STRONG_VIEW_FAMILIES, *others}
    for name in names:
        if name not in known:
            raise UserError(
                f"--augmented-with: there is no corruption family {name!r}. {suggest(name, sorted(known))} Give "
                f"{NONE!r} for a training that saw none."
            )
    return tuple(names)
