"""What the texts alone give away: the score that a text-guided model must beat to have used its image."""

from __future__ import annotations

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import labels_text, percent


def text_floor(scores: pd.DataFrame, details: ReportDetails) -> list[str]:
    """Set the text-guided models beside a model that never sees the image.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    details
        Which models read the text and which look at the image.

    Returns
    -------
    list[str]
        Plain text. One paragraph for each label fraction at which a model that reads only the text was scored; or one
        that misses such a model; nothing where no model reads a text.
    """
    present = set(scores["model"])
    notes = [note for note in details.models if note.name in present]
    guided = [note.name for note in notes if note.uses_text and note.uses_image]
    blind = [note.name for note in notes if not note.uses_image]
    if not guided:
        return []
    if not blind:
        return [
            f"How much of the Dice of {', '.join(guided)} the texts alone give away is not known from this run: the "
            "model text-only, which never sees the image, would tell."
        ]
    several_labels = scores["labels"].nunique() > 1
    return [
        _paragraph(curves, name, guided, f" with {labels_text(labels)} of the labels" if several_labels else "")
        for name in blind
        for labels, curves in ((value, scores[scores["labels"] == value]) for value in sorted(set(scores["labels"])))
        if name in set(curves["model"])
    ]


def _paragraph(scores: pd.DataFrame, blind: str, guided: list[str], place: str) -> str:
    own = scores[scores["model"] == blind]
    clean = own[own["corruption"] == CLEAN]
    floor = float((clean if len(clean) else own)["dice_mean"].iloc[0])
    text = f"From the texts alone, {blind}{place} reaches a Dice of {percent(floor)}%, whatever is done to the image."
    below = []
    for model in guided:
        worse = scores[(scores["model"] == model) & (scores["dice_mean"] < floor)]
        if CLEAN in set(worse["corruption"]):
            below.append(f"{model} on clean images already")
        else:
            first = worse.groupby("corruption", sort=True)["severity"].min()
            below += [f"{model} under {corruption} from severity {severity}" for corruption, severity in first.items()]
    if not below:
        return f"{text} No text-guided model falls below that under any condition tested."
    return f"{text} Below that lies {'; '.join(below)}: there the image misleads more than it helps."
