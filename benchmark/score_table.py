"""The table of an evaluation cell: a row a test case, with the condition that it was scored under."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .cells import EvaluationCell
from .scores import score_cases


def score_rows(
    predictions: NDArray[np.bool_], truths: NDArray[np.bool_], cases: Sequence[str], groups: Sequence[str]
) -> pd.DataFrame:
    """Score cases of one shape.

    Parameters
    ----------
    predictions, truths
        bool of shape (B, H, W), on the native grid.
    cases, groups
        Ids of the cases and of their patients or studies, length B.
    """
    table = score_cases(predictions, truths)
    table.insert(0, "case", list(cases))
    table.insert(1, "group", list(groups))
    return table


def condition_table(cell: EvaluationCell, dataset: str, rows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the rows of a cell and put its condition in front.

    Returns
    -------
    DataFrame
        ``dataset``, ``model``, ``labels``, ``draw``, ``seed``, ``corruption``, ``severity``, ``case``, ``group`` and
        the columns of :func:`~biclip_bench.benchmark.scores.score_cases`.
    """
    source = cell.training
    condition: dict[str, str | int | float] = {
        "dataset": dataset, "model": source.model, "labels": float(source.labels), "draw": source.draw or 0,
        "seed": source.seed, "corruption": cell.corruption, "severity": cell.severity,
    }  # fmt: skip
    scores = pd.concat(list(rows), ignore_index=True)
    for position, (name, value) in enumerate(condition.items()):
        scores.insert(position, name, value)
    return scores
