"""How much the texts say about where the masks lie: in bits, and as the Dice of a guess without an image."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...reports.audits.description import FactTable, plain_rows
from .case_facts import CaseFacts
from .mask_position import COLUMNS, OCCUPIED, ROWS
from .text_information import SHUFFLES, Information, information
from .text_statistics import stated
from .text_yardstick import GRID, Yardstick, yardstick


@dataclass(frozen=True)
class GivenAway:
    """The tables and the sentences that sum them up."""

    tables: tuple[FactTable, ...]
    findings: tuple[str, ...]


def given_away(index: pd.DataFrame, facts: Sequence[CaseFacts]) -> GivenAway:
    """Measure what the texts tell of the masks' places.

    Parameters
    ----------
    index
        A data set's index.
    facts
        Of its cases, in its order.
    """
    texts = [" ".join(text.split()) for text in index["text"]]
    if not any(texts):
        return GivenAway((), ())
    labels = text_labels(texts)
    bits, told = _information(labels, facts)
    guesses, one, guessed = _guesses(index, labels, facts)
    findings = [
        f"The texts tell {told.excess:.2f} of {told.entropy:.2f} bits of where the mask lies (its occupied cells of "
        f"{ROWS} x {COLUMNS}), beyond what chance makes it seem."
    ]
    if not math.isnan(guessed.dice):
        findings.append(
            f"A mask guessed from the text alone, without training, scores a Dice of {_percent(guessed.dice)}% on the "
            f"test part, and one mean mask for all {_percent(one.dice)}%: a text-guided model has to beat both to have "
            "used its image."
        )
    return GivenAway((bits, guesses), tuple(findings))


def text_labels(texts: Sequence[str]) -> dict[str, list[Hashable]]:
    """Label cases by their text and, where most follow the grammar of the lung reports, by what it states."""
    labels: dict[str, list[Hashable]] = {"its words": list(texts)}
    read = stated(texts)
    if sum(findings is not None for findings in read) * 2 > len(texts):
        labels["the side, number and zones it states"] = [
            None if found is None else (found.count, tuple(sorted(found.left)), tuple(sorted(found.right)))
            for found in read
        ]
        labels["the side it states"] = [
            None if found is None else (bool(found.left), bool(found.right)) for found in read
        ]
    return labels


def _information(labels: dict[str, list[Hashable]], facts: Sequence[CaseFacts]) -> tuple[FactTable, Information]:
    """Return the table, and the most that any label tells of the occupied cells."""
    places: dict[str, list[str]] = {
        "occupied cells": [own.cells for own in facts],
        "cell of the centre": [str(own.centroid) for own in facts],
    }
    rows, of_cells = [], []
    for place, where in places.items():
        for kind, own in labels.items():
            told = information(list(map(repr, own)), where)
            if place == "occupied cells":
                of_cells.append(told)
            bits = [f"{value:.3f}" for value in (told.entropy, told.observed, told.by_chance, told.excess)]
            share = "-" if math.isnan(told.share) else f"{100 * told.share:.1f}"
            rows.append((kind, place, *bits, share, f"{told.p_value:.3f}"))
    note = (
        f"Mutual information in bits between the text and the mask's place in {ROWS} rows and {COLUMNS} columns of "
        f"the image. A cell is occupied if it holds {100 * OCCUPIED:g}% of the lesion; no lesion is a place of its "
        f"own. By chance: the mean over {SHUFFLES} shuffles of the texts over the cases, which few cases and many "
        "texts drive up. Beyond chance: the difference, also in percent of the most that is left to be told; where "
        "texts tell much it is rather too small. p: share of the shuffles that reach the observed value; cases of one "
        "patient are alike, so it is too small where patients have several."
    )
    columns = ("What tells", "Of what", "Entropy", "Observed", "By chance", "Beyond chance", "Percent", "p")
    table = FactTable("What the texts say about the mask's place", columns, plain_rows(rows), note)
    return table, max(of_cells, key=lambda told: told.excess)


def _guesses(
    index: pd.DataFrame, labels: dict[str, list[Hashable]], facts: Sequence[CaseFacts]
) -> tuple[FactTable, Yardstick, Yardstick]:
    """Return the table, what one mask for all scores, and the most that any label does."""
    training, tests = (np.flatnonzero(index["part"] == part).tolist() for part in ("train", "test"))

    def score(own: Sequence[Hashable]) -> Yardstick:
        if not len(training):
            return Yardstick(float("nan"), 0.0)
        grids = np.stack([facts[place].grid for place in training])
        pairs = ((facts[place].mask, own[place]) for place in tests)
        return yardstick(grids, [own[place] for place in training], pairs)

    one = score([""] * len(facts))
    found = {kind: score(own) for kind, own in labels.items()}
    named = {"one mean mask for all": one} | {f"the mean mask of {kind}": own for kind, own in found.items()}
    rows = [(name, _percent(own.dice), f"{100 * own.matched:.1f}") for name, own in named.items()]
    note = (
        "Dice on the test part, mean over cases, of a mask that is made without looking at an image: the mean of the "
        f"training masks that share the text, on a grid of {GRID} x {GRID}, enlarged to the image, above the level "
        "that scores best on those training masks. Texts that training does not have get the mean of all. Matched: "
        "test cases whose text, or what it states, is in training."
    )
    columns = ("Guess", "Dice (%)", "Matched (%)")
    table = FactTable("Guessing the mask from the text alone", columns, plain_rows(rows), note)
    return table, one, max(found.values(), key=lambda own: own.dice)


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"
