"""Which cases are shown: typical ones, chosen from the truth alone, and those on which a model loses most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from .. import chosen_cases


def typical_cases(frame: pd.DataFrame, cases: Sequence[str], count: int = chosen_cases.TYPICAL) -> list[str]:
    """Choose cases with a small, a middling and a large lesion: evenly spaced quantiles of the lesion's area.

    Chosen from the truth of all cases alone, so that no model's successes or failures are picked; from that of the
    cases with pictures only where one of the chosen has none. Each is of another patient where there are enough.

    Parameters
    ----------
    frame
        Per-case scores; true positive plus false negative pixels are the lesion's area.
    cases
        Those that have pictures.
    count
        How many to choose.

    Returns
    -------
    list[str]
        By ascending area; cases without a lesion only where there are no others.
    """
    areas = chosen_cases.case_areas(frame)
    typical = chosen_cases.typical_cases(areas, count)
    # Those with pictures are in part the worst ones: to be typical of them is not to be typical of all.
    if set(typical) <= set(cases):
        return typical
    return chosen_cases.typical_cases(areas[areas["case"].isin(cases)], count) or list(cases[:count])


@dataclass(frozen=True)
class Failure:
    """A case that a model found when it was clean and loses when it is corrupted.

    Parameters
    ----------
    model, case, corruption, severity
        Who loses what under which condition.
    loss
        Dice of the clean minus Dice of the corrupted image, in [0, 1].
    """

    model: str
    case: str
    corruption: str
    severity: int
    loss: float


def largest_losses(frame: pd.DataFrame, models: Sequence[str], cases: Sequence[str], count: int) -> list[Failure]:
    """Find the cases on which each model loses most Dice from clean to corrupted.

    Every model gets as many as the others; where there are more models than ``count``, those that lose most get one
    each. A model's cases are of different patients, and no more than one is without a lesion where others have one:
    there a few pixels turn a Dice of 1 into 0. Looked at are the models of the most labels and of the first draw
    and seed: the ones that pictures show.

    Parameters
    ----------
    frame
        Per-case scores.
    models
        In the order of the result.
    cases
        Those that have pictures.
    count
        How many to find at most.
    """
    rows = frame[(frame["labels"] == frame["labels"].max()) & frame["case"].isin(cases) & frame["model"].isin(models)]
    first = rows.groupby("model")[["draw", "seed"]].transform("min")
    rows = rows[(rows["draw"] == first["draw"]) & (rows["seed"] == first["seed"])]
    clean = rows.loc[rows["severity"] == 0, ["model", "case", "dice"]].rename(columns={"dice": "clean"})
    lost = rows[rows["severity"] > 0].merge(clean, on=["model", "case"])
    lost = lost.assign(loss=lost["clean"] - lost["dice"])
    lost = lost[lost["loss"] > 0].sort_values(
        ["loss", "severity", "corruption", "case"], ascending=[False, True, True, True], kind="stable"
    )
    normal = lost["true_positive"] + lost["false_negative"] == 0
    further = normal & (lost[normal].groupby("model").cumcount().reindex(lost.index, fill_value=0) > 0)
    lost = pd.concat([lost[~further], lost[further]]).drop_duplicates(["model", "group"])
    each = max(1, count // max(1, len(set(lost["model"]))))
    worst = lost.groupby("model", sort=False).head(each).head(count if each == 1 else len(lost))
    return [
        Failure(str(row.model), str(row.case), str(row.corruption), int(row.severity), float(row.loss))
        for model in models
        for row in worst[worst["model"] == model].itertuples()
    ]
