"""The plan: the grid of cells that a configuration asks for, in the order in which they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from biclip_bench.errors import UserError

from ..corruptions import CorruptionSpec, corrupt, corruption_registry, parse_spec
from ..corruptions.seeding import SUITE_VERSION
from ..models import (
    ModelSettings,
    build_text_encoder,
    find_model,
    listed_models,
    parse_model,
    text_encoder_registry,
)
from .ablation import ablations
from .cells import DEFAULT_THRESHOLD, EvaluationCell, OutsideModel, Threshold, TrainingCell
from .config import ExperimentConfig
from .datasets import Dataset, DatasetSettings, dataset_registry, open_dataset
from .foreign_weights import foreign_weights
from .label_sets import LabelSet, draw_label_sets, read_label_sets
from .patient_split import PatientSplit
from .pixel_size import pixel_size_mm
from .selections import split_names


@dataclass(frozen=True)
class Plan:
    """What a run comes to.

    Parameters
    ----------
    models
        Names, ``all`` resolved.
    corruptions
        Likewise; every specification has a name of its own.
    training
        Cells to train.
    evaluations
        For each training cell its evaluation cells: clean first, then each corruption by severity.
    """

    models: tuple[str, ...]
    corruptions: tuple[CorruptionSpec, ...]
    training: tuple[TrainingCell, ...]
    evaluations: dict[str, tuple[EvaluationCell, ...]]

    def evaluations_of(self, cell: TrainingCell) -> tuple[EvaluationCell, ...]:
        """Evaluation cells of one training cell."""
        return self.evaluations[cell.key]

    @property
    def all_evaluations(self) -> list[EvaluationCell]:
        """Every evaluation cell."""
        return [evaluation for cell in self.training for evaluation in self.evaluations_of(cell)]


def dataset_of(config: ExperimentConfig) -> Dataset:
    """Open and check the data set that a configuration names.

    Raises
    ------
    UserError
        At the first defect, naming the file or row.
    """
    settings = DatasetSettings(
        root=config.data_root,
        image_size=config.input_size,
        cases=config.phantom_patients,
        cache=config.output / "cache",
        options=config.data_option,
        allow_issues=config.allow_issues,
    )
    dataset = open_dataset(config.dataset, settings)
    return PatientSplit(dataset) if config.split == "patient" else dataset


def known_models(config: ExperimentConfig) -> tuple[str, ...]:
    """The models that a configuration names, ``all`` resolved, each looked up and followed by its ablations.

    Raises
    ------
    UserError
        If a name is unknown (the message suggests a close one), or a part to ablate is one that no model has.
    """
    specs = [parse_model(name) for name in split_names(config.model, listed_models())]
    for spec in specs:
        find_model(spec)
    return tuple(dict.fromkeys(spec.text for spec in ablations(specs, config.ablate)))


def known_corruptions(config: ExperimentConfig) -> tuple[CorruptionSpec, ...]:
    """The corruptions that a configuration names, ``all`` resolved and each read, and tried on a small image.

    Raises
    ------
    UserError
        If a name or parameter is unknown (the message suggests a close one), has none of the severities, or
        parameters contradict each other: now, and not after hours of training.
    """
    texts = [name for text in config.corruption for name in (corruption_registry if text == "all" else [text])]
    specs = {spec.name: spec for spec in map(parse_spec, texts)}
    for spec in specs.values():
        for severity in spec.chosen(config.severity):
            corrupt(spec, torch.full((1, 1, 8, 8), 0.5), severity, ["trial"])
    return tuple(specs.values())


def check_names(config: ExperimentConfig) -> None:
    """Look every name of a configuration up, before a data set is read or made.

    Raises
    ------
    UserError
        If a name is unknown; the message suggests a close one. If the text encoder cannot be had.
    """
    dataset_registry.get(config.dataset)
    known_corruptions(config)
    check_text_encoder(config, known_models(config))


def check_text_encoder(config: ExperimentConfig, models: Sequence[str]) -> None:
    """Build the text encoder if any of the models reads texts; a pretrained one is kept for those models.

    Raises
    ------
    UserError
        If its name is unknown, or its weights are not here and cannot be downloaded, or are damaged.
    """
    text_encoder_registry.get(config.text_encoder.partition(":")[0])
    if any(find_model(parse_model(name)).uses_text for name in models):
        build_text_encoder(config.text_encoder, config.freeze_text)


def make_plan(config: ExperimentConfig, dataset: Dataset) -> Plan:
    """Lay out the grid.

    Raises
    ------
    UserError
        If a name is unknown, or options are given for a model that is not among those named.
    """
    models, corruptions = known_models(config), known_corruptions(config)
    unknown = set(config.model_options) - {parse_model(name).name for name in models}
    if unknown:
        raise UserError(
            f"model_options names {sorted(unknown)[0]!r}, which is not among the models {', '.join(models)}."
        )
    settings = {name: _settings(config, name) for name in models}
    given = foreign_weights(config, models)

    training = tuple(
        TrainingCell(
            dataset=config.dataset,
            fingerprint=dataset.fingerprint,
            labels=chosen.labels,
            cases=chosen.cases,
            seed=chosen.seed,
            model=name,
            model_settings=settings[name],
            training=config.training,
            given=given[name],
            draw=chosen.draw,
            validation=chosen.validation,
        )
        for chosen in label_sets_of(config, dataset)
        for name in models
    )
    return Plan(
        models,
        corruptions,
        training,
        {
            cell.key: evaluation_cells(cell, corruptions, config.severity, dataset, config.threshold)
            for cell in training
        },
    )


def label_sets_of(config: ExperimentConfig, dataset: Dataset) -> list[LabelSet]:
    """The label sets that a configuration asks for, drawn or read.

    Raises
    ------
    UserError
        If the labels file cannot be read or does not fit the data set.
    """
    if config.labels_file is not None:
        seeds = config.seed if "seed" in config.model_fields_set else None
        return read_label_sets(config.labels_file, dataset.index, seeds)
    return draw_label_sets(dataset.index, config.labels, config.seed, config.label_draws, config.val_policy)


def evaluation_cells(
    cell: TrainingCell | OutsideModel,
    corruptions: Sequence[CorruptionSpec],
    severities: Sequence[int],
    dataset: Dataset,
    threshold: Threshold = DEFAULT_THRESHOLD,
) -> tuple[EvaluationCell, ...]:
    """The evaluation cells of one model: clean, then every corruption at every severity."""
    images = {
        "fingerprint": dataset.fingerprint,
        "window": list(dataset.context.window),
        "pixel_size_mm": pixel_size_mm(dataset),
    }
    conditions = [EvaluationCell(cell, condition=images, threshold=threshold)]
    for spec in corruptions:
        for severity in spec.chosen(severities):
            condition = images | {
                "suite": SUITE_VERSION,
                "parts": [
                    {
                        "corruption": part.corruption.name,
                        "version": part.corruption.version,
                        "severity": part.own_severity(severity),
                        "level": dict(part.level(severity)),
                    }
                    for part in spec.parts
                ],
                "context": asdict(dataset.context),
            }
            conditions.append(EvaluationCell(cell, spec.name, severity, condition, threshold))
    return tuple(conditions)


def _settings(config: ExperimentConfig, model: str) -> dict[str, Any]:
    settings = ModelSettings(
        image_size=config.input_size,
        width=config.network_width,
        text_encoder=config.text_encoder,
        freeze_text=config.freeze_text,
        preset="paper" if config.preset == "paper" else "benchmark",
        options=dict(config.model_options.get(parse_model(model).name, {})),
    )
    return asdict(settings)
