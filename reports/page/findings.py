"""What the numbers say, in sentences that claim no more than the comparisons carry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.analysis import Analysis
from ..inference.targets import ALL
from ..wording import (
    FEW_PATIENTS,
    few_patients,
    few_trainings,
    interval_scope,
    labels_text,
    listed,
    percent,
    percent_interval,
    severities_text,
)
from .differences import differences_from, lead_text, rest_text, settled_text
from .text_floor import text_floor
from .weaknesses import below_bar, errors, labels_needed, worst_cases


def findings(analysis: Analysis, details: ReportDetails) -> list[str]:
    """Say who is most robust to what, by how much, whether it is real, and where models fail.

    A model that never sees the image keeps all of its Dice: its robustness is none, so it is no competitor.

    Parameters
    ----------
    analysis
        The numbers of one data set.
    details
        Order, which model was trained for which corruption, and which models look at the image.

    Returns
    -------
    list[str]
        Plain text. First the whole in at most three sentences; then a paragraph for each corruption; then worst cases,
        bar, corruption error and label efficiency, a sentence or two each; last what must be kept in mind.
    """
    scores = analysis.scores
    blind = {note.name for note in details.models if not note.uses_image}
    models = [model for model in details.order_models(scores["model"].tolist()) if model not in blind]
    if not models:
        return ["Every model of this run predicts from the text alone: no corruption of the image can matter to it."]
    seeing = scores[scores["model"].isin(models)]
    most = float(seeing["labels"].max())
    corruptions = [name for name in details.order_corruptions(seeing["corruption"].tolist()) if name != CLEAN]
    return [
        _whole(analysis, models, most, corruptions),
        *(_paragraph(analysis, models, corruption, details) for corruption in corruptions),
        *worst_cases(analysis, models, most),
        *below_bar(analysis, models, most, details),
        *errors(analysis, models, most),
        *labels_needed(analysis, models),
        *text_floor(scores, details),
        *_cautions(analysis, seeing),
    ]


def _whole(analysis: Analysis, models: Sequence[str], labels: float, corruptions: Sequence[str]) -> str:
    """Sum everything up in three sentences at most."""
    table = analysis.overall[(analysis.overall["labels"] == labels) & analysis.overall["model"].isin(models)]
    place = f" with {labels_text(labels)} of the labels" if analysis.scores["labels"].nunique() > 1 else ""
    corrupted = table["n_corruptions"].max() > 0
    condition = (ALL if table["n_corruptions"].max() > 1 else _shared(analysis, models, labels)) if corrupted else CLEAN
    column = "dice_corrupted" if corrupted else "dice_clean"
    ordered = _ordered(table.dropna(subset=[column]), column, models)
    if ordered.empty:
        return f"No condition{place} is shared by all models, so that no overall order can be given."
    best = ordered.iloc[0]
    value = _value(best, column)
    if corrupted:
        over = f"Over {int(best['n_corruptions'])} corruptions" if condition == ALL else f"Under {condition}"
        kept = (
            f", {percent(best['dice_retention'])}% of its clean Dice ({percent(best['dice_clean'])}%)"
            if np.isfinite(best["dice_retention"])
            else ""
        )
        first = f"{over}{place}, {_named(ordered)}: {value}{kept}."
    else:
        untested = "" if corruptions else "No corruption was tested. "
        first = f"{untested}On clean images{place}, {_named(ordered)}: {value}."
    lead = _against_others(analysis, ordered["model"].tolist(), condition, labels, brief=False)[:1]
    return " ".join([first, *lead, *_clean_leader(table, best["model"], models, corrupted=corrupted)])


def _clean_leader(table: pd.DataFrame, best: str, models: Sequence[str], *, corrupted: bool) -> list[str]:
    """Say whether the most robust model is also the best on clean images."""
    clean = _ordered(table.dropna(subset=["dice_clean"]), "dice_clean", models)
    if not corrupted or len(clean) < 2:
        return []
    first = clean.iloc[0]
    if first["model"] == best:
        return ["It has the highest mean Dice on clean images, too."]
    return [f"On clean images, however, the highest is that of {first['model']}: {percent(first['dice_clean'])}%."]


def _shared(analysis: Analysis, models: Sequence[str], labels: float) -> str:
    """Name the one corruption that all models have."""
    table = analysis.summary[analysis.summary["labels"] == labels]
    counts = table.groupby("corruption")["model"].nunique()
    return str(counts.idxmax())


def _paragraph(analysis: Analysis, models: Sequence[str], corruption: str, details: ReportDetails) -> str:
    """Say who has the highest Dice under one corruption and by how much, with most labels and with fewer."""
    summary = analysis.summary
    curves = summary[(summary["corruption"] == corruption) & summary["model"].isin(models)]
    several = analysis.scores["labels"].nunique() > 1
    most, *fewer = sorted(set(curves["labels"]), reverse=True)
    own = _ordered(curves[curves["labels"] == most], "dice_corrupted", models)
    best = own.iloc[0]
    where = f"Under {corruption}{f' with {labels_text(most)} of the labels' if several else ''}"
    kept = f"; {_kept(best)}" if np.isfinite(best["dice_retention"]) else "; no clean score is known"
    sentences = [
        f"{where} ({severities_text(best['severities'])}), {_named(own)}: {_value(best, 'dice_corrupted')}{kept}.",
        *_against_others(analysis, own["model"].tolist(), corruption, most, brief=True),
    ]
    keeps = _ordered(own.dropna(subset=["dice_retention"]), "dice_retention", models)
    if len(keeps) > 1 and keeps["model"].iloc[0] != best["model"]:
        sentences.append(f"{keeps['model'].iloc[0]} keeps a larger share of a lower score: {_kept(keeps.iloc[0])}.")
    for labels in fewer:
        part = _ordered(curves[curves["labels"] == labels], "dice_corrupted", models)
        lead = differences_from(analysis, part["model"].iloc[0], part["model"].tolist()[1:2], corruption, labels)
        settled = {"leader": "significant", "other": "reversed"}
        ahead = f", {lead_text(lead[0])} ({settled.get(lead[0].verdict, lead[0].verdict)})" if lead else ""
        sentences.append(
            f"With {labels_text(labels)} of the labels it is {part['model'].iloc[0]}: "
            f"{percent(part['dice_corrupted'].iloc[0])}%{ahead}."
        )
    if any(part["severities"].nunique() > 1 for _, part in curves.groupby("labels")):
        sentences.append("The models were not run at the same severities, so their means are not comparable.")
    trained = [model for model in dict.fromkeys(curves["model"]) if details.trained_for(model, corruption)]
    if trained:
        sentences.append(f"The training of {listed(details.order_models(trained))} saw this corruption's family.")
    for model in details.untold_training(curves["model"].tolist()):
        sentences.append(f"Whether the training of {model} saw this corruption's family is not stated.")
    return " ".join(sentences)


def _against_others(
    analysis: Analysis, ordered: Sequence[str], corruption: str, labels: float, *, brief: bool
) -> list[str]:
    """Compare the first model with the second in full, and with the others in short."""
    leader, *others = ordered
    found = differences_from(analysis, leader, others, corruption, labels)
    if not found:
        return []
    nearest, *rest = found
    sentence = f"It is {lead_text(nearest)}{settled_text(nearest, analysis.scores, brief=brief)}"
    return [sentence, *filter(None, [rest_text(rest)])]


def _named(ordered: pd.DataFrame) -> str:
    """Name the first of the models and its place among them."""
    return f"the {'highest ' if len(ordered) > 1 else ''}mean Dice is that of {ordered['model'].iloc[0]}"


def _cautions(analysis: Analysis, scores: pd.DataFrame) -> list[str]:
    cautions = []
    if few_patients(scores):
        cautions.append(FEW_PATIENTS)
    if few_trainings(scores) and (scope := interval_scope(scores)):
        cautions.append(scope)
    if scores["n_cases"].nunique() > 1:
        used = analysis.comparisons["n_patients"]
        shared = f"; models were compared on the {used.min()} patients that all of them share" if len(used) else ""
        cautions.append(
            f"The conditions do not all have the same number of test cases: compare their means with care{shared}."
        )
    return cautions


def _ordered(table: pd.DataFrame, column: str, models: Sequence[str]) -> pd.DataFrame:
    """Sort by a score, the highest first, equal ones in the order of the models."""
    place = {model: position for position, model in enumerate(models)}
    ranked = table.assign(_place=table["model"].map(place))
    return ranked.sort_values([column, "_place"], ascending=[False, True])


def _kept(row: pd.Series) -> str:
    interval = percent_interval(row["dice_retention_low"], row["dice_retention_high"])
    bracket = f" ({interval})" if interval else ""
    return f"{percent(row['dice_retention'])}%{bracket} of its clean Dice of {percent(row['dice_clean'])}% is left"


def _value(row: pd.Series, column: str) -> str:
    interval = percent_interval(row.get(f"{column}_low", np.nan), row.get(f"{column}_high", np.nan))
    return f"{percent(row[column])}%{f' ({interval})' if interval else ''}"
