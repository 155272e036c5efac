"""The learning-rate schedule."""

from __future__ import annotations

import math


def half_cosine(step: int, steps: int) -> float:
    """Factor on the peak learning rate: 1 at the first step, falling to 0 along half a cosine.

    Cosine annealing without a restart (Loshchilov and Hutter 2017, equation 5), in steps rather than epochs.

    Parameters
    ----------
    step
        Steps taken so far.
    steps
        Steps of the whole training.
    """
    return 0.5 * (1.0 + math.cos(math.pi * min(step, steps) / steps))
