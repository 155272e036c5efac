"""Everything that a report says in numbers, computed once from the table of per-case scores."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..frame import validate_frame
from .comparisons import compare_models
from .corruption_error import reference_model
from .label_efficiency import label_efficiency
from .overall import overall_of
from .ranks import rank_models
from .resampling import resample_scores
from .statistics import scores_of, summary_of
from .targets import complete_cases


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
        and takes ``unet``, else the first compared model in alphabetical order, for corruption errors.
    not_compared
        Models left out of comparisons and ranks, such as those that never see the image.
    """

    resamples: int = 2000
    seed: int = 0
    level: float = 0.95
    bar: float = 0.7
    reference: str | None = None
    not_compared: tuple[str, ...] = ()


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
    reference
        The model that corruption errors and label efficiency are relative to.
    """

    options: AnalysisOptions
    frame: pd.DataFrame
    scores: pd.DataFrame
    summary: pd.DataFrame
    overall: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    efficiency: pd.DataFrame
    reference: str = ""


def analyse(frame: pd.DataFrame, options: AnalysisOptions = AnalysisOptions()) -> Analysis:
    """Compute all numbers of a report.

    Comparisons and ranks rest on the cases that every model of a data set and label fraction was scored on under all
    its conditions, everything else on all cases.

    Raises
    ------
    UserError
        If the frame is not valid or the reference is not among its models.
    """
    checked = validate_frame(frame)
    models = checked["model"].unique().tolist()
    rivals = [model for model in models if model not in options.not_compared]
    reference = reference_model(models if options.reference else rivals or models, options.reference)
    resampled = resample_scores(checked, resamples=options.resamples, seed=options.seed)
    scores = scores_of(resampled, level=options.level)
    summary = summary_of(resampled, level=options.level, bar=options.bar, reference=reference)
    overall = overall_of(resampled, summary, level=options.level)

    paired = complete_cases(checked)
    if paired is not checked:
        resampled = resample_scores(paired, resamples=options.resamples, seed=options.seed, columns=("dice",))
    level, without = options.level, options.not_compared
    return Analysis(
        options,
        checked,
        scores,
        summary,
        overall,
        compare_models(paired, resampled, level=level, reference=options.reference, without=without),
        rank_models(resampled, level=level, without=without),
        label_efficiency(scores, summary, reference),
        reference,
    )
