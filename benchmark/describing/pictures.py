"""Pictures of a data set: typical cases, and where the masks of the most frequent texts lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...reports.audits.check import CheckPicture
from ...reports.audits.description import PictureRow
from ..datasets.base import Dataset
from ..inputs import viewed
from ..pictures import typical_cases
from .case_facts import CaseFacts
from .text_statistics import TextStatistics

TYPICAL = 6
FREQUENT = 5


def picture_rows(dataset: Dataset, facts: Sequence[CaseFacts], texts: TextStatistics) -> tuple[PictureRow, ...]:
    """Make the pictures.

    Parameters
    ----------
    dataset
        Where the cases come from.
    facts
        Of its cases, in the order of its index.
    texts
        Of all its texts.
    """
    shown = [
        CheckPicture(case.id, case.text, viewed(case.image, dataset.context.window), case.mask)
        for case in map(dataset.load, typical_cases(dataset.index, TYPICAL))
    ]
    rows = [
        PictureRow(
            "Typical test cases",
            "Chosen at evenly spaced quantiles of the lesion's area, each of another patient where there are enough.",
            tuple(shown),
        )
    ]
    training = (dataset.index["part"] == "train").to_numpy()
    groups = {"All training masks": training}
    for number, (text, _) in enumerate(texts.frequent[:FREQUENT], start=1):
        groups[f"Text {number}"] = training & (dataset.index["text"] == text).to_numpy()
    wording = ["", *(text for text, _ in texts.frequent)]
    means = []
    for (name, chosen), text in zip(groups.items(), wording, strict=False):
        places = np.flatnonzero(chosen).tolist()
        if places:
            mean = np.mean([facts[place].grid for place in places], axis=0) / 255
            told = f"{len(places)} masks, at most {100 * mean.max():.0f}% in one place. {text}"
            means.append(CheckPicture(name, told, mean / max(mean.max(), 1e-9), None))
    if means:
        note = "The mean of the training masks, white where it is greatest: what can be guessed without an image."
        rows.append(PictureRow("Where masks lie", note, tuple(means)))
    return tuple(rows)
