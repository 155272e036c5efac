"""Training one cell with Lightning: one protocol for every model, resumable to the bit."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from ..models import (
    Batch,
    ModelSettings,
    SegmentationModel,
    build_model,
    count_parameters,
    frozen_text_encoders,
    keep_text_features,
)
from ..models.views import STRONG_VIEW_FAMILIES, strong_view
from .cells import TrainingCell, TrainingSettings, digest
from .datasets.base import Dataset, cases_of
from .inputs import ResizedCases, collate
from .resized_cache import open_resized_cache
from .schedule import warm_cosine
from .scores import overlap_scores
from .store import DESCRIPTION, LOG, WEIGHTS, write_json
from .unlabelled import training_batches, unlabelled_cases
from .versions import software_versions

LAST = "last.ckpt"
VALIDATION_BATCH = 16

Progress = Callable[[int, int, float], None]
"""Called after each epoch with its number (from 1), the number of epochs and the validation Dice."""


class TrainingModule(L.LightningModule):
    """Binds a segmentation model to the optimiser and the validation score of the protocol."""

    def __init__(
        self, model: SegmentationModel, settings: TrainingSettings, steps: int, image_size: int, name: str
    ) -> None:
        super().__init__()
        self.model = model
        self.model_name = name
        self.settings = settings
        self.steps = steps
        self.photometric = strong_view(image_size) if settings.match_augmentation else None
        self._validation_dice: list[float] = []

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch to the device, its images in channels-last memory format."""
        image = batch.image.to(device, memory_format=torch.channels_last)
        rest = batch.unlabelled
        unlabelled = None if rest is None else self.transfer_batch_to_device(rest, device, dataloader_idx)
        return Batch(image, batch.text, None if batch.mask is None else batch.mask.to(device), unlabelled)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Sum the model's loss terms."""
        if self.photometric is not None:
            batch = replace(batch, image=self.photometric(batch.image))
            if batch.unlabelled is not None:
                rest = replace(batch.unlabelled, image=self.photometric(batch.unlabelled.image))
                batch = replace(batch, unlabelled=rest)
        losses = self.model.training_losses(batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            terms = ", ".join(f"{name} = {value.item():g}" for name, value in losses.items())
            raise UserError(
                f"Training of model {self.model_name!r} gave a loss that is not finite in epoch "
                f"{self.current_epoch + 1} ({terms}). Try a lower --learning-rate, or --precision 32-true."
            )
        self.log_dict(
            {name: value.detach() for name, value in losses.items()},
            batch_size=len(batch.text),
            on_epoch=True,
            on_step=False,
        )
        return total

    def validation_step(self, batch: Batch, _: int) -> None:
        """Collect the Dice of each validation case on the input grid."""
        assert batch.mask is not None
        predicted = self.model(batch) > 0
        scores = overlap_scores(predicted[:, 0], batch.mask[:, 0] > 0.5)
        self._validation_dice += scores["dice"].tolist()

    def on_validation_epoch_end(self) -> None:
        """Log the mean Dice over validation cases."""
        mean = sum(self._validation_dice) / len(self._validation_dice)
        self._validation_dice.clear()
        self.log("validation_dice", torch.tensor(mean, dtype=torch.float64, device="cpu").float())

    def configure_optimizers(self) -> Any:
        """AdamW with a warm-up and a half-cosine decay in steps; frozen parameters stay out."""
        model: SegmentationModel = self.model
        branches: dict[bool, list[torch.nn.Parameter]] = {False: [], True: []}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                branches[name.partition(".")[0] in model.text_branch].append(parameter)
        rate = self.settings.learning_rate
        rates = {False: rate, True: rate * self.settings.text_rate}
        groups = [{"params": branches[of_text], "lr": rates[of_text]} for of_text in branches if branches[of_text]]
        optimiser = torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay)
        schedule = LambdaLR(optimiser, lambda step: warm_cosine(step, self.steps, self.settings.warmup))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class ReseedEachEpoch(Callback):
    """Seeds every generator from the training's seed and the epoch, so that resuming repeats the same draws."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Batch, batch_idx: int) -> None:
        """Seed all generators before an epoch's first step.

        Not when the epoch starts: a loader that is made anew then draws once more than one that goes on.
        """
        if batch_idx == 0:
            epoch_seed = int(digest([self.seed, trainer.current_epoch])[:8], 16)
            L.seed_everything(epoch_seed, workers=True, verbose=False)


class History(Callback):
    """Keeps the epoch's losses and validation score in the checkpoint and as a CSV file that grows by epoch."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self.path = path
        self.progress = progress
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Add a row."""
        values = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.rows.append({"epoch": trainer.current_epoch + 1, "learning_rate": rate, **values})
        write_atomically(self.path, pd.DataFrame(self.rows).to_csv(index=False, lineterminator="\n"))
        if self.progress is not None:
            self.progress(trainer.current_epoch + 1, trainer.max_epochs or 0, values["validation_dice"])

    def state_dict(self) -> dict[str, Any]:
        """Rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the rows of an interrupted training."""
        self.rows = list(state_dict["rows"])


def model_settings(cell: TrainingCell) -> ModelSettings:
    """The settings that build the cell's model."""
    return ModelSettings(**dict(cell.model_settings))


def whole_lists(cell: TrainingCell) -> dict[str, list[str]]:
    """The case ids that the identity holds as digests."""
    lists = {"cases": list(cell.cases)}
    return lists if cell.validation is None else lists | {"validation": list(cell.validation)}


def seen_in_training(model: SegmentationModel, settings: TrainingSettings) -> list[str]:
    """Corruption families that a training shows to a model: its own, and those of a matched augmentation."""
    matched = STRONG_VIEW_FAMILIES if settings.match_augmentation else ()
    return list(dict.fromkeys((*model.augmented_with, *matched)))


def train_cell(
    cell: TrainingCell,
    dataset: Dataset,
    folder: Path,
    *,
    accelerator: str = "auto",
    progress: Progress | None = None,
    progress_bar: bool = False,
    text_cache: Path | None = None,
    image_cache: Path | None = None,
) -> Mapping[str, Any]:
    """Train a cell's model into ``folder``: best weights (safetensors), log (CSV) and description (JSON).

    An interrupted training in the same folder is resumed at its last whole epoch and ends with the same bits as one
    that was never interrupted.

    Parameters
    ----------
    cell
        What to train.
    dataset
        The data set that the cell names.
    folder
        An existing folder.
    accelerator
        Lightning's accelerator flag.
    progress
        Told after each epoch.
    progress_bar
        Whether Lightning's Rich progress bar is shown.
    text_cache
        Folder in which a frozen text encoder keeps its features.
    image_cache
        Folder in which decoded and resized images are kept.

    Returns
    -------
    mapping
        The description, as written to ``cell.json``.
    """
    started = time.monotonic()
    settings = cell.training
    size = model_settings(cell).image_size
    L.seed_everything(cell.seed, workers=True, verbose=False)
    model = build_model(cell.model, model_settings(cell)).to(memory_format=torch.channels_last)
    if text_cache is not None:
        keep_text_features(model, text_cache)

    cache = None if image_cache is None else open_resized_cache(image_cache, dataset, size)
    training_loader = training_batches(dataset, cell, cache, unlabelled=model.uses_unlabelled)
    judged = cases_of(dataset, "val") if cell.validation is None else cell.validation
    validation_cases = ResizedCases(dataset, judged, size, cache)
    validation_loader = DataLoader(validation_cases, VALIDATION_BATCH, collate_fn=collate)

    module = TrainingModule(model, settings, settings.epochs * cell.steps_per_epoch, size, cell.model)
    history = History(folder / LOG, progress)
    checkpoint = ModelCheckpoint(
        folder, filename="best", monitor="validation_dice", mode="max", save_last=True, save_on_train_epoch_end=True,
        enable_version_counter=False, save_weights_only=False,
    )  # fmt: skip
    callbacks: list[Callback] = [ReseedEachEpoch(cell.seed), history, checkpoint]
    if progress_bar:
        from lightning.pytorch.callbacks import RichProgressBar

        callbacks.append(RichProgressBar(leave=False))
    with _quiet_lightning():
        trainer = L.Trainer(
            accelerator=accelerator,
            devices=1,
            precision=settings.precision,  # type: ignore[arg-type]
            max_epochs=settings.epochs,
            callbacks=callbacks,
            logger=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=progress_bar,
            deterministic="warn",
            default_root_dir=folder,
        )
        resume = _usable_checkpoint(folder / LAST)
        try:
            trainer.fit(module, training_loader, validation_loader, ckpt_path=resume, weights_only=True)
        except SystemExit as stop:
            # Lightning ends the process at Ctrl-C; the command line has something to say first.
            raise KeyboardInterrupt from stop

    best = torch.load(checkpoint.best_model_path, map_location="cpu", weights_only=True)["state_dict"]
    weights = {name.removeprefix("model."): value.contiguous() for name, value in best.items()}
    description = {
        "cell": cell.identity() | whole_lists(cell),
        "key": cell.key,
        "parameters": count_parameters(model, trainable_only=True),
        "frozen_parameters": count_parameters(model) - count_parameters(model, trainable_only=True),
        "pretrained": model.pretrained,
        "uses_text": model.uses_text,
        "unlabelled": len(unlabelled_cases(dataset, cell)) if model.uses_unlabelled else 0,
        "augmented_with": seen_in_training(model, settings),
        "frozen_text": [encoder.fingerprint() for encoder in frozen_text_encoders(model)],
        "best_epoch": int(max(history.rows, key=lambda row: row["validation_dice"])["epoch"]),
        "best_validation_dice": float(checkpoint.best_model_score),  # type: ignore[arg-type]
        "device": str(trainer.strategy.root_device),
        "seconds": round(time.monotonic() - started, 1),
        "versions": software_versions(),
    }
    # One entry only: safetensors writes several in random order, and the file would differ from run to run.
    save_file(weights, folder / WEIGHTS, metadata={"model": cell.model})
    write_json(folder / DESCRIPTION, description)
    for leftover in folder.glob("*.ckpt"):
        leftover.unlink()
    return description


def _usable_checkpoint(path: Path) -> Path | None:
    """What a killed process left behind, unless it is torn: then training starts again, to the same bits."""
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        path.unlink(missing_ok=True)
        return None
    return path


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advice on hardware and workers out of the user's terminal; errors still show."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
