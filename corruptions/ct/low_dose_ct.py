"""Low-dose CT: quantum and electronic noise in the projections, seen in the reconstructed slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biclip_bench.errors import UserError

from ..context import ImageContext
from ..per_image import add_changes
from ..registry import Level, Parameter, Preset, register_corruption
from ..seeding import case_generator
from .attenuation import attenuation_scale, stack_scales
from .exposure import BOWTIE_DIAMETER_MM, PHOTONS_PER_RAY, log_bowtie, log_modulation, log_photons_at_centre, ray_share
from .parallel_beam import ParallelBeam, parallel_beam
from .photon_counts import COUNT_FLOOR, ELECTRONIC_VARIANCE, Detector, measured_line_integrals
from .torch_beam import TorchBeam, torch_beam

BLOCK_ELEMENTS = 2**14
"""On the CPU a sinogram is measured in blocks of views of about this many values, which stay in the cache."""


@register_corruption(
    "low-dose-ct",
    family="quantum-noise",
    stage="detector",
    modalities=["ct"],
    summary="The slice is reconstructed from projections with fewer photons and the same electronic noise.",
    parameters={
        "dose": Parameter(f"fraction of {PHOTONS_PER_RAY:,.0f} photons per ray at 360 mm over 224 px", 1e-4, 1e6),
        "mode": Parameter(
            "insert: noise added to the image; reconstruct: the image reconstructed from what was measured",
            default="insert",
            choices=("insert", "reconstruct"),
        ),
        "kernel": Parameter("window on the ramp filter", default="ram-lak", choices=("ram-lak", "hann")),
        "bowtie": Parameter(
            f"strength of the bowtie filter; 1 equalises {BOWTIE_DIAMETER_MM:g} mm of water", 0, 1, default=0.0
        ),
        "modulation": Parameter("strength of tube-current modulation; 1 is the optimum", 0, 1, default=0.0),
        "source_dose": Parameter(
            "dose fraction at which the images were taken; 0: they are without noise", 0, 1e6, default=0.0
        ),
        "electronic": Parameter(
            "variance of the electronic noise of a reading, counts squared", 0, 1e6, default=ELECTRONIC_VARIANCE
        ),
    },
    levels=[{"dose": 0.5}, {"dose": 0.25}, {"dose": 0.1}, {"dose": 0.05}, {"dose": 0.025}],
    source="Beer-Lambert, Poisson counts with electronic noise, parallel-beam filtered back-projection (ram-lak); "
    "25% is the AAPM Low Dose CT Grand Challenge, 10-20% a screening protocol, 2-5% an ultra-low-dose chest CT.",
    presets={
        "paper": Preset(
            ({"dose": 0.0140}, {"dose": 0.0120}, {"dose": 0.0110}),
            "The BiCLIP paper calls its levels 140, 120 and 110; their unit is not stated in what could be read. Only "
            "these names and their ratios are the paper's: that they are dose fractions, and of 0.0140, 0.0120 and "
            "0.0110, is chosen here. Results are comparable with the paper's in name only.",
        )
    },
    version=2,
)
def low_dose_ct(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Give a CT slice the noise that it would have, had it been taken with a fraction of the dose.

    The values become Hounsfield units by the context's ``hu_range``, then attenuation per millimetre,
    mu = 0.0192 (1 + HU / 1000), never negative; then line integrals, photon counts with noise, line integrals again.
    Mode ``insert``: what changed in the line integrals is reconstructed and added to the image. Since reconstruction is
    linear, this is the reconstruction of the noisy sinogram minus that of the clean one: the image keeps its own
    sharpness, so that a score measures the noise and not the reprojection. Mode ``reconstruct``: the image is the
    reconstruction of the measured line integrals, with filtered back-projection's ringing at edges. The noise
    of both is the same to rounding: the bias of the logarithm and the streaks of photon starvation are in it.

    Dose. The full dose, fraction 1, is 1e5 photons along each ray of a reference geometry: a field of view of 360 mm
    over 224 pixels, so bins of 1.607 mm and 352 views. On another grid a ray gets
    1e5 dose (bin / 1.607 mm) (352 / views) photons, so the patient's exposure is the same however finely the slice is
    stored: finer pixels are noisier, and averaged to 1.607 mm as noisy as pixels of 1.607 mm. The electronic
    variance and the lowest count, 0.1, are shared among rays in the same way. The mean stays within 2 HU until
    photon starvation, which begins where the relative variance of the counts, (N + electronic) / N^2, exceeds half a
    percent: 210 photons at the detector in the reference geometry.

    What a scanner cannot see. Values below -1000 HU (padding, the lower end of a window) attenuate like air, and keep
    their distance below it in both modes. The detector covers the image's diagonal, so the corners are reconstructed
    too; the views suffice for the inscribed circle and leave the corners faint aliasing. Outside the image, a
    non-square one included, is air.

    Where the context says nothing, a stated guess stands in: no ``hu_range`` (an 8-bit picture, a radiograph), the
    lung window (-1350, 150); no ``pixel_size_mm``, a field of view of 360 mm along the longer side. What a window cut
    off when the image was saved is gone: in a lung window bone and contrast agent attenuate like 150 HU, so there is
    less noise behind them than there was. A radiograph is treated as if it were such a slice: the result has CT noise,
    which is not the noise of a projection.

    CUDA tensors are computed where they lie, except for the normal random numbers, drawn on the CPU. The same code on
    CPU tensors agrees with the CPU's own to 0.002 of the noise's standard deviation, in mode ``reconstruct`` to
    0.3 HU besides; on a CUDA device the tests ask for the same tolerance. Tensors on
    any other device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Channels that are equal stay equal; in a colour
        image the mean of the channels is corrupted and the change added to each.
    level
        ``dose``
            Fraction of the full dose.
        ``mode``
            ``"insert"`` or ``"reconstruct"``.
        ``kernel``
            ``"ram-lak"`` or ``"hann"``, see :func:`~biclip_bench.corruptions.ct.beam_geometry.ramp_filter`. A slice
            resampled for a network has coarser pixels than the scanner's kernel resolves: the ramp needs no window.
        ``bowtie``
            0 to 1, see :func:`~biclip_bench.corruptions.ct.exposure.log_bowtie`.
        ``modulation``
            0 to 1, see :func:`~biclip_bench.corruptions.ct.exposure.log_modulation`.
        ``source_dose``
            The dose fraction at which the images themselves were taken: only the noise that is missing between it
            and ``dose`` is added, see :func:`~biclip_bench.corruptions.ct.photon_counts.detector_reading`. At
            ``dose`` = ``source_dose`` nothing is. 0: the images count as noise-free.
        ``electronic``
            Variance of the detector's electronic noise, in counts squared, of a ray of the reference geometry.
    seeds
        One integer a case.
    contexts
        One a case.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].

    Raises
    ------
    UserError
        If ``dose`` exceeds ``source_dose``: noise that is in the images cannot be taken out.
    """
    source = level["source_dose"]
    if source and level["dose"] > source:
        raise UserError(
            f"low-dose-ct has dose={level['dose']:g} and source_dose={source:g}: the images were taken at "
            f"source_dose, so give doses of at most {source:g}."
        )
    if source == level["dose"] and level["mode"] == "insert":
        return images.clone()
    if images.device.type == "cuda":
        return where_they_lie(images, level, seeds, contexts)
    beam = parallel_beam(*images.shape[-2:])
    return add_changes(images, seeds, contexts, lambda image, seed, context: change(image, level, seed, context, beam))


def change(
    image: NDArray[np.float32], level: Level, seed: int, context: ImageContext, scanner: ParallelBeam
) -> NDArray[np.float32]:
    """Compute what a scan at a level's dose changes in one slice.

    Parameters
    ----------
    image
        float32 of shape (H, W) in [0, 1].
    level
        As for :func:`low_dose_ct`.
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
    scale = attenuation_scale(context, image.shape)
    attenuation = scale.attenuation(image)
    sinogram = scanner.project(attenuation)
    share = ray_share(float(scale.pixel_size_mm), scanner.views)
    log_photons = _log_photons(level, float(scale.pixel_size_mm), scanner)
    if level["modulation"]:
        log_photons = log_photons + log_modulation(sinogram, level["modulation"])
    log_photons = np.broadcast_to(log_photons, (scanner.views, log_photons.shape[1]))
    detector = Detector(level["electronic"] * share, COUNT_FLOOR * share, _kept(level))
    generator = case_generator(seed)
    height = max(1, BLOCK_ELEMENTS // scanner.bins)
    for first in range(0, scanner.views, height):
        views = slice(first, first + height)
        block = sinogram[views]
        normals = generator.standard_normal(block.shape, dtype=np.float32)
        measured = measured_line_integrals(block, log_photons[views], normals, detector)
        np.subtract(measured, block if level["mode"] == "insert" else 0, out=block)
    result = scanner.reconstruct(sinogram, level["kernel"])
    if level["mode"] == "reconstruct":
        result -= attenuation
    return scale.grey_values(result)


def where_they_lie(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Compute :func:`low_dose_ct` with PyTorch alone, on the images' own device; the arguments are the same."""
    scanner = torch_beam(*images.shape[-2:], images.device)
    return (images + batch_change(_grey(images), level, seeds, contexts, scanner)[:, None]).clamp_(0, 1)


def batch_change(
    images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext], scanner: TorchBeam
) -> Tensor:
    """Compute what :func:`change` does for a batch of slices on their own device.

    The normal numbers are those of the CPU's chain; only they are made there.

    Parameters
    ----------
    images
        float32 of shape (B, H, W) in [0, 1].
    level, seeds, contexts
        As for :func:`low_dose_ct`.
    scanner
        The scanner for images of this size on their device.

    Returns
    -------
    Tensor
        float32 of shape (B, H, W), in the images' own scales; not clipped.
    """
    device = images.device
    scales = [attenuation_scale(context, tuple(images.shape[-2:])) for context in contexts]
    pixels = [float(scale.pixel_size_mm) for scale in scales]
    shares = torch.tensor([ray_share(pixel, scanner.views) for pixel in pixels], device=device)[:, None, None]
    scale = stack_scales(scales, device)
    attenuation = scale.attenuation(images)
    sinograms = scanner.project(attenuation)
    log_photons = torch.from_numpy(np.stack([_log_photons(level, pixel, scanner) for pixel in pixels])).to(device)
    if level["modulation"]:
        log_photons = log_photons + log_modulation(sinograms, level["modulation"])
    shape = tuple(sinograms.shape[1:])
    draws = np.stack([case_generator(seed).standard_normal(shape, dtype=np.float32) for seed in seeds])
    detector = Detector(level["electronic"] * shares, COUNT_FLOOR * shares, _kept(level))
    measured = measured_line_integrals(sinograms, log_photons, torch.from_numpy(draws).to(device), detector)
    if level["mode"] == "insert":
        return scale.grey_values(scanner.reconstruct(measured - sinograms, level["kernel"]))
    return scale.grey_values(scanner.reconstruct(measured, level["kernel"]) - attenuation)


def _log_photons(level: Level, pixel_size_mm: float, scanner: ParallelBeam | TorchBeam) -> NDArray[np.float32]:
    """Logarithm of the photons along the rays of an unmodulated view: float32 (1, bins), or (1, 1) where all agree."""
    centre = log_photons_at_centre(level["dose"], ray_share(pixel_size_mm, scanner.views))
    bowtie = log_bowtie(scanner.bins, pixel_size_mm, level["bowtie"]) if level["bowtie"] else np.zeros(1, np.float32)
    return (bowtie + np.float32(centre))[None]


def _kept(level: Level) -> float:
    return float(level["dose"] / level["source_dose"]) if level["source_dose"] else 0.0


def _grey(images: Tensor) -> Tensor:
    """Reduce (B, C, H, W) to (B, H, W); a grey image with repeated channels to exactly one of them."""
    equal = (images == images[:, :1]).flatten(1).all(dim=1)[:, None, None]
    return torch.where(equal, images[:, 0], images.mean(dim=1))
