"""What an X-ray detector reads: photon counts with electronic noise, and the line integrals taken from them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

ELECTRONIC_VARIANCE = 10.0
"""Variance of the detector's electronic noise in counts squared, a value typical of the low-dose CT literature."""

COUNT_FLOOR = 0.1
"""Lowest count whose logarithm is taken: LoDoPaB-CT (Leuschner et al., 2021) replaces zero counts by 0.1."""


def detector_reading(expected: NDArray[np.float32], normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn standard normal numbers into readings distributed as Poisson(expected) + Normal(0, 10).

    The reading is the quantile of that sum at the normal number's own probability, by the Cornish-Fisher expansion
    up to the fourth cumulant (Abramowitz and Stegun 1964, 26.2.49). The cumulants of the sum are known exactly
    (mean m, variance m + 10, all higher ones m) and the electronic noise smears out the integers, so the
    distribution function is within 1e-4 of the exact one at every expected count (the tests compute it). Against
    drawing a Poisson and a normal number this takes a fraction of the time, and the reading changes continuously with
    the expected count: a last-bit difference between two machines stays one, where a rejection sampler would lose
    step and draw other noise from there on.

    Parameters
    ----------
    expected
        Expected photon counts, at least 0, of any shape.
    normals
        Independent standard normal numbers, one a ray, of the same shape.

    Returns
    -------
    numpy.ndarray
        float32 readings in counts; negative where the electronic noise outweighs the photons.
    """
    variance = expected + np.float32(ELECTRONIC_VARIANCE)
    deviation = np.sqrt(variance)
    kurtosis = expected / (variance * variance)
    skewness = kurtosis * deviation
    square = normals * normals
    # z + g1/6 (z^2 - 1) + g2/24 (z^3 - 3 z) - g1^2/36 (2 z^3 - 5 z), gathered by powers of z
    cubic = kurtosis / 24 - skewness * skewness / 18
    linear = 1 - kurtosis / 8 + skewness * skewness * np.float32(5 / 36)
    quantile = normals * (linear + cubic * square) + skewness / 6 * (square - 1)
    return np.asarray(expected + deviation * quantile, dtype=np.float32)


def measured_line_integrals(
    line_integrals: NDArray[np.float32], photons: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Measure line integrals of the attenuation with a limited number of photons.

    A ray with line integral p lets ``photons * exp(-p)`` photons through on average (Beer and Lambert); the
    detector reads N, and the measurement is -ln(max(N, 0.1) / photons).

    Parameters
    ----------
    line_integrals
        float32 of any shape, dimensionless.
    photons
        Photons sent along each ray, above 0.
    generator
        Source of one normal number a ray.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape.
    """
    normals = generator.standard_normal(line_integrals.shape, dtype=np.float32)
    reading = detector_reading(np.float32(photons) * np.exp(-line_integrals), normals)
    return np.asarray(np.float32(math.log(photons)) - np.log(np.maximum(reading, np.float32(COUNT_FLOOR))))
