"""The cases that a reader can page through: every condition's image and outlines, in as few bytes as are allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..details import ReportDetails
from ..figures.panel import on_grey
from ..figures.style import model_styles
from ..frame import CLEAN
from ..picture import Picture
from ..picture_source import PictureSource
from .compression import PictureLevel, choose_level, encode_picture
from .embedding import json_block
from .outlines import MOST_PIECES, grid_size, outline_path

SAMPLED_CASES = 4
"""Cases on which the size of the pictures is measured before all are written."""

SAFETY = 0.95
"""Share of the budget that the sampled cases may foretell, because others may be larger."""


@dataclass(frozen=True)
class CaseBrowser:
    """What the page's script shows.

    Parameters
    ----------
    index
        Names of models, corruptions and conditions; for every case its name, patient, text and each model's Dice.
    blocks
        For every case, as JSON, its images and outlines under every condition.
    available
        Number of cases that there were; more than are shown where the page would have grown too large.
    level
        Size and quality of the pictures.
    """

    index: Mapping[str, Any]
    blocks: tuple[Mapping[str, Any], ...]
    available: int
    level: PictureLevel


@dataclass(frozen=True)
class _Shot:
    """One condition of a case, ready for the page."""

    image: str
    outlines: Mapping[str, str]
    truth: str
    text: str
    dice: Mapping[str, float]


def case_browser(
    pictures: PictureSource, frame: pd.DataFrame, details: ReportDetails, *, budget: int
) -> CaseBrowser | None:
    """Gather cases, worst first, until the budget is spent.

    The pictures of one case are held at a time. Their size and quality are those at which a sample of the cases keeps
    to the budget; where even the smallest do not, fewer cases are taken.

    Parameters
    ----------
    pictures
        Where the pictures come from.
    frame
        Per-case scores, which order the cases by their mean Dice over models and conditions and name their patients.
    details
        Order of models and corruptions.
    budget
        Most bytes of all the cases together.

    Returns
    -------
    CaseBrowser or None
        None without a case that has pictures, or where not even one fits.
    """
    names = worst_first(pictures.cases(), frame)
    if not names:
        return None
    places = sorted({round(place) for place in np.linspace(0, len(names) - 1, min(SAMPLED_CASES, len(names)))})
    sampled = {names[place]: pictures.pictures(names[place]) for place in places}
    level = _level(list(sampled.values()), len(names), budget)
    cases: dict[str, dict[tuple[str, int], _Shot]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    left = budget
    for name in names:
        panels = sampled.pop(name, None) or pictures.pictures(name)
        if not panels:
            continue
        shots = _shots(panels, level)
        left -= _bytes(shots) + len(json_block(name).encode())
        if left < 0:
            break
        cases[name] = shots
        sizes[name] = grid_size(panels[0].image.shape)
    if not cases:
        return None
    return _assemble(cases, sizes, frame, details, len(names), level)


def browser_text(browser: CaseBrowser, tests: int) -> str:
    """Say which of the ``tests`` test cases are shown, in which order and how faithfully."""
    shown = len(browser.blocks)
    if shown < browser.available:
        which = (
            f"{shown} of {browser.available} cases are shown, those with the lowest mean Dice, so that this page stays "
            "small enough to send."
        )
    elif shown < tests:
        which = (
            f"{shown} of {tests} test cases are shown: a few typical ones, those with the lowest mean Dice, and others "
            "spread evenly over the rest."
        )
    else:
        which = "The one test case is shown." if shown == 1 else f"All {shown} test cases are shown."
    level = browser.level
    return (
        f"{which} The first has the lowest Dice, averaged over the models, under the condition that is chosen. Dice is "
        f"that of the outlined prediction. Pictures have at most {level.side} px a side and are compressed (WebP, "
        f"quality {level.quality}): the models saw the original. Of a prediction in more than {MOST_PIECES} pieces the "
        "largest are outlined."
    )


def worst_first(names: Sequence[str], frame: pd.DataFrame) -> list[str]:
    """Order cases by their mean Dice over all models and conditions; those without a score last."""
    means = frame.groupby("case")["dice"].mean().to_dict()
    return sorted(names, key=lambda name: (means.get(name, np.inf), name))


def _level(sample: Sequence[Sequence[Picture]], cases: int, budget: int) -> PictureLevel:
    """Choose the level at which the largest sampled case, times the number of cases, keeps to the budget."""
    share = SAFETY * budget / cases
    chosen = []
    for panels in sample:
        images = [panel.image for panel in panels]
        outlines = sum(len(path) for panel in panels for path in map(outline_path, panel.predictions.values()))
        chosen.append(choose_level(images, share - outlines))
    return min(chosen, key=lambda level: (level.side, level.quality), default=PictureLevel(256, 85))


def _shots(panels: Sequence[Picture], level: PictureLevel) -> dict[tuple[str, int], _Shot]:
    truths: dict[bytes, str] = {}
    shots = {}
    for panel in panels:
        key = panel.truth.tobytes()
        if key not in truths:
            truths[key] = outline_path(panel.truth)
        shots[panel.corruption, panel.severity] = _Shot(
            encode_picture(panel.image, level),
            {model: outline_path(mask) for model, mask in panel.predictions.items()},
            truths[key],
            panel.text,
            {model: panel.dice(model) for model in panel.predictions},
        )
    return shots


def _bytes(shots: Mapping[tuple[str, int], _Shot]) -> int:
    """Count what a case adds to the page, with room for the names around it."""
    total = 400
    for shot in shots.values():
        total += len(shot.image) + sum(map(len, shot.outlines.values())) + 24 * (1 + len(shot.outlines))
    first = next(iter(shots.values()))
    differing = [shot for shot in shots.values() if (shot.text, shot.truth) != (first.text, first.truth)]
    return total + sum(len(json_block(shot.text).encode()) + len(shot.truth) for shot in (first, *differing))


def _assemble(
    cases: Mapping[str, Mapping[tuple[str, int], _Shot]],
    sizes: Mapping[str, tuple[int, int]],
    frame: pd.DataFrame,
    details: ReportDetails,
    available: int,
    level: PictureLevel,
) -> CaseBrowser:
    every = [shot for shots in cases.values() for shot in shots.values()]
    models = details.order_models(frame["model"].tolist())
    models += sorted({model for shot in every for model in shot.outlines} - set(models))
    styles = model_styles(models)
    shown = [model for model in models if any(model in shot.outlines for shot in every)]
    present = {condition for shots in cases.values() for condition in shots}
    corruptions = details.order_corruptions([name for name, _ in present if name != CLEAN])
    place = {CLEAN: -1, **{name: position for position, name in enumerate(corruptions)}}
    conditions = sorted(present, key=lambda condition: (place[condition[0]], condition[1]))
    patients = frame.drop_duplicates("case").set_index("case")["group"].to_dict()

    listed, blocks = [], []
    for name, shots in cases.items():
        first = next(iter(shots.values()))
        dice = [
            [_per_mille(shots[condition].dice.get(model)) for model in shown] if condition in shots else None
            for condition in conditions
        ]
        listed.append({"name": name, "patient": patients.get(name, ""), "text": first.text, "dice": dice})
        blocks.append(
            {
                "size": sizes[name],
                "truth": first.truth,
                "shots": [_shot_data(shots.get(condition), first, shown) for condition in conditions],
            }
        )
    index = {
        "models": [
            {"name": model, "colour": on_grey(styles[model].colour), "dashes": styles[model].dashes} for model in shown
        ],
        "corruptions": corruptions,
        "conditions": [[place[name], severity] for name, severity in conditions],
        "cases": listed,
    }
    return CaseBrowser(index, tuple(blocks), available, level)


def _shot_data(shot: _Shot | None, first: _Shot, models: Sequence[str]) -> dict[str, Any] | None:
    if shot is None:
        return None
    data: dict[str, Any] = {"image": shot.image, "outlines": [shot.outlines.get(model) for model in models]}
    if shot.truth != first.truth:
        data["truth"] = shot.truth
    if shot.text != first.text:
        data["text"] = shot.text
    return data


def _per_mille(dice: float | None) -> int | None:
    return None if dice is None else round(1000 * dice)
