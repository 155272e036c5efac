"""Cells: the units of work, and the keys under which their results are kept.

A training cell is data set x label fraction x seed x model configuration and gives one checkpoint with its log. An
evaluation cell is a training cell, or a model of another origin, x corruption x severity and gives one table with a row
per test case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

SCHEMA_VERSION = 1
"""Raised whenever the same training would give other bits than before."""

EVALUATION_SCHEMA_VERSION = 2
"""Raised whenever the same evaluation of the same model would give another table. 2: with distances and calibration."""

DEFAULT_THRESHOLD = 0.5

VALIDATION = "validation"
"""What stands for a threshold that is chosen per trained model on the clean validation cases."""

Threshold = float | Literal["validation"]
"""The probability above which a pixel is lesion, or :data:`VALIDATION`."""

CLEAN = "clean"
"""Name of the condition without a corruption; its severity is 0."""


def canonical_json(value: Any) -> str:
    """Write a value as JSON with sorted keys and no spaces, so that equal values give equal text.

    Raises
    ------
    ValueError
        If the value holds NaN or infinity, which JSON has no name for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained, the same for every model of a run.

    Parameters
    ----------
    epochs
        Passes over the training cases.
    minimum_steps
        Optimiser steps that an epoch has at least: with few labels the cases are passed over several times.
    batch_size
        Cases in a step.
    learning_rate
        Peak learning rate of AdamW; it falls to zero along a half cosine.
    warmup
        Share of the steps, from 0 to below 1, over which the learning rate first rises linearly to its peak.
    text_rate
        Factor on the learning rate of a model's text branch (its ``text_branch``).
    weight_decay
        Decoupled weight decay of AdamW.
    match_augmentation
        Whether every model's training images pass through the same photometric augmentation (BiCLIP's strong view)
        before the model sees them.
    precision
        Lightning's precision flag, such as ``"32-true"`` or ``"bf16-mixed"``.
    """

    epochs: int
    minimum_steps: int
    batch_size: int
    learning_rate: float
    warmup: float
    text_rate: float
    weight_decay: float
    match_augmentation: bool = False
    precision: str = "32-true"


@dataclass(frozen=True)
class TrainingCell:
    """One model to train.

    Parameters
    ----------
    dataset
        The data set's name.
    fingerprint
        The data set's fingerprint.
    labels
        Percentage of the training labels that the model may use.
    cases
        Ids of the training cases that the label fraction comes to.
    seed
        Seed of the initial weights, the order of the cases, the augmentation and, without ``draw``, the label draw.
    model
        The model's name.
    model_settings
        The fields of :class:`~biclip_bench.models.registry.ModelSettings`.
    training
        How it is trained.
    given
        SHA-256 of weights from elsewhere that it starts from, by what they are for.
    draw
        Number of the label draw; None where the seed draws.
    validation
        Ids of the validation cases that choose the best epoch; None for the whole part.
    """

    dataset: str
    fingerprint: str
    labels: float
    cases: tuple[str, ...]
    seed: int
    model: str
    model_settings: Mapping[str, Any]
    training: TrainingSettings
    given: Mapping[str, str] = field(default_factory=dict)
    draw: int | None = None
    validation: tuple[str, ...] | None = None
    output: ClassVar[str] = "logits"

    def identity(self) -> dict[str, Any]:
        """Everything that determines the checkpoint's bits on one kind of device."""
        content = asdict(self) | {"schema": SCHEMA_VERSION, "kind": "training"}
        content["model_settings"], content["given"] = dict(self.model_settings), dict(self.given)
        content["cases"] = digest(list(self.cases))
        # Left out where they say nothing new, so that trainings from before they existed keep their keys.
        if self.draw is None:
            del content["draw"]
        content.pop("validation")
        if self.validation is not None:
            content["validation"] = digest(list(self.validation))
        return content

    @property
    def key(self) -> str:
        """SHA-256 of the identity."""
        return digest(self.identity())

    @property
    def samples_per_epoch(self) -> int:
        """Samples that an epoch shows: every case, or as many as the least number of steps takes."""
        return max(len(self.cases), self.training.minimum_steps * self.training.batch_size)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch; the last one's batch may be smaller."""
        return -(-self.samples_per_epoch // self.training.batch_size)

    @property
    def image_size(self) -> int:
        """Side of the model's input in pixels."""
        return int(self.model_settings["image_size"])

    @property
    def title(self) -> str:
        """A short name for people."""
        draw = "" if self.draw is None else f"draw {self.draw}, "
        return f"{self.model}, {self.labels:g}% of the labels, {draw}seed {self.seed}"


OutsideKind = Literal["model file", "weights", "predictions"]


@dataclass(frozen=True)
class OutsideModel:
    """A model that this benchmark did not train: it stands in the place of a training cell.

    Parameters
    ----------
    model
        The name under which it is reported.
    labels, seed
        Percentage of the training labels and seed, as the user states them.
    kind
        What the user gave.
    sha256
        Digest of the file, or of all prediction files with their names.
    output
        What the numbers that come out of it mean: ``"logits"``, ``"probabilities"`` or ``"masks"``.
    image_size
        Side of the model's input in pixels; 0 for predictions, whose input is not known.
    settings
        For weights: the registered model and the settings that it was built with.
    """

    model: str
    labels: float
    seed: int
    kind: OutsideKind
    sha256: str
    output: str
    image_size: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    draw: ClassVar[int | None] = None

    def identity(self) -> dict[str, Any]:
        """Everything that determines the predictions, and the names under which their scores are kept."""
        content = asdict(self) | {"schema": SCHEMA_VERSION, "settings": dict(self.settings)}
        return content | {"kind": f"outside {self.kind}"}

    @property
    def key(self) -> str:
        """SHA-256 of the identity."""
        return digest(self.identity())

    @property
    def title(self) -> str:
        """A short name for people."""
        return f"{self.model} ({self.kind})"


@dataclass(frozen=True)
class EvaluationCell:
    """One model scored under one condition.

    Parameters
    ----------
    training
        The cell that trained the model, or the model of another origin.
    corruption
        The corruption's name, with the parameters that a user set, or ``"clean"``.
    severity
        1 to 5, or 0 for clean.
    condition
        Everything else that determines the corrupted images: suite version, each part's version, severity and
        parameters, and the physical context of the images.
    threshold
        The probability above which a pixel is lesion, or :data:`VALIDATION`.
    """

    training: TrainingCell | OutsideModel
    corruption: str = CLEAN
    severity: int = 0
    condition: Mapping[str, Any] = field(default_factory=dict)
    threshold: Threshold = DEFAULT_THRESHOLD

    def identity(self) -> dict[str, Any]:
        """Everything that determines the scores' bits, given the model."""
        other = {} if self.threshold == DEFAULT_THRESHOLD else {"threshold": self.threshold}
        return {
            "schema": EVALUATION_SCHEMA_VERSION,
            "kind": "evaluation",
            "training": self.training.key,
            "corruption": self.corruption,
            "severity": self.severity,
            "condition": dict(self.condition),
            **other,
        }

    @property
    def key(self) -> str:
        """SHA-256 of the identity."""
        return digest(self.identity())
