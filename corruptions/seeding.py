"""Random numbers that belong to a case, not to a batch, an order or a worker."""

from __future__ import annotations

import hashlib

import numpy as np

SUITE_VERSION = "1"
"""Enters every seed: raising it redraws the randomness of the whole suite."""


def case_seed(corruption: str, severity: int, case_id: str) -> int:
    """Hash what identifies one corrupted image to the seed of its randomness.

    Parameters
    ----------
    corruption
        Registered name of the corruption.
    severity
        Severity from 1 to 5.
    case_id
        Name of the case, unique in its data set.

    Returns
    -------
    int
        128 bits of the SHA-256 of the suite version and the three arguments.
    """
    # The null bytes keep ("a1", 2) and ("a", 12) apart; surrogates stand in file names that are not UTF-8.
    key = "\0".join((SUITE_VERSION, corruption, str(severity), case_id)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(key).digest()[:16], "little")


def case_generator(seed: int) -> np.random.Generator:
    """Make the generator of one case.

    Philox is counter-based (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3"): the seed is its
    128-bit key, so two cases never share a stream.

    Parameters
    ----------
    seed
        Integer of at most 128 bits, as :func:`case_seed` returns it.
    """
    return np.random.Generator(np.random.Philox(key=seed))
