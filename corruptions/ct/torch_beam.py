"""Parallel-beam projection and filtered back-projection of batches of PyTorch tensors, on the tensors' device."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .beam_geometry import BeamGeometry, Kernel, ramp_filter

SPREAD = 6
"""Grid points along each axis over which a frequency is interpolated: an error below 1e-5 on a grid twice as fine."""

SHAPE = math.pi * math.sqrt((SPREAD / 2) ** 2 * 1.5**2 - 0.8)
"""Shape parameter of the Kaiser-Bessel window for a grid twice as fine (Beatty, Nishimura and Pauly 2005, eq. 5)."""


class TorchBeam(BeamGeometry):
    """The scanner of :class:`~biclip_bench.corruptions.ct.parallel_beam.ParallelBeam` for batches on any device.

    Geometry and meaning are the same. The non-uniform FFT is written with PyTorch's own operations: the image is
    divided by the window's transform, padded to twice its size and transformed; each point of the polar grid is
    interpolated from the 6 x 6 grid points around it with a Kaiser-Bessel window. Interpolation is a sparse matrix,
    kept on the device with its transpose, which is the adjoint. Last bits may depend on the device and the batch.

    Parameters
    ----------
    height, width
        Size of the images in pixels, at least 1.
    device
        Where the images lie.
    """

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        super().__init__(height, width)
        self._grid = 2 * _fast_length(height), 2 * _fast_length(width)
        matrix = interpolation_matrix(self.points, self._grid)
        self._interpolate = _sparse(matrix, device)
        self._spread = _sparse(matrix.T.tocsr(), device)
        correction = np.outer(_window_transform(height, self._grid[0]), _window_transform(width, self._grid[1]))
        self._correction = torch.from_numpy((1 / correction).astype(np.float32)).to(device)
        self._phase = torch.from_numpy(self.phase).to(device)
        self._adjoint_phase = torch.from_numpy(self.adjoint_phase()).to(device)
        self._device = device

    def project(self, images: Tensor) -> Tensor:
        """Integrate images along every line: float32 (B, H, W) in u to (B, views, bins) in u times pixels."""
        padded = images.new_zeros(len(images), *self._grid)
        padded[:, : self.height, : self.width] = images * self._correction
        centred = padded.roll((-(self.height // 2), -(self.width // 2)), (-2, -1))
        spectrum = _matmul(self._interpolate, torch.fft.fft2(centred).flatten(1))
        views = spectrum.reshape(-1, *self._phase.shape) * self._phase
        sinograms: Tensor = torch.fft.irfft(views, n=self.bins, dim=-1)
        return sinograms

    def back_project(self, sinograms: Tensor) -> Tensor:
        """Sum the views' values at every pixel, the adjoint of :meth:`project`: (B, views, bins) to (B, H, W)."""
        spectrum = torch.fft.rfft(sinograms, dim=-1)[..., : self.bins // 2] * self._adjoint_phase
        grid = _matmul(self._spread, spectrum.flatten(1)).reshape(-1, *self._grid)
        centred: Tensor = torch.fft.ifft2(grid, norm="forward").real
        images = centred.roll((self.height // 2, self.width // 2), (-2, -1))
        return images[:, : self.height, : self.width] * self._correction

    def reconstruct(self, sinograms: Tensor, kernel: Kernel = "ram-lak") -> Tensor:
        """Reconstruct images by filtered back-projection: (B, views, bins) in u times pixels to (B, H, W) in u."""
        ramp = torch.from_numpy(ramp_filter(self.bins, kernel)).to(self._device)
        spectrum = torch.fft.rfft(sinograms, n=2 * self.bins, dim=-1) * ramp
        filtered = torch.fft.irfft(spectrum, n=2 * self.bins, dim=-1)[..., : self.bins]
        return self.back_project(filtered) * (math.pi / self.views)


def interpolation_matrix(points: tuple[NDArray[np.float32], NDArray[np.float32]], grid: tuple[int, int]) -> Any:
    """Give the matrix that interpolates a periodic function from a grid at frequencies between its points.

    Parameters
    ----------
    points
        Frequencies along the grid's two axes, in radians; the grid's period is 2 pi.
    grid
        Grid points along the two axes.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 of shape (points, product of ``grid``) with 36 values a row, products of two Kaiser-Bessel windows.
    """
    from scipy.sparse import csr_matrix

    weights, places = zip(*(_window(axis, size) for axis, size in zip(points, grid, strict=True)), strict=True)
    weight = (weights[0][:, :, None] * weights[1][:, None, :]).astype(np.float32)
    column = (places[0][:, :, None] * grid[1] + places[1][:, None, :]).astype(np.int32)
    first = np.arange(0, column.size + 1, SPREAD**2, dtype=np.int32)
    matrix = csr_matrix((weight.ravel(), column.ravel(), first), shape=(len(column), grid[0] * grid[1]))
    matrix.sort_indices()
    return matrix


def _window(frequency: NDArray[np.float32], size: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give the window's values at the grid points around each frequency, and these points: two arrays (points, 6)."""
    from scipy.special import i0

    place = frequency.astype(np.float64) * (size / (2 * math.pi))
    points = np.ceil(place - SPREAD / 2).astype(np.int64)[:, None] + np.arange(SPREAD)
    offset = (place[:, None] - points) * (2 / SPREAD)
    return i0(SHAPE * np.sqrt(np.clip(1 - offset**2, 0, None))), points % size


def _window_transform(size: int, grid: int) -> NDArray[np.float64]:
    """Fourier transform of the window at the pixels of an axis, counted from the middle (rounded down)."""
    frequency = (np.arange(size) - size // 2) / grid
    root = np.sqrt(SHAPE**2 - (math.pi * SPREAD * frequency) ** 2)
    return np.asarray(SPREAD * np.sinh(root) / root)


def _fast_length(size: int) -> int:
    """Give a length, at least ``size`` and the window's, whose FFT is fast."""
    from scipy.fft import next_fast_len

    return int(next_fast_len(max(size, SPREAD)))


def _sparse(matrix: Any, device: torch.device) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        first, column, value = (torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data))
        return torch.sparse_csr_tensor(first, column, value, matrix.shape, check_invariants=False).to(device)


def _matmul(matrix: Tensor, rows: Tensor) -> Tensor:
    """Multiply a real sparse matrix (M, N) with each of B complex vectors (B, N): complex (B, M)."""
    columns = torch.view_as_real(rows).transpose(0, 1).flatten(1)
    product = (matrix @ columns).reshape(-1, len(rows), 2).transpose(0, 1)
    return torch.view_as_complex(product.contiguous())


@lru_cache(maxsize=4)
def torch_beam(height: int, width: int, device: torch.device) -> TorchBeam:
    """Give the scanner for images of one size on one device; the last few are kept, with their matrices."""
    return TorchBeam(height, width, device)
