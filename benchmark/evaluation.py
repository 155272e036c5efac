"""Evaluating one cell: a trained model on the test cases under one corruption at one severity."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from biclip_bench.errors import UserError

from ..corruptions import corrupt
from ..models import Batch, SegmentationModel, build_model, frozen_text_encoders, keep_text_features
from ..models.weights import misfits
from .cells import CLEAN, EvaluationCell, TrainingCell
from .datasets.base import Case, Dataset, cases_of
from .inputs import model_input, native_batches
from .scores import score_cases
from .store import DESCRIPTION, WEIGHTS
from .training import model_settings

BATCH = 16
"""Cases evaluated at once; fixed, because a convolution's last bits may depend on it."""


def corrupted_images(cases: Sequence[Case], dataset: Dataset, corruption: str, severity: int) -> Tensor:
    """Corrupt cases of one shape on their native grid.

    Returns
    -------
    Tensor
        float32 of shape (B, C, H, W) in [0, 1], not windowed.
    """
    images = torch.from_numpy(np.stack([case.image for case in cases]))
    if corruption == CLEAN:
        return images
    return corrupt(corruption, images, severity, [case.id for case in cases], dataset.context)


def load_model(cell: TrainingCell, folder: Path, text_cache: Path | None = None) -> SegmentationModel:
    """Build a cell's model and load its weights from ``folder``.

    Parameters
    ----------
    cell
        What was trained.
    folder
        Where its weights and description lie.
    text_cache
        Folder in which a frozen text encoder keeps its features.

    Raises
    ------
    UserError
        If the weights are missing, damaged, or belong to another model or another frozen text encoder.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"There are no weights at {path}. Give the folder that 'biclip-bench train' printed.")
    try:
        with safe_open(path, framework="pt") as file:
            made_by = (file.metadata() or {}).get("model", cell.model)
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"The weights {path} are damaged or no safetensors file ({error}). Train again.") from error
    if made_by != cell.model:
        raise UserError(
            f"The checkpoint {path} was trained as model {made_by!r}, not {cell.model!r}: "
            f"use --model {made_by}, or give a checkpoint of {cell.model!r}."
        )
    model = build_model(cell.model, model_settings(cell))
    wrong = misfits(model.state_dict(), weights)
    if wrong:
        raise UserError(
            f"The checkpoint {path} does not fit model {cell.model!r} with {dict(cell.model_settings)}: "
            f"{len(wrong)} tensors differ, the first is {wrong[0]!r}. Its width, image size, text encoder or options "
            "are others than this run's."
        )
    model.load_state_dict(weights)
    _check_frozen_text(model, cell, folder)
    if text_cache is not None:
        keep_text_features(model, text_cache)
    return model


def _check_frozen_text(model: SegmentationModel, cell: TrainingCell, folder: Path) -> None:
    encoders = frozen_text_encoders(model)
    path = folder / DESCRIPTION
    if not encoders or not path.is_file():
        return
    trained_with = json.loads(path.read_text(encoding="utf-8")).get("frozen_text", [])
    if trained_with != [encoder.fingerprint() for encoder in encoders]:
        raise UserError(
            f"The checkpoint {folder} was trained with other weights of the frozen text encoder "
            f"{cell.model_settings['text_encoder']!r} than those found now: its features would mean nothing to the "
            "model. Put the weights of the training back, or train again."
        )


def predict_logits(model: SegmentationModel, images: Tensor, texts: Sequence[str], device: torch.device) -> Tensor:
    """Predict logits (B, 1, S, S) on the CPU for a model's input (B, 3, S, S) in [0, 1].

    Raises
    ------
    UserError
        If the model returns another shape or values that are not finite.
    """
    batch = Batch(images.to(device, memory_format=torch.channels_last), list(texts))
    with torch.inference_mode():
        logits: Tensor = model(batch).float().cpu()
    expected = (len(images), 1, *images.shape[-2:])
    if logits.shape != expected:
        raise UserError(f"Model {type(model).__name__} returned logits of shape {tuple(logits.shape)}, not {expected}.")
    if not torch.isfinite(logits).all():
        raise UserError(f"Model {type(model).__name__} returned logits that are not finite.")
    return logits


def native_masks(logits: Tensor, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Bring logits (B, 1, S, S) to the native grid bilinearly and threshold the probability at 0.5."""
    if logits.shape[-2:] != shape:
        logits = F.interpolate(logits, size=shape, mode="bilinear", align_corners=False)
    masks: NDArray[np.bool_] = (logits[:, 0] > 0).numpy()
    return masks


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """Write a mask (H, W) as a 1-bit PNG."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_mask(png: bytes) -> NDArray[np.bool_]:
    """Read a mask (H, W) from a 1-bit PNG."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("1"), dtype=bool)


def evaluate_cell(
    cell: EvaluationCell, dataset: Dataset, model: SegmentationModel, device: torch.device
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a model on every test case under the cell's condition.

    The image is corrupted on its native grid, then windowed and resized to the model's input; the logits are brought
    back to the native grid and compared with the native mask there.

    Returns
    -------
    scores : DataFrame
        One row a test case: the condition (``dataset``, ``model``, ``labels``, ``seed``, ``corruption``,
        ``severity``), ``case``, ``group`` and the columns of :func:`~biclip_bench.benchmark.scores.score_cases`.
    masks : DataFrame
        ``case`` and ``png``, the predicted mask on the native grid as a 1-bit PNG.
    """
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    size = model_settings(cell.training).image_size
    scored, masks = [], []
    for cases in native_batches(dataset, cases_of(dataset, "test"), BATCH):
        images = corrupted_images(cases, dataset, cell.corruption, cell.severity)
        logits = predict_logits(
            model, model_input(images, dataset.context.window, size), [case.text for case in cases], device
        )
        predictions = native_masks(logits, cases[0].mask.shape)
        table = score_cases(predictions, np.stack([case.mask for case in cases]))
        table.insert(0, "case", [case.id for case in cases])
        table.insert(1, "group", [case.group for case in cases])
        scored.append(table)
        masks += [(case.id, encode_mask(mask)) for case, mask in zip(cases, predictions, strict=True)]
    training = cell.training
    condition: dict[str, str | int | float] = {
        "dataset": dataset.name, "model": training.model, "labels": float(training.labels), "seed": training.seed,
        "corruption": cell.corruption, "severity": cell.severity,
    }  # fmt: skip
    scores = pd.concat(scored, ignore_index=True)
    for position, (name, value) in enumerate(condition.items()):
        scores.insert(position, name, value)
    return scores, pd.DataFrame(masks, columns=["case", "png"])
