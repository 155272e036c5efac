"""Label regimes: which training cases a model may use when labels are scarce."""

from __future__ import annotations

import numpy as np
import pandas as pd

STRATA = 4
"""Groups with a lesion are dealt into this many strata of equal size by lesion burden; normal ones are a fifth."""


def label_order(index: pd.DataFrame, seed: int) -> list[str]:
    """Order the training groups so that every prefix is a fair sample of the lesion burden.

    Groups (patients) are ranked by their mean lesion fraction and cut into strata. Within a stratum the order is
    random; the strata are then interleaved in proportion, so that a prefix of any length holds each stratum in its
    share. The first group always has a lesion.

    Parameters
    ----------
    index
        A data set's index, restricted to its training part: columns ``case``, ``group`` and ``lesion_fraction``.
    seed
        Seed of the draw.

    Returns
    -------
    list of str
        All groups, each once.
    """
    # Sorted first: a mean depends in its last bits on the order of its terms.
    burden = index.sort_values("case").groupby("group")["lesion_fraction"].mean()
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 0x1ABE15])))
    with_lesion = burden[burden > 0].sort_values(kind="stable").index.to_numpy()
    normal = burden[burden == 0].index.to_numpy()
    strata = [part for part in [*np.array_split(with_lesion, STRATA), normal] if len(part)]

    positions: list[tuple[float, str]] = []
    for stratum in strata:
        shuffled = generator.permutation(stratum)
        offset = generator.uniform()
        positions += [((rank + offset) / len(shuffled), str(group)) for rank, group in enumerate(shuffled)]
    order = [group for _, group in sorted(positions)]

    first = next((group for group in order if burden[group] > 0), None)
    if first is not None:
        order.remove(first)
        order.insert(0, first)
    return order


def labelled_cases(index: pd.DataFrame, percent: float, seed: int, part: str = "train") -> tuple[str, ...]:
    """Choose the cases of a part whose labels a model may use.

    Regimes are nested (the cases at 1% are among those at 5%) and made of whole groups, so that no patient is half
    labelled. The number of cases is the closest to the requested share that whole groups allow, and at least one
    group with a lesion.

    Parameters
    ----------
    index
        A data set's index with the columns ``case``, ``part``, ``group`` and ``lesion_fraction``.
    percent
        Share of the part's cases, above 0 and at most 100.
    seed
        Seed of the draw.
    part
        The part that is drawn from.

    Returns
    -------
    tuple of str
        Sorted case ids.

    Raises
    ------
    ValueError
        If ``percent`` is outside (0, 100].
    """
    if not 0 < percent <= 100:
        raise ValueError(f"A label fraction is above 0 and at most 100 percent, not {percent}.")
    whole = index[index["part"] == part]
    order = label_order(whole, seed)
    sizes = whole.groupby("group").size()
    cumulative = np.cumsum([sizes[group] for group in order])
    count = int(np.abs(cumulative - percent / 100 * len(whole)).argmin()) + 1
    chosen = whole[whole["group"].isin(order[:count])]
    return tuple(sorted(chosen["case"]))
