"""The experiment's configuration: every flag of ``run`` as a key, read from YAML and written beside the results."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from .cells import DEFAULT_THRESHOLD, VALIDATION, Threshold, TrainingSettings
from .presets import PAPER_TEXT_ENCODER, PRESETS, Preset, PresetName, SplitName, ValidationPolicy
from .selections import parse_percentages, parse_settings, parse_whole_numbers, split_names, split_specs


class ExperimentConfig(BaseModel):
    """What to run. Keys left out take the preset's values.

    Lists may be written as in a shell (``severity: 1-5``, ``labels: 1,5,100``) or as YAML lists.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str = "phantom"
    data_root: Path | None = None
    data_option: dict[str, str] = Field(default_factory=dict)
    allow_issues: bool = False
    model: tuple[str, ...] = ("biclip", "unet")
    corruption: tuple[str, ...] = ("motion", "low-dose-ct")
    severity: tuple[int, ...] = (1, 2, 3, 4, 5)
    labels: tuple[float, ...] = (100.0,)
    label_draws: int | None = Field(None, ge=1, le=1000)
    labels_file: Path | None = None
    val_policy: ValidationPolicy = "full"
    split: SplitName = "official"
    seed: tuple[int, ...] = (0,)
    ablate: tuple[str, ...] = ()
    text_encoder: str = "tiny"
    freeze_text: bool | None = None
    match_augmentation: bool = False
    preset: PresetName = "quick"
    image_size: int | None = Field(None, ge=32, le=2048, multiple_of=16)
    width: int | None = Field(None, ge=4, le=512)
    epochs: int | None = Field(None, ge=1, le=100_000)
    batch_size: int | None = Field(None, ge=2, le=4096)
    learning_rate: float | None = Field(None, gt=0, le=1)
    patients: tuple[int, int, int] | None = None
    model_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    threshold: Threshold = DEFAULT_THRESHOLD
    accelerator: str = "auto"
    precision: str = "32-true"
    output: Path = Path("results")

    @field_validator("data_option", mode="before")
    @classmethod
    def _data_options(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return parse_settings(value, "--data-option")
        return {key: str(item) for key, item in value.items()} if isinstance(value, dict) else value

    @field_validator("ablate", mode="before")
    @classmethod
    def _parts(cls, value: Any) -> Any:
        return tuple(split_names([value] if isinstance(value, str) else value))

    @field_validator("model", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        values = [value] if isinstance(value, str) else value
        return tuple(split_names(values)) or _refuse("Give at least one name")

    @field_validator("corruption", mode="before")
    @classmethod
    def _specs(cls, value: Any) -> Any:
        values = [value] if isinstance(value, str) else value
        specs = tuple(split_specs(values))
        if specs == ("none",) or not values:
            return ()
        return specs or _refuse("Give at least one name, or none for clean images alone")

    @field_validator("severity", mode="before")
    @classmethod
    def _severities(cls, value: Any) -> Any:
        return tuple(parse_whole_numbers(_shell_list(value), "--severity", lowest=1, highest=5))

    @field_validator("seed", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        return tuple(parse_whole_numbers(_shell_list(value), "--seed", lowest=0))

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        return tuple(parse_percentages(_shell_list(value), "--labels"))

    @model_validator(mode="after")
    def _labels_once(self) -> ExperimentConfig:
        if self.labels_file is not None:
            for key in ("labels", "label_draws", "val_policy"):
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise ValueError(f"labels_file already says which labels are used: leave {key} out")
        return self

    @field_validator("threshold", mode="before")
    @classmethod
    def _threshold(cls, value: Any) -> Any:
        if value == VALIDATION:
            return value
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        return number if 0 < number < 1 else _refuse(f"Give a number between 0 and 1, such as 0.5, or {VALIDATION}")

    @field_validator("patients")
    @classmethod
    def _patients(cls, value: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if value is not None and min(value) < 1:
            raise ValueError("Every part needs at least one patient")
        return value

    @property
    def defaults(self) -> Preset:
        """The preset's values."""
        return PRESETS[self.preset]

    @property
    def input_size(self) -> int:
        """Side of the models' input in pixels."""
        return self.image_size or self.defaults.image_size

    @property
    def network_width(self) -> int:
        """Channels of the networks' first level."""
        return self.width or self.defaults.width

    @property
    def phantom_patients(self) -> tuple[int, int, int]:
        """Patients of the phantom for training, validation and test."""
        return self.patients or self.defaults.patients

    @property
    def training(self) -> TrainingSettings:
        """How every model of this run is trained."""
        training = self.defaults.training
        return replace(
            training,
            epochs=self.epochs or training.epochs,
            batch_size=self.batch_size or training.batch_size,
            learning_rate=self.learning_rate or training.learning_rate,
            match_augmentation=self.match_augmentation,
            precision=self.precision,
        )

    @property
    def is_paper_setting(self) -> bool:
        """Whether the paper's sizes, hyper-parameters and text encoder are used unchanged."""
        return self.preset == "paper" and not self._overridden() and self._has_paper_text

    @property
    def profile(self) -> str:
        """One line that says which setting this is, for every output."""
        training = self.training
        sizes = f"{self.input_size} px, width {self.network_width}, {training.epochs} epochs"
        if self.is_paper_setting:
            return f"{self.defaults.title} ({sizes})"
        changed = " with changes" if self._overridden() else ""
        if self.preset == "paper" and not self._has_paper_text:
            tuned = ", fine-tuned" if self.freeze_text is False else ""
            changed += f" with the text encoder {self.text_encoder}{tuned}"
        return f"{self.defaults.title}{changed} ({sizes}): not the paper's setting"

    @property
    def _has_paper_text(self) -> bool:
        return self.text_encoder == PAPER_TEXT_ENCODER and self.freeze_text is not False

    def _overridden(self) -> bool:
        preset = self.defaults
        of_preset = (preset.image_size, preset.width, preset.training)
        return (self.input_size, self.network_width, self.training) != of_preset

    def to_yaml(self) -> str:
        """Write all keys, with the values they resolved to, as YAML."""
        resolved = self.model_copy(
            update={
                "image_size": self.input_size,
                "width": self.network_width,
                "epochs": self.training.epochs,
                "batch_size": self.training.batch_size,
                "learning_rate": self.training.learning_rate,
                "patients": self.phantom_patients,
            }
        )
        keys = resolved.model_dump(mode="json")
        if self.labels_file is not None and "seed" not in self.model_fields_set:
            del keys["seed"]  # the labels file says them
        return yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)


def _refuse(what: str) -> Any:
    raise ValueError(what)


def _shell_list(value: Any) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def make_config(values: dict[str, Any], source: str) -> ExperimentConfig:
    """Build a configuration and tell every wrong key in the user's words.

    Parameters
    ----------
    values
        Keys of :class:`ExperimentConfig`.
    source
        Where they come from: a file's name, or ``"the command line"``.

    Raises
    ------
    UserError
        If a key is unknown or a value wrong.
    """
    unknown = [key for key in values if key not in ExperimentConfig.model_fields]
    if unknown:
        hint = suggest(unknown[0], list(ExperimentConfig.model_fields))
        raise UserError(f"{source} has the unknown key {unknown[0]!r}. {hint}")
    try:
        return ExperimentConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise UserError(f"{source}: {reason}.") from error
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{source}: {key} = {first['input']!r} is wrong. {reason}.") from error


def read_config(path: Path) -> dict[str, Any]:
    """Read the keys of a YAML configuration.

    Raises
    ------
    UserError
        If the file is missing, is not YAML, or holds no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"The configuration {path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"The configuration {path} must hold keys and values, such as 'severity: 1-5'.")
    return {str(key).replace("-", "_"): value for key, value in values.items()}
