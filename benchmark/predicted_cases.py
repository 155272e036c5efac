"""A model's output on the native grid of a data set's cases, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..models import SegmentationModel
from .cells import CLEAN, OutsideModel, TrainingCell
from .corrupted_images import BATCH, corrupted_images
from .datasets.base import Case, Dataset
from .inputs import model_input, native_batches
from .prediction import native_values, predict_logits


def predicted_cases(
    model: SegmentationModel,
    source: TrainingCell | OutsideModel,
    dataset: Dataset,
    cases: Sequence[str],
    device: torch.device,
    corruption: str = CLEAN,
    severity: int = 0,
) -> Iterator[tuple[list[Case], Tensor]]:
    """Let a model predict cases under a condition.

    The image is corrupted on its native grid, then windowed and resized to the model's input; what the model gives is
    brought back to the native grid.

    Yields
    ------
    cases : list of Case
        Of one shape.
    values : Tensor
        float32 of shape (B, H, W): logits, or probabilities less 0.5 where ``source.output`` says probabilities.
    """
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    for batch in native_batches(dataset, cases, BATCH):
        images = corrupted_images(batch, dataset, corruption, severity)
        seen = model_input(images, dataset.context.window, source.image_size)
        texts, names = [case.text for case in batch], [case.id for case in batch]
        logits = predict_logits(model, seen, texts, device, source.model, names)
        yield batch, native_values(logits, batch[0].mask.shape)
