"""How many bits one label tells about another, with a correction for what small samples seem to tell by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHUFFLES = 200
"""Shuffles of the pairs: the mean over them is known to a few thousandths of a bit."""


@dataclass(frozen=True)
class Information:
    """What a first label tells about a second one; all in bits.

    Parameters
    ----------
    observed
        Mutual information of the two as counted (the plug-in estimate), which is too large in small samples.
    by_chance
        Mean of the same over shuffles that break every tie between the two.
    entropy
        Entropy of the second label as counted: the most that can be told.
    p_value
        Share of shuffles that reach the observed value, the unshuffled counted in.
    """

    observed: float
    by_chance: float
    entropy: float
    p_value: float

    @property
    def excess(self) -> float:
        """What is told beyond chance, in bits: 0 in expectation where the two are independent."""
        return self.observed - self.by_chance

    @property
    def share(self) -> float:
        """What is told beyond chance as a share of the most that could be; NaN where nothing could.

        The adjustment for chance of Vinh, Epps and Bailey (Journal of Machine Learning Research 11, 2010): 0 in
        expectation for independent labels, 1 where the first settles the second.
        """
        room = self.entropy - self.by_chance
        return self.excess / room if room > 1e-9 else float("nan")


def entropy(labels: Sequence[object]) -> float:
    """Entropy of the labels' counted shares, in bits; 0 of none."""
    return _entropy(_codes(labels))


def information(first: Sequence[object], second: Sequence[object], shuffles: int = SHUFFLES) -> Information:
    """Measure what ``first`` tells about ``second``, case by case.

    Parameters
    ----------
    first, second
        A label a case, in the same order; labels are compared by their text.
    shuffles
        Number of shuffles, drawn from a fixed seed.

    Raises
    ------
    ValueError
        If the two have different lengths or none.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"One label of each a case is needed, and there are {len(first)} and {len(second)}.")
    x, y = _codes(first), _codes(second)
    width = int(y.max()) + 1
    own = _entropy(x) + _entropy(y)
    # I(X; Y) = H(X) + H(Y) - H(X, Y); shuffling changes the last alone.
    observed = own - _entropy(x * width + y)
    generator = np.random.Generator(np.random.Philox(0))
    chance = np.array([own - _entropy(x * width + generator.permutation(y)) for _ in range(shuffles)])
    # A hair's breadth for the rounding of sums in another order.
    reached = int((chance >= observed - 1e-9).sum())
    return Information(
        observed=max(0.0, observed),
        by_chance=max(0.0, float(chance.mean())),
        entropy=_entropy(y),
        p_value=(1 + reached) / (1 + shuffles),
    )


def _codes(labels: Sequence[object]) -> NDArray[np.int64]:
    if not len(labels):
        return np.empty(0, dtype=np.int64)
    return np.unique(np.array([str(label) for label in labels]), return_inverse=True)[1].astype(np.int64)


def _entropy(codes: NDArray[np.int64]) -> float:
    counts = np.unique(codes, return_counts=True)[1]
    shares = counts / max(1, len(codes))
    return float(-(shares * np.log2(shares)).sum()) + 0.0
