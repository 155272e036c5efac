"""What a mask scores that is guessed from the text alone, without training: the mean training mask of such texts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GRID = 64
"""Side of the grid on which masks are averaged: a mean over several masks has no finer detail to lose."""

LEVELS = np.linspace(0.05, 0.95, 19)
"""Thresholds that are tried, as shares of the mean mask's greatest value."""

_CHUNK = 512


@dataclass(frozen=True, eq=False)
class MeanMask:
    """The mean of some masks and the level above which it predicts lesion.

    Parameters
    ----------
    mean
        float32 of shape (GRID, GRID) in [0, 1].
    level
        Of the levels tried, the one at which the mean scores the best mean Dice on the masks it is of.
    """

    mean: NDArray[np.float32]
    level: float

    def predict(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Predict a mask (H, W): the mean enlarged bilinearly, above the level."""
        height, width = shape
        enlarged = Image.fromarray(self.mean).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(np.asarray(enlarged) > self.level)


@dataclass(frozen=True)
class Yardstick:
    """What mean masks reach on the test part.

    Parameters
    ----------
    dice
        Mean over the test cases; where truth and guess are both empty, a case has 1.
    matched
        Share of the test cases whose label occurs in training; the others are given the mean of all masks.
    """

    dice: float
    matched: float


def shrink(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Average a mask (H, W) over the pixels of the grid: uint8 (GRID, GRID), 255 where all is lesion."""
    picture = Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255)
    return np.asarray(picture.resize((GRID, GRID), Image.Resampling.BOX))


def mean_mask(masks: NDArray[np.uint8]) -> MeanMask:
    """Average masks (N, GRID, GRID) of :func:`shrink`, and find the level that scores best on them."""
    mean = (masks.mean(axis=0) / 255).astype(np.float32)
    greatest = float(mean.max(initial=0.0))
    if greatest == 0:
        return MeanMask(mean, 0.0)
    # In the precision of the mean, so that a level that is one of its values is above none of them here and there.
    levels = (LEVELS * greatest).astype(np.float32)
    guesses = (mean.ravel()[None] > levels[:, None]).astype(np.float32)
    total = np.zeros(len(levels))
    for start in range(0, len(masks), _CHUNK):
        truth = (masks[start : start + _CHUNK].reshape(-1, GRID * GRID) >= 128).astype(np.float32)
        both = guesses @ truth.T
        areas = guesses.sum(axis=1)[:, None] + truth.sum(axis=1)[None]
        total += (2 * both / np.maximum(areas, 1)).sum(axis=1)
    # Of levels that score the same the middle one: a low one would grow a rim where the mean is enlarged.
    best = np.flatnonzero(total >= total.max() - 1e-9)
    return MeanMask(mean, float(levels[best[np.abs(best - len(levels) // 2).argmin()]]))


def yardstick(
    training: NDArray[np.uint8],
    labels: Sequence[Hashable],
    tests: Iterable[tuple[NDArray[np.bool_], Hashable]],
) -> Yardstick:
    """Score, for every test case, the mean of the training masks that share its label.

    Parameters
    ----------
    training
        Training masks, (N, GRID, GRID) of :func:`shrink`.
    labels
        The label of each, such as its text; one label for all gives one mean mask for all.
    tests
        Mask (H, W) on its own grid, and label, of each test case.
    """
    places: dict[Hashable, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    known: dict[Hashable, MeanMask] = {}
    overall = mean_mask(training)
    scores, matched = [], 0
    for truth, label in tests:
        if label in places:
            matched += 1
            if label not in known:
                own = places[label]
                known[label] = overall if len(own) == len(training) else mean_mask(training[own])
        scores.append(_dice(known.get(label, overall).predict((truth.shape[0], truth.shape[1])), truth))
    count = max(1, len(scores))
    return Yardstick(float(np.mean(scores)) if scores else float("nan"), matched / count)


def _dice(guess: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    total = int(guess.sum()) + int(truth.sum())
    return 2 * int((guess & truth).sum()) / total if total else 1.0
