"""Parallel-beam projection and filtered back-projection through the projection-slice theorem."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kernel = Literal["ram-lak", "hann"]

TOLERANCE = 1e-4
"""Relative error asked of the non-uniform FFT: far below the noise, close to what single precision gives."""


class ParallelBeam:
    """A parallel-beam scanner for images of one size.

    The Fourier transform of a projection is a line through the image's two-dimensional Fourier transform
    (projection-slice theorem; Natterer 1986, "The Mathematics of Computerized Tomography", II.1). So a non-uniform
    FFT of the image on a polar grid, followed by an inverse FFT of each view, projects a band-limited image without
    interpolation, and its adjoint back-projects.

    Views are spread evenly over half a turn, ceil(pi/2 * longer side) of them: enough for an object that fits in the
    image's inscribed circle (Natterer, III.2). Detector bins are one pixel wide and cover the image's
    diagonal, so nothing is truncated; outside the image there is air.

    A pixel (row, column) lies at y = row - (H - 1) / 2, x = column - (W - 1) / 2; view v looks along angle
    theta = v pi / views and bin m collects the line x cos(theta) + y sin(theta) = m - (bins - 1) / 2.

    Everything here runs on one thread, in single precision, and is safe to call from several threads at once: a
    result depends on nothing but the arguments.

    Parameters
    ----------
    height, width
        Size of the images in pixels, at least 1.
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
        # The transform counts pixels from the middle, rounded down, and the FFT counts bins from 0: shift both.
        shift_y, shift_x = (height // 2 - (height - 1) / 2), (width // 2 - (width - 1) / 2)
        shift = shift_y * along_y + shift_x * along_x + frequency * ((self.bins - 1) / 2)
        self._phase = np.exp(-1j * shift).astype(np.complex64)
        self._points = (along_y.ravel().astype(np.float32), along_x.ravel().astype(np.float32))
        self._idle: dict[int, list[Any]] = {1: [], 2: []}

    @contextmanager
    def _transform(self, kind: Literal[1, 2]) -> Iterator[Any]:
        """Lend a non-uniform FFT plan (1: points to image, 2: image to points) to one caller at a time."""
        import finufft

        try:
            plan = self._idle[kind].pop()
        except IndexError:
            # Low upsampling makes the grid 2.5 times smaller than the default: a third of the time at 512 pixels.
            plan = finufft.Plan(
                kind,
                (self.height, self.width),
                eps=TOLERANCE,
                isign=1 if kind == 1 else -1,
                dtype="complex64",
                nthreads=1,
                upsampfac=1.25,
            )
            plan.setpts(*self._points)
        yield plan
        self._idle[kind].append(plan)

    def project(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Integrate an image along every line.

        Parameters
        ----------
        image
            float32 of shape (H, W), in any unit u.

        Returns
        -------
        numpy.ndarray
            float32 of shape (views, bins), in u times pixels.
        """
        from scipy.fft import irfft

        with self._transform(2) as transform:
            spectrum = transform.execute(image.astype(np.complex64, order="C")).reshape(self._phase.shape)
        spectrum *= self._phase
        return np.asarray(irfft(spectrum, n=self.bins, axis=1))

    def back_project(self, sinogram: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum over the views, at every pixel, the sinogram on the line through it: the adjoint of :meth:`project`.

        Parameters
        ----------
        sinogram
            float32 of shape (views, bins), in any unit.

        Returns
        -------
        numpy.ndarray
            float32 of shape (H, W), in the same unit.
        """
        from scipy.fft import rfft

        spectrum = rfft(sinogram, axis=1)[:, : self.bins // 2] * self._phase.conj()
        spectrum *= np.float32(2 / self.bins)
        spectrum[:, 0] /= 2  # every other frequency stands for its negative too
        with self._transform(1) as transform:
            image = transform.execute(spectrum.ravel())
        return np.ascontiguousarray(image.real)

    def reconstruct(self, sinogram: NDArray[np.float32], kernel: Kernel = "ram-lak") -> NDArray[np.float32]:
        """Reconstruct an image by filtered back-projection.

        Parameters
        ----------
        sinogram
            float32 of shape (views, bins), in u times pixels.
        kernel
            Window on the ramp filter, see :func:`ramp_filter`.

        Returns
        -------
        numpy.ndarray
            float32 of shape (H, W), in u.
        """
        from scipy.fft import irfft, rfft

        # Twice the bins, so that the convolution with the (infinitely long) ramp does not wrap around.
        spectrum = rfft(sinogram, n=2 * self.bins, axis=1) * ramp_filter(self.bins, kernel)
        filtered = irfft(spectrum, n=2 * self.bins, axis=1)[:, : self.bins]
        return np.asarray(self.back_project(filtered) * np.float32(math.pi / self.views))


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


@lru_cache(maxsize=8)
def parallel_beam(height: int, width: int) -> ParallelBeam:
    """Give the scanner for images of one size; the last few sizes are kept, with their transforms planned."""
    return ParallelBeam(height, width)
