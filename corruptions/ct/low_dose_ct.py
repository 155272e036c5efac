"""Low-dose CT: quantum and electronic noise in the projections, seen in the reconstructed slice."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator
from .parallel_beam import Kernel, ParallelBeam, parallel_beam
from .photon_counts import measured_line_integrals

PHOTONS_PER_RAY = 1e5
"""Photons sent along each ray at the full dose (dose fraction 1)."""

WATER_ATTENUATION = 0.0192
"""Linear attenuation coefficient of water at about 70 keV, per millimetre."""

LUNG_WINDOW = (-1350.0, 150.0)
"""Hounsfield units of the values 0 and 1 of an image without a known scale: centre -600, width 1500."""

FIELD_OF_VIEW_MM = 360.0
"""Longer side, in millimetres, of an image without a known pixel size."""

RECONSTRUCTION_KERNEL: Kernel = "ram-lak"
"""A slice resampled for a network has coarser pixels than the scanner's kernel resolves: the ramp needs no window."""


@register_corruption(
    "low-dose-ct",
    family="quantum-noise",
    stage="detector",
    modalities=["ct"],
    summary="The slice is reconstructed from projections with fewer photons and the same electronic noise.",
    parameters={"dose": Parameter(f"fraction of {PHOTONS_PER_RAY:,.0f} photons per ray", 1e-4, 1e6)},
    levels=[{"dose": 0.5}, {"dose": 0.25}, {"dose": 0.1}, {"dose": 0.05}, {"dose": 0.025}],
    source="Beer-Lambert, Poisson counts with electronic noise, parallel-beam filtered back-projection (ram-lak); "
    "25% is the AAPM Low Dose CT Grand Challenge, 10-20% a screening protocol, 2-5% an ultra-low-dose chest CT.",
)
def low_dose_ct(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add the noise that a CT slice would have, had it been taken with a fraction of the dose.

    The values become Hounsfield units by the context's ``hu_range``, then attenuation per millimetre,
    mu = 0.0192 (1 + HU / 1000), never negative; then line integrals, photon counts with noise, line
    integrals again. What changed in the line integrals is reconstructed and added to the image. Since reconstruction is
    linear, this is the reconstruction of the noisy sinogram minus that of the clean one: the image keeps its own
    sharpness, so that a score measures the noise and not the reprojection. The bias of the logarithm and the
    streaks of photon starvation are in it.

    Where the context says nothing, a stated guess stands in: no ``hu_range`` (an 8-bit picture, a
    radiograph), the lung window (-1350, 150), whose values outside are lost; no ``pixel_size_mm``, a
    field of view of 360 mm along the longer side. A radiograph is treated as if it were such a slice: the result has
    CT noise, which is not the noise of a projection. Outside the image, a non-square one included, is air.

    The photons are counted per ray, and rays are as many as the image's grid asks for: at the same severity the
    noise's standard deviation in HU grows with the square root of the image's side in pixels.

    Images on another device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Channels that are equal stay equal; in a colour
        image the mean of the channels is corrupted and the change added to each.
    level
        ``dose``, the fraction of :data:`PHOTONS_PER_RAY`.
    seeds
        One integer a case.
    contexts
        One a case.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    pixels = images.detach().cpu().numpy()
    scanner = parallel_beam(*pixels.shape[-2:])
    photons = PHOTONS_PER_RAY * level["dose"]

    def corrupted(case: int) -> NDArray[np.float32]:
        change = noise_image(_grey(pixels[case]), photons, seeds[case], contexts[case], scanner)
        return np.asarray(np.clip(pixels[case] + change, 0, 1))

    cases = range(len(pixels))
    threads = min(torch.get_num_threads(), len(pixels))
    if threads > 1:
        # A pool a call: one that outlives it would be dead, and waited for, in a forked data-loading worker.
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(corrupted, cases))
    else:
        results = [corrupted(case) for case in cases]
    return torch.from_numpy(np.stack(results)).to(images.device)


def noise_image(
    image: NDArray[np.float32], photons: float, seed: int, context: ImageContext, scanner: ParallelBeam
) -> NDArray[np.float32]:
    """Compute what a limited number of photons changes in one reconstructed slice.

    Parameters
    ----------
    image
        float32 of shape (H, W) in [0, 1].
    photons
        Photons sent along each ray.
    seed
        Seed of the case's randomness.
    context
        What the values mean.
    scanner
        The scanner for images of this size.

    Returns
    -------
    numpy.ndarray
        float32 of shape (H, W), in the image's own scale; not clipped.
    """
    low, high = context.hu_range or LUNG_WINDOW
    pixel_size = context.pixel_size_mm or FIELD_OF_VIEW_MM / max(image.shape)
    hounsfield = np.float32(low) + np.float32(high - low) * image
    water_per_pixel = WATER_ATTENUATION * pixel_size
    # Below -1000 HU there is nothing left to attenuate: such values are padding or the window's lower end.
    attenuation = np.maximum(1 + hounsfield / 1000, 0) * np.float32(water_per_pixel)
    line_integrals = scanner.project(attenuation)
    noise = measured_line_integrals(line_integrals, photons, case_generator(seed)) - line_integrals
    hounsfield_per_attenuation = 1000 / water_per_pixel
    change = scanner.reconstruct(noise, RECONSTRUCTION_KERNEL)
    return np.asarray(change * np.float32(hounsfield_per_attenuation / (high - low)))


def _grey(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reduce (C, H, W) to (H, W); a grey image with repeated channels to exactly one of them."""
    equal = bool((image == image[:1]).all())
    return np.asarray(image[0] if equal else image.mean(axis=0), dtype=np.float32)
