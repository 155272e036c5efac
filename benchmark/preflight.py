"""What is checked before the first epoch, so that an error shows in seconds and not after hours."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from biclip_bench.errors import UserError

from ..models import ModelSettings, build_model, count_parameters
from .cells import TrainingCell
from .config import ExperimentConfig
from .datasets.base import Dataset
from .training import model_settings
from .trial import CASES, try_model

BYTES_PER_WEIGHT = 4
CHECKPOINT_COPIES = 7
"""While a model trains, its weights lie on disk twice with AdamW's two moments each, and once as the final weights."""

BYTES_PER_MASK = 2_000
"""A generous size of one predicted mask as a 1-bit PNG, with its row of scores."""


def check_before_training(
    config: ExperimentConfig, dataset: Dataset, training: Iterable[TrainingCell], evaluations: int
) -> dict[str, int]:
    """Build and try every model that is still to be trained, and check that the data set and the disk will do.

    Parameters
    ----------
    config
        The run's configuration.
    dataset
        The opened data set.
    training
        Cells that are not in the store yet.
    evaluations
        Number of evaluation cells that are not in the store yet.

    Returns
    -------
    dict
        Number of parameters of each model that is still to be trained.

    Raises
    ------
    UserError
        Names the option or folder at fault.
    """
    cells = list(training)
    parameters: dict[str, int] = {}
    for cell in cells:
        if cell.model in parameters:
            continue
        settings: ModelSettings = model_settings(cell)
        model = build_model(cell.model, settings)
        parameters[cell.model] = count_parameters(model)
        if model.uses_text and not dataset.index["text"].str.strip().any():
            raise UserError(
                f"Model {cell.model!r} reads a text, but the data set {config.dataset!r} has none. 'datasets show "
                f"{config.dataset}' says whether it takes a table of texts by --data-option; otherwise choose models "
                "that read none, such as unet."
            )
        try_model(model, cell.model, cell.image_size, dataset.index["text"].tolist() * CASES)
    weights = sum(parameters[cell.model] for cell in cells) + (CHECKPOINT_COPIES - 1) * max(
        parameters.values(), default=0
    )
    tests = int((dataset.index["part"] == "test").sum())
    _check_disk(config.output, weights * BYTES_PER_WEIGHT + evaluations * tests * BYTES_PER_MASK)
    return parameters


def check_machine(config: ExperimentConfig) -> None:
    """Check that the output folder can be written to and the accelerator is there, before a data set is read or made.

    Raises
    ------
    UserError
        Names the option at fault.
    """
    _check_writable(config.output)
    _check_accelerator(config.accelerator)


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"The output folder {folder} cannot be written to ({error.strerror}). Give another one with --output."
        ) from error


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"The run needs about {needed / 1e9:.2f} GB in {folder} for checkpoints and predicted masks, and "
            f"{free / 1e9:.2f} GB are free. Make room, or give a folder on another disk with --output."
        )


def _check_accelerator(name: str) -> None:
    from lightning.fabric import Fabric

    try:
        Fabric(accelerator=name, devices=1)
    except Exception as error:
        # Fabric's own error types differ between "unknown" and "not on this machine"; both are the user's option.
        raise UserError(f"--accelerator {name} cannot be used here: {error} Use auto, cpu or cuda.") from error
