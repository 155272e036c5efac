"""Running a plan: train what is missing, evaluate what is missing, keep everything in the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..models import SegmentationModel
from .cells import CLEAN, EvaluationCell, OutsideModel, TrainingCell
from .config import ExperimentConfig
from .datasets.base import Dataset
from .evaluation import evaluate_cell, load_model
from .plan import Plan
from .preflight import check_before_training
from .store import DESCRIPTION, Store, write_json
from .threshold import check_validation_cases, resolved_threshold
from .training import train_cell
from .versions import software_versions

PROGRESS_LINES = 4
"""Where there is no terminal to draw a bar on, a training prints this many lines."""


def store_of(config: ExperimentConfig) -> Store:
    """The results store of a configuration."""
    return Store(config.output / "cells")


def text_cache_of(config: ExperimentConfig) -> Path:
    """Where frozen text encoders keep their features; every run into the same output folder shares them."""
    return config.output / "cache" / "text-features"


def image_cache_of(config: ExperimentConfig) -> Path:
    """Where resized training images are kept; every run into the same output folder shares them."""
    return config.output / "cache" / "resized"


def execute(config: ExperimentConfig, dataset: Dataset, plan: Plan, console: Console) -> None:
    """Train and evaluate the cells of a plan that the store does not hold yet.

    Raises
    ------
    UserError
        Before the first epoch, when something in the configuration or the data cannot work.
    """
    store = store_of(config)
    missing_training = [cell for cell in plan.training if not store.has(cell)]
    missing_evaluations = [cell for cell in plan.all_evaluations if not store.has(cell)]
    done = len(plan.training) - len(missing_training)
    if done:
        console.print(f"{done} of {len(plan.training)} trainings are in the store already.")
    if not missing_training and not missing_evaluations:
        console.print("Nothing to compute: every cell is in the store.")
        return
    check_validation_cases(config.threshold, dataset)
    check_before_training(config, dataset, missing_training, len(missing_evaluations))
    for number, cell in enumerate(plan.training, start=1):
        evaluations = [evaluation for evaluation in plan.evaluations_of(cell) if not store.has(evaluation)]
        position = f"[{number}/{len(plan.training)}]"
        train_missing(cell, config, dataset, store, console, position)
        evaluate_missing(cell, evaluations, config, dataset, store, console, position)


def train_missing(
    cell: TrainingCell, config: ExperimentConfig, dataset: Dataset, store: Store, console: Console, position: str
) -> None:
    """Train one cell unless the store holds it."""
    if store.has(cell):
        return
    with store.training_in_progress(cell) as folder:
        if folder is None:
            return
        console.print(
            f"{position} Training {cell.title} ({len(cell.cases)} cases, {cell.training.epochs} epochs)", markup=False
        )

        def tell(epoch: int, epochs: int, validation_dice: float) -> None:
            if not console.is_terminal and epoch % max(1, epochs // PROGRESS_LINES) == 0:
                console.print(f"      epoch {epoch}/{epochs}: validation Dice {validation_dice:.3f}")

        description = train_cell(
            cell, dataset, folder, accelerator=config.accelerator, progress=tell, progress_bar=console.is_terminal,
            text_cache=text_cache_of(config), image_cache=image_cache_of(config),
        )  # fmt: skip
        write_json(folder / DESCRIPTION, {**description, "config": config.model_dump(mode="json")})
        console.print(
            f"      best validation Dice {description['best_validation_dice']:.3f} "
            f"(epoch {description['best_epoch']}), {description['seconds']:.0f} s on {description['device']}"
        )


def evaluate_missing(
    cell: TrainingCell,
    evaluations: list[EvaluationCell],
    config: ExperimentConfig,
    dataset: Dataset,
    store: Store,
    console: Console,
    position: str,
    checkpoint: Path | None = None,
) -> None:
    """Evaluate one trained model under the conditions that the store does not hold.

    The weights are the store's own unless ``checkpoint`` names the folder that holds them.
    """
    if not evaluations:
        return
    model = load_model(cell, checkpoint or store.training_folder(cell), text_cache_of(config))
    evaluate_model(model, cell, evaluations, device_of(config.accelerator), dataset, store, console, position)


def evaluate_model(
    model: SegmentationModel,
    cell: TrainingCell | OutsideModel,
    evaluations: Sequence[EvaluationCell],
    device: torch.device,
    dataset: Dataset,
    store: Store,
    console: Console,
    position: str,
) -> None:
    """Evaluate a model that is there under each condition, and keep the scores and masks.

    Where the conditions' threshold is to be chosen, the clean validation cases choose it first.
    """
    threshold = resolved_threshold(evaluations[0].threshold, model, cell, dataset, device)
    with evaluation_progress(console, f"{position} Evaluating {cell.title}", len(evaluations)) as advance:
        for evaluation in evaluations:
            scores, masks = evaluate_cell(evaluation, dataset, model, device, threshold)
            description: dict[str, Any] = {
                "cell": evaluation.identity(),
                "model": cell.identity(),
                "threshold": threshold,
                "device": str(device),
                "versions": software_versions(),
            }
            store.write_evaluation(evaluation, scores, masks, description)
            name = CLEAN if evaluation.corruption == CLEAN else f"{evaluation.corruption} {evaluation.severity}"
            advance(f"{name}: Dice {scores['dice'].mean():.3f}")


def device_of(accelerator: str) -> torch.device:
    """The device that Lightning chooses for an accelerator flag."""
    from lightning.fabric import Fabric

    return Fabric(accelerator=accelerator, devices=1).device


@contextmanager
def evaluation_progress(console: Console, title: str, total: int) -> Iterator[Any]:
    """A progress bar on a terminal, one line of text elsewhere."""
    if not console.is_terminal:
        console.print(f"{title} under {total} conditions", markup=False)
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda text: progress.update(task, advance=1, description=f"{title} ({text})")
