"""What an X-ray detector reads: photon counts with electronic noise, and the line integrals taken from them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .namespace import Values, namespace

ELECTRONIC_VARIANCE = 10.0
"""Variance of the detector's electronic noise in counts squared, a value typical of the low-dose CT literature."""

COUNT_FLOOR = 0.1
"""Lowest count whose logarithm is taken: LoDoPaB-CT (Leuschner et al., 2021) replaces zero counts by 0.1."""

LEAST_VARIANCE = 0.5
"""Counts squared: with a smaller electronic variance the integers would stand out of the distribution of readings."""

LARGEST_LOG_COUNT = 60.0
"""Logarithm of the most photons expected: ringing beside a path of thousands must not overflow single precision."""


@dataclass(frozen=True)
class Detector:
    """How a detector reads photons; each a number, or a tensor that broadcasts against a batch of sinograms.

    Parameters
    ----------
    electronic
        Variance of the electronic noise in counts squared; at least :data:`LEAST_VARIANCE` is used.
    floor
        Lowest count whose logarithm is taken, above 0.
    kept
        Where the expected counts are those of a scan that was itself taken with photons: the share of them that is
        kept, from 0 (excluded) to 1. 0 for expected counts without noise.
    """

    electronic: float | Tensor = ELECTRONIC_VARIANCE
    floor: float | Tensor = COUNT_FLOOR
    kept: float = 0.0

    @property
    def missing_electronic(self) -> float | Tensor:
        """Variance of the electronic noise that the expected counts do not hold yet, in counts squared."""
        whole = self.electronic
        used = whole.clip(LEAST_VARIANCE) if isinstance(whole, Tensor) else max(whole, LEAST_VARIANCE)
        return used * (1 - self.kept**2)


USUAL = Detector()


def detector_reading(expected: Values, normals: Values, detector: Detector = USUAL) -> Values:
    """Turn standard normal numbers into readings distributed as Poisson(expected) + Normal(0, electronic).

    The reading is the quantile of that sum at the normal number's own probability, by the Cornish-Fisher expansion
    up to the fourth cumulant (Abramowitz and Stegun 1964, 26.2.49). The cumulants of the sum are known exactly
    (mean m, variance m + electronic, all higher ones m) and the electronic noise smears out the integers, so the
    distribution function is within 1e-4 of the exact one at every expected count with an electronic variance of 10,
    within 1e-3 with 1 (the tests compute it). Against drawing a Poisson and a normal number this takes a fraction of
    the time, and the reading changes continuously with the expected count: a last-bit difference between two machines
    stays one, where a rejection sampler would lose step and draw other noise from there on.

    With ``detector.kept`` = a above 0, the expected count m = a N is what is kept on average of the N photons that a
    first scan counted, each with probability a: Binomial(N, a), with the cumulants (1 - a) m, (1 - a) (1 - 2a) m and
    (1 - a) (1 - 6a (1 - a)) m after the mean. The first scan's electronic noise is in N and is scaled by a with it,
    so electronic (1 - a^2) is missing. What comes out over both scans is Poisson with the whole electronic
    noise again. The relative variance of what is added is (1/a - 1) / N: the law of Yu et al. 2012 ("Development and
    validation of a practical lower-dose-simulation tool", J Comput Assist Tomogr 36) and, with the electronic term,
    Zeng et al. 2015 ("A simple low-dose x-ray CT simulation from high-dose scan", IEEE TNS 62).

    Parameters
    ----------
    expected
        Expected photon counts, float32, at least 0, of any shape.
    normals
        Independent standard normal numbers, one a ray, of the same shape.
    detector
        The detector.

    Returns
    -------
    numpy.ndarray or Tensor
        float32 readings in counts; negative where the electronic noise outweighs the photons.
    """
    xp = namespace(expected)
    lost = 1 - detector.kept
    third = lost * (1 - 2 * detector.kept)
    fourth = lost * (1 - 6 * lost * detector.kept)
    variance = lost * expected + detector.missing_electronic
    # Where next to nothing is missing, the integers would show again: there the noise is left normal.
    shape = 1 / (xp.clip(variance, LEAST_VARIANCE, None) if detector.kept > 0 else variance)
    deviation = xp.sqrt(variance)
    # z + g1/6 (z^2 - 1) + g2/24 (z^3 - 3 z) - g1^2/36 (2 z^3 - 5 z), gathered by powers of z, times the deviation
    relative = expected * shape
    square = normals * normals
    cubic = xp.multiply(relative, -(third**2) / 18)
    cubic += fourth / 24
    cubic *= square
    cubic += relative * (third**2 * 5 / 36) - fourth / 8
    cubic *= relative
    cubic *= xp.sqrt(shape)
    cubic += deviation
    cubic *= normals
    square -= 1
    relative *= third / 6
    square *= relative
    cubic += square
    cubic += expected
    reading: Values = cubic
    return reading


def measured_line_integrals(
    line_integrals: Values, log_photons: float | Values, normals: Values, detector: Detector = USUAL
) -> Values:
    """Measure line integrals of the attenuation with a limited number of photons.

    A ray with line integral p lets ``photons * exp(-p)`` photons through on average (Beer and Lambert); the
    detector reads N, and the measurement is -ln(max(N, floor) / photons).

    Parameters
    ----------
    line_integrals
        float32 of any shape, dimensionless.
    log_photons
        Natural logarithm of the photons sent along each ray: a number, or what broadcasts against ``line_integrals``.
    normals
        Independent standard normal numbers, one a ray, of the same shape.
    detector
        The detector.

    Returns
    -------
    numpy.ndarray or Tensor
        float32 of the same shape.
    """
    xp = namespace(line_integrals)
    expected = log_photons - line_integrals
    xp.clip(expected, None, LARGEST_LOG_COUNT, out=expected)
    xp.exp(expected, out=expected)
    reading = detector_reading(expected, normals, detector)
    xp.clip(reading, detector.floor, None, out=reading)
    xp.log(reading, out=reading)
    measured: Values = log_photons - reading
    return measured
