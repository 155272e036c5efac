"""The learning-rate schedule."""

from __future__ import annotations

import math


def warm_cosine(step: int, steps: int, warmup: float) -> float:
    """Factor on the peak learning rate: a linear rise, then half a cosine down to 0 after the last step.

    Cosine annealing without a restart (Loshchilov and Hutter 2017, equation 5), in steps rather than epochs. The rise
    (Goyal et al. 2017, section 2.2) keeps a text encoder that starts from random weights from being thrown
    off by the first steps.

    Parameters
    ----------
    step
        Steps taken so far.
    steps
        Steps of the whole training.
    warmup
        Share of the steps that the rise takes, from 0 to below 1.
    """
    rising = math.floor(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1.0 + math.cos(math.pi * min(step - rising, steps - rising) / (steps - rising)))
