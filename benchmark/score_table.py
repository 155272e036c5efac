"""The table of an evaluation cell: a row a test case, with the condition that it was scored under."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from torch import Tensor

from .cells import EvaluationCell
from .scores import score_cases


def score_rows(
    predictions: Tensor,
    truths: Tensor,
    cases: Sequence[str],
    groups: Sequence[str],
    probabilities: Tensor | None = None,
    pixel_size: float = 1.0,
) -> pd.DataFrame:
    """Score cases of one shape.

    Parameters
    ----------
    predictions, truths
        bool of shape (B, H, W), on the native grid and one device.
    cases, groups
        Ids of the cases and of their patients or studies, length B.
    probabilities
        float32 of shape (B, H, W) in [0, 1], likewise; None where there are masks alone.
    pixel_size
        Side of a pixel in the unit of the distances.
    """
    table = score_cases(predictions, truths, probabilities, pixel_size)
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
