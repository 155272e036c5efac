"""What the numbers say, in sentences that claim no more than the intervals carry."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..wording import FEW_PATIENTS, few_patients, labels_text, percent, percent_interval, severities_text
from .text_floor import text_floor


def findings(scores: pd.DataFrame, summary: pd.DataFrame, details: ReportDetails) -> list[str]:
    """Say for each corruption and label fraction who keeps most Dice, and whether the data settle it.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    summary
        Result of :func:`~biclip_bench.reports.inference.statistics.robustness_summary` for the same cases.
    details
        Order, and which model was trained for which corruption.

    Returns
    -------
    list[str]
        Plain text, one paragraph a corruption and label fraction, then what holds for all of them.
    """
    several_labels = summary["labels"].nunique() > 1
    # A model that never sees the image keeps all of its Dice: its robustness is none.
    blind = {note.name for note in details.models if not note.uses_image}
    summary = summary[~summary["model"].isin(blind)]
    seeing = scores[~scores["model"].isin(blind)]
    if seeing.empty:
        return ["Every model of this run predicts from the text alone: no corruption of the image can matter to it."]
    paragraphs = []
    for corruption in details.order_corruptions(summary["corruption"].tolist()):
        for labels in sorted(set(summary["labels"])):
            curves = summary[(summary["corruption"] == corruption) & (summary["labels"] == labels)]
            if len(curves):
                place = f" with {labels_text(labels)} of the labels" if several_labels else ""
                paragraphs.append(_paragraph(curves, corruption, place, details))
    if not paragraphs:
        paragraphs.append(_clean_only(seeing, details))
    return [*paragraphs, *text_floor(scores, details), *_cautions(scores)]


def _paragraph(curves: pd.DataFrame, corruption: str, place: str, details: ReportDetails) -> str:
    kept = curves.dropna(subset=["dice_retention"])
    severities = severities_text(curves["severities"].iloc[0])
    where = f"Under {corruption}{place} ({severities})"
    if kept.empty:
        best = _leader(curves, "dice_corrupted", details)
        leader = (
            f"{where}, no clean score is known, so no retention can be given; "
            f"the highest mean Dice is that of {best['model']}: {_value(best, 'dice_corrupted')}"
        )
        if len(curves) == 1:
            sentences = [f"{leader}."]
        else:
            following, settled = _settled(best, curves, "dice_corrupted")
            sentences = [f"{leader}, {following}.", settled]
    else:
        best = _leader(kept, "dice_retention", details)
        share = _value(
            best,
            "dice_retention",
            f"clean {percent(best['dice_clean'])}%, mean under the corruption {percent(best['dice_corrupted'])}%",
        )
        if len(kept) == 1:
            sentences = [f"{where}, {best['model']} keeps {share} of its clean Dice."]
        else:
            following, settled = _settled(best, kept, "dice_retention")
            sentences = [f"{where}, {best['model']} keeps most of its clean Dice: {share}, {following}.", settled]
            highest = _leader(curves, "dice_corrupted", details)
            if highest["model"] == best["model"]:
                sentences.append("It has the highest mean Dice under this corruption, too.")
            else:
                sentences.append(
                    f"The highest mean Dice under this corruption, however, is that of {highest['model']}: "
                    f"{_value(highest, 'dice_corrupted')}."
                )
    if curves["severities"].nunique() > 1:
        sentences.append("The models were not run at the same severities, so their means are not comparable.")
    if details.trained_for(str(best["model"]), corruption):
        sentences.append(f"The training of {best['model']} saw this corruption's family.")
    for model in details.untold_training(curves["model"].tolist()):
        sentences.append(f"Whether the training of {model} saw this corruption's family is not stated.")
    return " ".join(sentences)


def _settled(best: pd.Series, curves: pd.DataFrame, column: str) -> tuple[str, str]:
    """Compare the leader with the others: who comes next, and whose interval overlaps the leader's."""
    others = curves[curves["model"] != best["model"]].sort_values([column, "model"], ascending=[False, True])
    following = f"ahead of {others['model'].iloc[0]} with {_value(others.iloc[0], column)}"
    low, high = f"{column}_low", f"{column}_high"
    if np.isnan(best[low]) or others[low].isna().any():
        return following, "Without intervals for all models this order only describes these cases."
    overlapping = others.loc[(others[high] >= best[low]) & (others[low] <= best[high]), "model"].tolist()
    if not overlapping:
        return following, "The leader's interval overlaps no other."
    return following, f"The leader's interval overlaps that of {_listed(overlapping)}: the order is not settled by it."


def _clean_only(scores: pd.DataFrame, details: ReportDetails) -> str:
    clean = scores[scores["corruption"] == CLEAN]
    best = _leader(clean, "dice_mean", details)
    interval = percent_interval(best["dice_low"], best["dice_high"])
    value = f"{percent(best['dice_mean'])}%{f' ({interval})' if interval else ''}"
    return (
        f"No corruption was tested. On clean images the highest Dice is that of {best['model']} "
        f"({labels_text(best['labels'])} of the labels): {value}."
    )


def _cautions(scores: pd.DataFrame) -> list[str]:
    cautions = []
    if few_patients(scores):
        cautions.append(FEW_PATIENTS)
    elif scores["dice_low"].notna().any() and scores["model"].nunique() > 1:
        cautions.append(
            "Each interval is of one model alone. All models are scored on the same patients, so a paired comparison "
            "can settle what overlapping intervals leave open."
        )
    if scores["n_cases"].nunique() > 1:
        cautions.append("The conditions do not all have the same number of test cases: compare them with care.")
    return cautions


def _leader(curves: pd.DataFrame, column: str, details: ReportDetails) -> pd.Series:
    order = {model: position for position, model in enumerate(details.order_models(curves["model"].tolist()))}
    ranked = curves.assign(_order=curves["model"].map(order)).sort_values([column, "_order"], ascending=[False, True])
    return ranked.iloc[0]


def _value(row: pd.Series, column: str, remark: str = "") -> str:
    """Print a score with its interval and a remark in one pair of brackets."""
    bracket = "; ".join(filter(None, [percent_interval(row[f"{column}_low"], row[f"{column}_high"]), remark]))
    return f"{percent(row[column])}%{f' ({bracket})' if bracket else ''}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
