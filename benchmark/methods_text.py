"""The methods paragraphs of a paper, written from a run's configuration."""

from __future__ import annotations

from collections.abc import Sequence

from biclip_bench import __version__

from ..corruptions import CorruptionSpec
from ..reports.wording import listed
from .config import ExperimentConfig
from .datasets.base import PARTS, Dataset
from .plan import Plan

_PART_NAMES = {"train": "training", "val": "validation", "test": "test"}


def methods_paragraphs(config: ExperimentConfig, dataset: Dataset, plan: Plan, split: str) -> tuple[str, ...]:
    """Write what a methods section must say on data, training and corruption.

    Parameters
    ----------
    config
        The run's configuration.
    dataset, plan
        What it came to.
    split
        How training and test cases are separated, in words.

    Returns
    -------
    tuple of str
        Plain text, a paragraph each.
    """
    return (
        _data(config, dataset, plan, split),
        _training(config, plan),
        corruption_paragraph(plan.corruptions, config.severity),
    )


def _data(config: ExperimentConfig, dataset: Dataset, plan: Plan, split: str) -> str:
    counts = dataset.index["part"].value_counts()
    groups = dataset.index.groupby("part")["group"].nunique()
    parts = listed([f"{counts.get(p, 0)} {_PART_NAMES[p]} cases of {groups.get(p, 0)} patients" for p in PARTS])
    made = (
        " It is a synthetic chest-CT phantom with report texts, made by the benchmark."
        if dataset.name == "phantom"
        else ""
    )
    fractions = sorted({cell.labels for cell in plan.training})
    scarce = [f"{fraction:g}%" for fraction in fractions]
    labels = (
        "All training labels were used."
        if fractions == [100.0]
        else f"Models were trained with {listed(scarce)} of the training labels; the labelled cases are whole "
        "patients, nested between the fractions and interleaved by lesion burden."
    )
    draws = {cell.draw for cell in plan.training if cell.draw is not None}
    drawn = f" The labelled cases were drawn {len(draws)} times." if len(draws) > 1 else ""
    return f"We used the data set {dataset.name} ({parts}; split: {split}).{made} {labels}{drawn}"


def _training(config: ExperimentConfig, plan: Plan) -> str:
    training, seeds = config.training, sorted({cell.seed for cell in plan.training})
    reads_text = any(cell.model_settings.get("text_encoder") for cell in plan.training)
    encoder = f" Text-guided models read the texts through the encoder {config.text_encoder}." if reads_text else ""
    policy = "the whole validation part" if config.val_policy == "full" else "the same share of the validation part"
    warmup = f"a linear warm-up over {training.warmup:.0%} of the steps and " if training.warmup else ""
    augmented = (
        " Every model was trained on the same photometrically disturbed images." if config.match_augmentation else ""
    )
    return (
        f"{listed(list(plan.models))} were trained with biclip-bench {__version__} on images of {config.input_size} x "
        f"{config.input_size} pixels for {training.epochs} epochs of at least {training.minimum_steps} steps of "
        f"{training.batch_size} cases with AdamW (peak learning rate {training.learning_rate:g}, {warmup}cosine decay, "
        f"weight decay {training.weight_decay:g}, precision {training.precision}), with {count(len(seeds), 'seed')}. "
        f"The epoch with the best mean Dice on {policy} was kept.{encoder}{augmented}"
    )


def corruption_paragraph(corruptions: Sequence[CorruptionSpec], severities: Sequence[int]) -> str:
    """Say how the test images were corrupted."""
    if not corruptions:
        return "Test images were not corrupted."
    told = [_corruption(spec, spec.chosen(severities)) for spec in corruptions]
    return (
        f"Test images were corrupted on their native grid, before windowing and resizing, by {listed(told)}. Every "
        "random draw is seeded by corruption, severity and case, so all models saw the same corrupted images."
    )


def _corruption(spec: CorruptionSpec, severities: Sequence[int]) -> str:
    summary = spec.summary.rstrip(".")
    return f"{spec.name} ({summary[0].lower()}{summary[1:]}; severities {', '.join(map(str, severities))})"


def count(number: int, noun: str) -> str:
    """Print a number with its noun: ``"1 seed"``, ``"5 seeds"``."""
    return f"{number} {noun}{'s' * (number != 1)}"
