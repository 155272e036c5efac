"""Scoring predictions of other tools against the masks of a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from ..cells import EvaluationCell, OutsideModel
from ..masks import encode_mask
from ..pixel_size import pixel_size_mm
from ..release.released import ReleasedDataset
from ..score_table import condition_table, score_rows
from ..store import Store
from ..versions import software_versions
from .prediction_folder import Predictions

BATCH = 64
"""Cases scored at once."""


def score_predictions(
    model: OutsideModel,
    cells: Sequence[EvaluationCell],
    predictions: Predictions,
    release: ReleasedDataset,
    store: Store,
    console: Console,
) -> None:
    """Score each cell, whose threshold is a number, and keep its scores and masks in the store."""
    size = pixel_size_mm(release) or 1.0
    for cell in track(cells, "Scoring", console=console, transient=True, disable=not console.is_terminal):
        scored, masks, threshold = [], [], float(cell.threshold)
        for cases in _batches(release):
            step = cell.corruption, cell.severity
            predicted, maps = zip(*(predictions.read(step, case, threshold) for case in cases), strict=True)
            truths = _stack([release.mask(case) for case in cases])
            groups = [release.group(case) for case in cases]
            # A mask stands in where there is no probability; it has no calibration.
            pairs = zip(predicted, maps, strict=True)
            probabilities = _stack([mask.astype(np.float32) if each is None else each for mask, each in pairs])
            rows = score_rows(_stack(predicted), truths, cases, groups, probabilities, size)
            rows["ece"] = rows["ece"].where(np.array([each is not None for each in maps]))
            scored.append(rows)
            masks += [(case, encode_mask(mask)) for case, mask in zip(cases, predicted, strict=True)]
        scores = condition_table(cell, release.name, scored)
        description = {
            "cell": cell.identity(), "model": model.identity(), "threshold": threshold, "versions": software_versions(),
        }  # fmt: skip
        store.write_evaluation(cell, scores, pd.DataFrame(masks, columns=["case", "png"]), description)


def _stack(arrays: Sequence[NDArray[Any]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))


def _batches(release: ReleasedDataset) -> Iterator[list[str]]:
    """Go through the cases in order, in batches of one shape."""
    waiting: list[str] = []
    for case in release.stems:
        if waiting and (len(waiting) == BATCH or release.shape(case) != release.shape(waiting[0])):
            yield waiting
            waiting = []
        waiting.append(case)
    if waiting:
        yield waiting
