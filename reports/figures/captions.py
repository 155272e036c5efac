"""The sentences that figures share: sample, bands, setting, who was trained for what."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..details import ReportDetails
from ..wording import EMPTY_RULE, interval_text, joined, sample_text

MEAN_OVER_CASES = "Scores are means over test cases (over trainings, where there are several)."

SCORES_ARE_MEANS = "Means over test cases."

SAME_NUMBERS = "The same numbers are in the tables."


def setting_note(details: ReportDetails) -> str:
    """Name the setting of the run."""
    return f"Setting: {details.profile.rstrip('.')}."


def sample_note(scores: pd.DataFrame, details: ReportDetails) -> str:
    """Name the data set and say what the scores rest on."""
    return f"{details.dataset}: {sample_text(scores)}."


def bands_note(scores: pd.DataFrame, level: float, *, name: str = "Bands") -> str:
    """Say what the bands are, or why there are none."""
    intervals = interval_text(scores, level)
    return f"{name}: {intervals}" if scores["dice_low"].notna().any() else intervals


def trained_note(models: Sequence[str], corruptions: Sequence[str], details: ReportDetails) -> str:
    """Say which models' training saw the family of which corruption; empty where none did."""
    trained = [
        f"{model} ({corruption})"
        for corruption in details.order_corruptions(corruptions)
        for model in details.order_models(models)
        if details.trained_for(model, corruption)
    ]
    return f"Training saw the corruption's family: {', '.join(trained)}." if trained else ""


def curve_caption(what: str, scores: pd.DataFrame, details: ReportDetails, level: float) -> str:
    """Say of a figure with curves: what it shows, how scores are averaged, the sample, the bands."""
    return joined(
        what,
        MEAN_OVER_CASES,
        sample_note(scores, details),
        bands_note(scores, level),
        EMPTY_RULE,
    )
