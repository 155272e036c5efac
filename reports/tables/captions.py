"""The sentences of captions and notes that tables share."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..details import ReportDetails
from ..wording import DAGGER, EMPTY_RULE, FEW_PATIENTS, few_patients, interval_scope, sample_text


def caption(what: str, scores: pd.DataFrame, details: ReportDetails, *sentences: str) -> str:
    """Say what a table shows: measure and convention, cases, patients, seeds, setting.

    Parameters
    ----------
    what
        What is shown, in which convention and unit, without a full stop.
    scores
        The condition scores that it rests on.
    details
        Data set, split and setting.
    sentences
        What the columns are.
    """
    parts = [f"{what}, on {details.dataset} ({details.split}): {sample_text(scores)}.", *filter(None, sentences)]
    if scope := interval_scope(scores):
        parts.append(scope)
    if few_patients(scores):
        parts.append(FEW_PATIENTS)
    return " ".join([*parts, EMPTY_RULE, f"Setting: {details.profile.rstrip('.')}."])


def trained_note(marked: bool, untold: Sequence[str] = ()) -> str:
    """Explain the dagger, where there is one, and name the models whose training may or may not have earned one."""
    sentences = []
    if marked:
        sentences.append(
            f"{DAGGER} This model's training saw the corruption's family: its robustness to it was trained for."
        )
    if untold:
        sentences.append(
            f"Whether the training of {' and '.join(untold)} saw a tested corruption's family is not stated."
        )
    return " ".join(sentences)
