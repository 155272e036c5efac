"""One panel of the picture grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from .frame import CLEAN, HIGHEST_SEVERITY


@dataclass(frozen=True, eq=False)
class Picture:
    """A test case under one corruption at one severity, with the truth and what the models found.

    Parameters
    ----------
    case
        Identifier of the test case.
    text
        Its report or prompt; an empty string where there is none.
    corruption
        ``"clean"`` at severity 0, else the name of the corruption.
    severity
        0 (clean) to 5.
    image
        float of shape (H, W) in [0, 1], as the models saw it.
    truth
        bool of shape (H, W).
    predictions
        A bool array of shape (H, W) for each model's name.
    scores
        Dice of a prediction on the native mask grid, where the picture is smaller than that.

    Raises
    ------
    UserError
        If the shapes differ or corruption and severity contradict each other.
    """

    case: str
    text: str
    corruption: str
    severity: int
    image: NDArray[np.floating]
    truth: NDArray[np.bool_]
    predictions: Mapping[str, NDArray[np.bool_]]
    scores: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = f"The picture of case {self.case!r} ({self.corruption} {self.severity})"
        if self.image.ndim != 2:
            raise UserError(f"{name} has an image of shape {self.image.shape}: it must be (H, W).")
        for what, mask in (("truth", self.truth), *self.predictions.items()):
            if mask.shape != self.image.shape:
                raise UserError(f"{name} has an image of shape {self.image.shape}, but for {what!r} {mask.shape}.")
        if not 0 <= self.severity <= HIGHEST_SEVERITY or (self.corruption == CLEAN) != (self.severity == 0):
            raise UserError(f"{name}: {CLEAN!r} goes with severity 0, every other corruption with 1 to 5.")

    def dice(self, model: str) -> float:
        """Dice of a model's prediction; 1 where truth and prediction are empty."""
        if model in self.scores:
            return self.scores[model]
        predicted = np.asarray(self.predictions[model], dtype=bool)
        truth = np.asarray(self.truth, dtype=bool)
        total = int(predicted.sum()) + int(truth.sum())
        return 2 * int((predicted & truth).sum()) / total if total else 1.0
