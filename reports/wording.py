"""The sentences that figures, tables and the page share, so that a term means the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .frame import CLEAN
from .inference.resampling import MINIMUM_GROUPS, training_levels

MEASURE_NAMES = {
    "dice": "Dice, mean over cases",
    "dice_pooled": "Dice, pooled over all pixels",
    "iou": "IoU, mean over cases",
    "iou_pooled": "IoU, pooled over all pixels",
}
"""The measures in the order in which they are shown."""

EMPTY_RULE = "Where truth and prediction are both empty, Dice and IoU are 1."

FEW_PATIENTS = f"With fewer than {MINIMUM_GROUPS} patients no interval is given: it could not be trusted."

DAGGER = "\u2020"

NO_VALUE = "\u2013"


def sample_text(scores: pd.DataFrame) -> str:
    """Say how many cases, patients and seeds the scores rest on: ``"120 test cases of 40 patients, 3 seeds"``."""
    counts = [_range_text(scores[column]) for column in ("n_cases", "n_groups", "n_seeds")]
    draws = _range_text(scores["n_draws"])
    words = [
        one if count == "1" else many
        for count, one, many in zip(
            counts, ("test case", "patient", "seed"), ("test cases", "patients", "seeds"), strict=True
        )
    ]
    drawn = "" if draws == "1" else f", {draws} draws of the labelled cases"
    return f"{counts[0]} {words[0]} of {counts[1]} {words[1]}, {counts[2]} {words[2]}{drawn}"


def few_patients(scores: pd.DataFrame) -> bool:
    """Say whether some scores rest on too few patients for an interval."""
    return bool((scores["n_groups"] < MINIMUM_GROUPS).any())


def interval_text(scores: pd.DataFrame, level: float) -> str:
    """Say what the intervals are and what they hold for, or why there are none.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores`.
    level
        Their confidence level.
    """
    if scores["dice_low"].isna().all():
        return FEW_PATIENTS if few_patients(scores) else "No intervals were computed."
    text = f"{100 * level:g}% bootstrap intervals over {interval_factors(scores)}."
    return " ".join(filter(None, [text, few_trainings(scores), FEW_PATIENTS if few_patients(scores) else ""]))


def interval_factors(scores: pd.DataFrame) -> str:
    """Name what the intervals resample: ``"patients"``, ``"patients and seeds"``, ``"patients, draws and seeds"``."""
    resampled = scores[training_levels(scores) > 0]
    names = [name for name in ("draws", "seeds") if (resampled[f"n_{name}"] > 1).any()]
    return listed(["patients", *names])


def few_trainings(scores: pd.DataFrame) -> str:
    """Say that intervals hold for the trained models alone, where trainings are too few; else an empty string."""
    fixed = scores[training_levels(scores) == 0]
    if fixed.empty:
        return ""
    whose = "They hold for" if len(fixed) == len(scores) else "Where trainings are too few they hold for"
    return f"{whose} these trained models: {too_few_trainings(fixed)}."


def interval_scope(scores: pd.DataFrame) -> str:
    """Say what the intervals are over and hold for; an empty string where there are none."""
    if scores["dice_low"].isna().all():
        return ""
    return " ".join(filter(None, [f"Intervals are over {interval_factors(scores)}.", few_trainings(scores)]))


def too_few_trainings(scores: pd.DataFrame) -> str:
    """Say that trainings are too few: ``"3 seeds are too few to say how another training would come out"``."""
    seeds, draws = _range_text(scores["n_seeds"]), _range_text(scores["n_draws"])
    drawn = "" if draws == "1" else f" and {draws} draws of the labelled cases"
    seed = "seed" if seeds == "1" else "seeds"
    verb = "is" if seeds == draws == "1" else "are"
    return f"{seeds} {seed}{drawn} {verb} too few to say how another training would come out"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: ``"a"``, ``"a and b"``, ``"a, b and c"``; nothing for none."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def joined(*sentences: str) -> str:
    """Put sentences into one paragraph, without the empty ones."""
    return " ".join(filter(None, sentences))


def labels_text(labels: float) -> str:
    """Name a label fraction: ``"10%"``."""
    return f"{labels:g}%"


def percent(value: float) -> str:
    """Print a share as percent with one decimal and without the sign; a dash where there is none."""
    return f"{100 * value:.1f}" if np.isfinite(value) else NO_VALUE


def percent_interval(low: float, high: float) -> str:
    """Print an interval of shares in percent; an empty string where there is none."""
    return f"{percent(low)} to {percent(high)}" if np.isfinite(low) and np.isfinite(high) else ""


def points(difference: float) -> str:
    """Print a difference of shares in percentage points: ``"5.4 points"``."""
    shown = f"{100 * difference:.1f}"
    return f"{'0.0' if shown == '-0.0' else shown} point{'' if shown == '1.0' else 's'}"


def p_text(p_value: float) -> str:
    """Print a p value: ``"p = 0.021"``, ``"p < 0.001"``; an empty string where there is none."""
    if not np.isfinite(p_value):
        return ""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}" if p_value < 0.995 else "p = 1"


def severities_text(severities: str) -> str:
    """Name the severities of a summary row: ``"severities 1 to 5"``, ``"severities 1, 3, 5"``, ``"severity 3"``."""
    found = [int(severity) for severity in severities.split()]
    if len(found) == 1:
        return f"severity {found[0]}"
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"severities {found[0]} to {found[-1]}"
    return f"severities {', '.join(map(str, found))}"


def corruption_names(scores: pd.DataFrame) -> list[str]:
    """List the corruptions of the scores, the clean condition apart."""
    return sorted(set(scores["corruption"]) - {CLEAN})


def _range_text(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"
