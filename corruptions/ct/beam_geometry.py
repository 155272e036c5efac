"""Where a parallel-beam scanner's views and bins lie, in the image and in its Fourier transform."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kernel = Literal["ram-lak", "hann"]


class BeamGeometry:
    """The views and bins of a parallel-beam scanner for images of one size.

    Views are spread evenly over half a turn, ceil(pi/2 * longer side) of them: enough for an object that fits in the
    image's inscribed circle (Natterer 1986, "The Mathematics of Computerized Tomography", III.2). Detector bins are
    one pixel wide and cover the image's diagonal, so nothing is truncated; outside the image there is air.

    A pixel (row, column) lies at y = row - (H - 1) / 2, x = column - (W - 1) / 2; view v looks along angle
    theta = v pi / views and bin m collects the line x cos(theta) + y sin(theta) = m - (bins - 1) / 2.

    Parameters
    ----------
    height, width
        Size of the images in pixels, at least 1.

    Attributes
    ----------
    views, bins
        Size of a sinogram.
    points
        Frequencies along y and x where the image's Fourier transform is wanted, in radians a pixel: two float32 arrays
        of views * (bins / 2) values, a view after the other.
    phase
        complex64 of shape (views, bins / 2): what turns the transform of the image, its pixels counted from the middle
        (H // 2, W // 2), into that of its projections, their bins counted from 0.
    """

    def __init__(self, height: int, width: int) -> None:
        from scipy.fft import next_fast_len

        self.height = height
        self.width = width
        self.views = math.ceil(math.pi / 2 * max(height, width))
        self.bins = 2 * next_fast_len(math.ceil((math.hypot(height, width) + 1) / 2), real=True)
        theta = np.arange(self.views)[:, None] * (math.pi / self.views)
        # The Nyquist frequency is left out: with an even number of bins it has no partner of opposite sign.
        frequency = np.arange(self.bins // 2) * (2 * math.pi / self.bins)
        along_y, along_x = np.sin(theta) * frequency, np.cos(theta) * frequency
        self.points = along_y.ravel().astype(np.float32), along_x.ravel().astype(np.float32)
        # The transform counts pixels from the middle, rounded down, and the FFT counts bins from 0: shift both.
        shift_y, shift_x = (height // 2 - (height - 1) / 2), (width // 2 - (width - 1) / 2)
        shift = shift_y * along_y + shift_x * along_x + frequency * ((self.bins - 1) / 2)
        self.phase = np.exp(-1j * shift).astype(np.complex64)

    def adjoint_phase(self) -> NDArray[np.complex64]:
        """Give what turns the transform of the projections into the coefficients of a sum over all frequencies.

        Returns
        -------
        numpy.ndarray
            complex64 of shape (views, bins / 2): the conjugate of ``phase``, times 2 / bins where a frequency stands
            for its negative too and 1 / bins at frequency 0.
        """
        weight = np.full(self.bins // 2, 2 / self.bins)
        weight[0] /= 2
        return np.asarray(self.phase.conj() * weight, dtype=np.complex64)


@lru_cache(maxsize=8)
def ramp_filter(bins: int, kernel: Kernel) -> NDArray[np.float32]:
    """Frequency response of the ramp filter for rows of ``bins`` values padded to twice their length.

    The transform of the band-limited ramp's exact samples, 1/4 at 0 and -1/(pi n)^2 at odd n (Kak and Slaney 1988,
    "Principles of Computerized Tomographic Imaging", eq. 3.61): sampling |f| itself would zero the mean of every row
    and darken the image.

    Parameters
    ----------
    bins
        Number of detector bins, an even number.
    kernel
        ``"ram-lak"``: the ramp alone, up to the detector's Nyquist frequency. ``"hann"``: the ramp times
        (1 + cos(pi f / Nyquist)) / 2, smoother and with less noise.

    Returns
    -------
    numpy.ndarray
        float32 of shape (bins + 1,), in cycles a bin.
    """
    distance = np.fft.fftfreq(2 * bins, 1 / (2 * bins))
    samples = np.zeros(2 * bins)
    samples[0] = 0.25
    odd = distance % 2 == 1
    samples[odd] = -1 / (math.pi * distance[odd]) ** 2
    response = np.fft.rfft(samples).real
    if kernel == "hann":
        response *= (1 + np.cos(np.linspace(0, math.pi, bins + 1))) / 2
    return response.astype(np.float32)
