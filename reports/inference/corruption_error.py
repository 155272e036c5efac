"""Error under a corruption relative to a reference model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from biclip_bench.errors import UserError

USUAL_REFERENCE = "unet"
"""The plainest model that segmentation papers compare with."""

ERROR_COLUMNS = ("corruption_error", "relative_corruption_error")


def reference_model(models: Sequence[str], reference: str | None) -> str:
    """Choose the model that errors are relative to: the given one, else ``unet``, else the first by name.

    Raises
    ------
    UserError
        If the given one is not among the models.
    """
    known = sorted(set(models))
    if reference is None:
        return USUAL_REFERENCE if USUAL_REFERENCE in known else known[0]
    if reference not in known:
        raise UserError(
            f"There are no scores of the reference model {reference!r}. Models with scores: {', '.join(known)}."
        )
    return reference


def corruption_errors(sums: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Divide each model's summed error by that of the reference at the same labels and severities.

    Hendrycks and Dietterich (2019, ICLR, section 4): CE = sum of E(model) over severities / sum of E(reference), and
    relative CE = sum of (E(model) - E(model, clean)) / the same of the reference, with E = 1 - Dice here. 1 is as bad
    as the reference, higher is worse.

    Parameters
    ----------
    sums
        One row per (``dataset``, ``model``, ``labels``, ``corruption``) with ``severities`` (text), ``error`` (sum of
        1 - Dice over the severities) and ``loss`` (sum of clean minus corrupted Dice).
    reference
        Name of the reference.

    Returns
    -------
    DataFrame
        ``corruption_error`` and ``relative_corruption_error``, indexed like ``sums``; NaN where the reference lacks the
        corruption at these labels and severities, or where its own sum is not above zero.
    """
    key = ["dataset", "labels", "corruption", "severities"]
    own = sums.loc[sums["model"] == reference, [*key, "error", "loss"]]
    joined = sums[key].merge(own, on=key, how="left")
    found = {}
    for name, column in zip(ERROR_COLUMNS, ("error", "loss"), strict=True):
        under = joined[column].to_numpy(dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name] = np.where(under > 1e-12, sums[column].to_numpy(dtype=np.float64) / under, np.nan)
    return pd.DataFrame(found, index=sums.index)
