"""Whether the severities of a corruption are real, graded steps: the rules, and the judgement in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Step = Literal["real", "no step", "reversed", "undecided"]

Kind = Literal["real", "small", "no step", "reversed", "undecided"]
"""How one measure sees a step; small: in the right direction for certain, and by less than the smallest step."""

MEASURE_WORDS = {"ssim": "SSIM", "rmse": "RMSE"}

SMALLEST_STEP = {"ssim": 0.01, "rmse": 1.0}
"""The smallest mean change between neighbouring levels that counts, in at least one of the two measures.

SSIM: the second decimal, to which it is commonly printed. RMSE: one of 255 grey levels, the least that an 8-bit image
can show. One of them is enough, since SSIM looks at structure in a small window and hardly sees a shading over the
whole image or an artefact in a corner of it.
"""

LEVELLING_SHARE = 0.25
"""A corruption levels off when its last step is a smaller share than this of its mean step."""

FLOOR_SHARE = 0.10
"""A corruption is at its floor when a smaller share than this of the case's own structure is left."""

RULES = (
    "A step is real if, from one level to the next stronger one, SSIM falls and RMSE rises, the 95% interval of either "
    "paired difference excludes 0, and at least one of the means reaches the smallest step, "
    f"{SMALLEST_STEP['ssim']:g} in SSIM or {SMALLEST_STEP['rmse']:g} of 255 grey levels in RMSE. It is reversed if one "
    "of them goes the other way by as much, and otherwise no step. Without intervals it is undecided.",
    f"A corruption levels off if its last step is less than {LEVELLING_SHARE:.0%} of the mean step from clean to the "
    "last level, in SSIM or in RMSE.",
    "It is at its floor where an image is hardly more like its own clean image than like another patient's: "
    f"less than {FLOOR_SHARE:.0%} of the clean image's lead is left. The lead is the SSIM with the own clean image "
    "minus the SSIM with another patient's clean image. Unlike a fixed value, this floor holds for noise, for blur "
    "and for a change of grey values alike.",
    "A corruption that levels off or is at its floor saturates: a higher severity would not be a harder test.",
)
"""The rules as a reader needs them, a paragraph each."""


@dataclass(frozen=True)
class Verdict:
    """The judgement of one corruption.

    Parameters
    ----------
    corruption
        Its name.
    steps
        For each level after clean the kind of its step, by severity.
    findings
        What is not as it should be, a phrase each; empty if every step is real and nothing saturates.
    """

    corruption: str
    steps: dict[int, Step]
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every step is shown to be real and nothing saturates."""
        return not self.findings

    @property
    def text(self) -> str:
        """The judgement as a sentence."""
        if self.holds:
            count = len(self.steps)
            return "Every step is real." if count > 1 else "The step from clean is real."
        text = "; ".join(self.findings)
        return f"{text[0].upper()}{text[1:]}."


def judge_corruption(levels: pd.DataFrame) -> Verdict:
    """Judge one corruption.

    Parameters
    ----------
    levels
        Its rows of :func:`~biclip_bench.benchmark.calibration_summary.summarise_levels`, by severity, clean first.
    """
    rows: list[dict[str, Any]] = [{str(key): value for key, value in row.items()} for row in levels.to_dict("records")]
    kinds = {int(row["severity"]): {key: _judge_step(row, key) for key in SMALLEST_STEP} for row in rows[1:]}
    steps = {severity: _together(each) for severity, each in kinds.items()}
    findings = [_undecided(rows)] if "undecided" in steps.values() else []
    for row in rows[1:]:
        severity = int(row["severity"])
        if steps[severity] in ("no step", "reversed"):
            findings.append(_describe_step(row, steps[severity], kinds[severity]))
    certainty = "by the means alone, " if "undecided" in steps.values() else ""
    findings += [f"{certainty}{text}" for text in (_levelling(rows), _floor(rows)) if text]
    return Verdict(str(rows[0]["corruption"]), steps, tuple(findings))


def _judge_step(row: dict[str, Any], measure: str) -> Kind:
    mean, low, high = (row[f"step_{measure}_{part}"] for part in ("mean", "low", "high"))
    if not (math.isfinite(low) and math.isfinite(high)):
        return "undecided"
    if low > 0:
        return "real" if mean >= SMALLEST_STEP[measure] else "small"
    return "reversed" if high < 0 and mean <= -SMALLEST_STEP[measure] else "no step"


def _together(kinds: dict[str, Kind]) -> Step:
    found = set(kinds.values())
    worst: Sequence[Step] = ("reversed", "undecided", "no step")
    return next((kind for kind in worst if kind in found), "real" if "real" in found else "no step")


def _describe_step(row: dict[str, Any], step: Step, kinds: dict[str, Kind]) -> str:
    # Where no measure alone says so, both together do: each moves too little.
    told = [measure for measure, kind in kinds.items() if kind == step] or list(kinds)
    changes = [_change(row, measure, step) for measure in told]
    name = "no step" if step == "no step" else "a reversed step"
    return f"{name} from {_level(row['before'])} to {_level(row['severity'])} ({' and '.join(changes)})"


def _change(row: dict[str, Any], measure: str, step: Step) -> str:
    """Say by how much a measure moved: in the direction it should, or in the other one."""
    verb, digits = ("falls", 4) if measure == "ssim" else ("rises", 2)
    mean = row[f"step_{measure}_mean"]
    if step == "reversed":
        verb, mean = ("rises" if verb == "falls" else "falls"), -mean
    return f"{MEASURE_WORDS[measure]} {verb} by {mean:.{digits}f}"


def _undecided(rows: Sequence[dict[str, Any]]) -> str:
    count = int(rows[0]["n_groups"])
    return f"undecided with {count} patient{'' if count == 1 else 's'}, too few for an interval"


def _levelling(rows: Sequence[dict[str, Any]]) -> str:
    """Compare the last step with the mean step, both per severity, so that left-out severities do not matter."""
    if len(rows) < 4:
        return ""
    found = []
    clean, before, last = rows[0], rows[-2], rows[-1]
    for measure, word in MEASURE_WORDS.items():
        whole = (last[f"{measure}_mean"] - clean[f"{measure}_mean"]) / last["severity"]
        end = (last[f"{measure}_mean"] - before[f"{measure}_mean"]) / (last["severity"] - before["severity"])
        if whole and end / whole < LEVELLING_SHARE:
            found.append(f"{100 * end / whole:.0f}% of the mean step in {word}")
    if not found:
        return ""
    return f"saturating: it levels off, the step to {_level(last['severity'])} is {' and '.join(found)}"


def _floor(rows: Sequence[dict[str, Any]]) -> str:
    whole = rows[0]["lead_mean"]
    if not whole > 0:
        return ""
    for row in rows[1:]:
        left = row["lead_mean"] / whole
        if left < FLOOR_SHARE:
            return (
                f"saturating: at severity {row['severity']} it is at its floor, {100 * max(left, 0):.0f}% of the "
                "image's lead over another patient's is left"
            )
    return ""


def _level(severity: int) -> str:
    return str(severity) if severity else "clean"
