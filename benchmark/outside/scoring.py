"""Scoring predictions of other tools against the masks of a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from ..cells import EvaluationCell, OutsideModel
from ..masks import encode_mask
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
    """Score each cell and keep its scores and masks in the store."""
    for cell in track(cells, "Scoring", console=console, transient=True, disable=not console.is_terminal):
        scored, masks = [], []
        for cases in _batches(release):
            predicted = [predictions.mask((cell.corruption, cell.severity), case) for case in cases]
            truths = [release.mask(case) for case in cases]
            groups = [release.group(case) for case in cases]
            scored.append(score_rows(np.stack(predicted), np.stack(truths), cases, groups))
            masks += [(case, encode_mask(mask)) for case, mask in zip(cases, predicted, strict=True)]
        scores = condition_table(cell, release.name, scored)
        description = {"cell": cell.identity(), "model": model.identity(), "versions": software_versions()}
        store.write_evaluation(cell, scores, pd.DataFrame(masks, columns=["case", "png"]), description)


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
