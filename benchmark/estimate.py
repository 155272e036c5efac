"""The dry run: the grid of cells, what the store holds of it, and how long the rest will take on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from ..corruptions import CorruptionSpec
from ..models import Batch, build_model
from .cells import CLEAN, TrainingCell
from .config import ExperimentConfig
from .corrupted_images import BATCH, corrupted_images
from .datasets.base import Dataset, cases_of
from .inputs import model_input
from .plan import Plan
from .prediction import predict_logits
from .preflight import check_before_training
from .run import device_of, store_of
from .training import model_settings

REPEATS = 2


def print_estimate(
    config: ExperimentConfig, dataset: Dataset, plan: Plan, console: Console, *, evaluate: bool = True
) -> None:
    """Print the grid and an estimate made of a few timed steps of each model and corruption."""
    store = store_of(config)
    missing = [cell for cell in plan.training if not store.has(cell)]
    todo = {
        cell.key: [item for item in plan.evaluations_of(cell) if not store.has(item)] if evaluate else []
        for cell in plan.training
    }
    check_before_training(config, dataset, missing, sum(map(len, todo.values())))
    device = device_of(config.accelerator)
    test_cases = cases_of(dataset, "test")
    batches = -(-len(test_cases) // BATCH)
    corruption_seconds = {
        spec.name if spec else CLEAN: _seconds(lambda spec=spec: _corrupt_once(dataset, test_cases, spec))  # type: ignore[misc]
        for spec in (*plan.corruptions, None)
        if evaluate
    }

    table = Table("Training cell", "Cases", "Evaluations to do", "Estimated time", title="Grid")
    speeds: dict[str, tuple[float, float]] = {}
    total = 0.0
    for cell in plan.training:
        if cell.model not in speeds:
            speeds[cell.model] = _model_seconds(cell, device)
        step, prediction = speeds[cell.model]
        seconds = 0.0 if store.has(cell) else cell.steps_per_epoch * cell.training.epochs * step
        seconds += sum(batches * (prediction + corruption_seconds[item.corruption]) for item in todo[cell.key])
        total += seconds
        status = "in the store" if seconds == 0 else _duration(seconds)
        table.add_row(cell.title, str(len(cell.cases)), str(len(todo[cell.key])), status)
    console.print(table)
    for spec in plan.corruptions if evaluate else ():
        severities = ", ".join(str(severity) for severity in spec.chosen(config.severity))
        console.print(f"Corruption {spec.name} ({', '.join(spec.families)}), severity {severities}", highlight=False)
    console.print(
        f"About {_duration(total)} on {device}, from a few timed steps. Nothing was trained.", highlight=False
    )


def _corrupt_once(dataset: Dataset, cases: list[str], spec: CorruptionSpec | None) -> None:
    batch = [dataset.load(case) for case in cases[:BATCH]]
    same = [case for case in batch if case.image.shape == batch[0].image.shape]
    middle = spec.severities[len(spec.severities) // 2] if spec else 0
    corrupted_images(same, dataset, spec.name if spec else CLEAN, middle)


def _model_seconds(cell: TrainingCell, device: torch.device) -> tuple[float, float]:
    """Seconds of one training step, and of one evaluation batch."""
    settings = model_settings(cell)
    model = build_model(cell.model, settings).to(device)
    size, count = settings.image_size, cell.training.batch_size
    images = model_input(torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(0)), (0.0, 1.0), size)
    images = images.to(device, memory_format=torch.channels_last)
    masks = (images[:, :1] > 0.5).float()
    texts = [f"area {number}" for number in range(count)]

    def step() -> None:
        losses = model.training_losses(Batch(images, texts, masks))
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        model.zero_grad(set_to_none=True)

    training = _seconds(step)
    model.eval()
    evaluation = _seconds(lambda: predict_logits(model, images[:BATCH], texts[:BATCH], device, cell.model))
    return training, evaluation * BATCH / min(BATCH, count)


def _seconds(action: Callable[[], object]) -> float:
    action()
    started = time.perf_counter()
    for _ in range(REPEATS):
        action()
    return (time.perf_counter() - started) / REPEATS


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
