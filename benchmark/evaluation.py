"""Evaluating one cell: a trained model on the test cases under one corruption at one severity."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from biclip_bench.errors import UserError

from ..models import SegmentationModel, build_model, frozen_text_encoders, keep_text_features
from ..models.weights import misfits
from .cells import DEFAULT_THRESHOLD, EvaluationCell, TrainingCell
from .datasets.base import Dataset, cases_of
from .masks import encode_mask
from .pixel_size import pixel_size_mm
from .predicted_cases import predicted_cases
from .prediction import masks_above, probabilities_of
from .score_table import condition_table, score_rows
from .store import DESCRIPTION, WEIGHTS
from .training import model_settings


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


def evaluate_cell(
    cell: EvaluationCell,
    dataset: Dataset,
    model: SegmentationModel,
    device: torch.device,
    threshold: float = DEFAULT_THRESHOLD,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a model on every test case under the cell's condition.

    The prediction on the native grid (see :func:`~biclip_bench.benchmark.predicted_cases.predicted_cases`) is compared
    with the native mask there.

    Parameters
    ----------
    cell
        The model and the condition.
    dataset
        Where the cases come from.
    model
        With its weights.
    device
        Where it runs, and where overlap and calibration are computed.
    threshold
        The probability above which a pixel is lesion, in (0, 1).

    Returns
    -------
    scores : DataFrame
        As :func:`~biclip_bench.benchmark.score_table.condition_table` makes it.
    masks : DataFrame
        ``case`` and ``png``, the predicted mask on the native grid as a 1-bit PNG.
    """
    source, size = cell.training, pixel_size_mm(dataset) or 1.0
    scored, masks = [], []
    tests = cases_of(dataset, "test")
    for cases, values in predicted_cases(model, source, dataset, tests, device, cell.corruption, cell.severity):
        predictions = masks_above(values, threshold, source.output)
        truths = torch.from_numpy(np.stack([case.mask for case in cases])).to(values.device)
        names, groups = [case.id for case in cases], [case.group for case in cases]
        probabilities = probabilities_of(values, source.output)
        scored.append(score_rows(predictions, truths, names, groups, probabilities, size))
        masks += [(case.id, encode_mask(mask)) for case, mask in zip(cases, predictions.cpu().numpy(), strict=True)]
    return condition_table(cell, dataset.name, scored), pd.DataFrame(masks, columns=["case", "png"])
