"""Metal in a CT: rays through an implant harden and starve, and streaks run from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import add_changes
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator
from .attenuation import AttenuationScale, attenuation_scale
from .exposure import ray_share
from .parallel_beam import ParallelBeam, parallel_beam
from .photon_counts import COUNT_FLOOR, ELECTRONIC_VARIANCE
from .spectrum import polychromatic, water_corrected

TISSUE = 0.8
"""Attenuation over that of water from which a pixel may hold metal: -200 HU, so all of the body but the lung."""


@dataclass(frozen=True)
class Piece:
    """An elliptic piece of metal; lengths in pixels.

    Parameters
    ----------
    y, x
        Its centre, from the image's.
    long, short
        Its half axes.
    tilt
        Angle of the long half axis, from increasing column towards increasing row, in radians.
    """

    y: float
    x: float
    long: float
    short: float
    tilt: float


def place_pieces(
    generator: np.random.Generator, attenuation: NDArray[np.float32], scale: AttenuationScale, size: float
) -> list[Piece]:
    """Draw one piece of metal or two inside the body.

    Parameters
    ----------
    generator
        Decides on their number, places, widths (0.4 to 1 times the length) and tilts.
    attenuation
        float32 of shape (H, W): attenuation per pixel. The centres lie in the largest connected region of
        at least :data:`TISSUE` times water, evenly over its area; anywhere in an image without such a region.
    scale
        The image's scale.
    size
        Length of a piece in millimetres.
    """
    from scipy.ndimage import label

    regions, count = label(attenuation >= TISSUE * scale.water)
    if count:
        regions = regions == 1 + np.argmax(np.bincount(regions.ravel())[1:])
    inside = np.flatnonzero(regions) if count else np.arange(regions.size)
    height, width = attenuation.shape
    half = size / float(scale.pixel_size_mm) / 2
    pieces = []
    for _ in range(int(generator.integers(1, 3))):
        row, column = divmod(int(inside[int(generator.random() * inside.size)]), width)
        off_y, off_x = generator.uniform(-0.5, 0.5, 2)
        y, x = row - (height - 1) / 2 + off_y, column - (width - 1) / 2 + off_x
        pieces.append(Piece(y, x, half, half * generator.uniform(0.4, 1.0), generator.uniform(0.0, math.pi)))
    return pieces


def chords(scanner: ParallelBeam, piece: Piece) -> NDArray[np.float64]:
    """Give the mean length of each ray inside a piece: the ellipse's Radon transform, averaged over a bin exactly.

    At distance s from the centre's ray an ellipse with half axes a and b has the chord 2 a b sqrt(w^2 - s^2) / w^2,
    with w the half width of its shadow (Kak and Slaney 1988, section 3.1); its integral over s is known.

    Parameters
    ----------
    scanner
        The scanner.
    piece
        The piece.

    Returns
    -------
    numpy.ndarray
        float64 of shape (views, bins), in pixels.
    """
    theta = np.arange(scanner.views)[:, None] * (math.pi / scanner.views)
    centre = piece.x * np.cos(theta) + piece.y * np.sin(theta)
    shadow = np.hypot(piece.long * np.cos(theta - piece.tilt), piece.short * np.sin(theta - piece.tilt))
    edges = np.arange(scanner.bins + 1) - scanner.bins / 2 - centre
    ratio = np.clip(edges / shadow, -1, 1)
    # Integral of 2 sqrt(1 - r^2) over r; at both ends of the shadow it is flat.
    area = piece.long * piece.short * (ratio * np.sqrt(1 - ratio**2) + np.arcsin(ratio))
    return np.asarray(np.diff(area, axis=1))


def measure_through_metal(
    tissue: NDArray[np.float64],
    metal: NDArray[np.float64],
    photons: float,
    generator: np.random.Generator,
    share: float = 1.0,
) -> NDArray[np.float64]:
    """Measure rays through tissue and metal as a scanner that corrects for water would.

    The spectrum hardens (:func:`~biclip_bench.corruptions.ct.spectrum.polychromatic`), and of the expected count
    m = photons exp(-p') the reading has a standard deviation that grows from 0 without metal: the noise that the
    same ray has behind the tissue alone, (m_0 + v) (m / m_0)^2 with the electronic variance v, is taken off its
    variance m + v, for it is in the clean image already (noise insertion as in Yu et al., 2012). Counts are normally
    distributed and have a floor, as in ``low-dose-ct``. Then the scanner's water correction is applied.

    Parameters
    ----------
    tissue, metal
        Line integrals of both, at least 0, of one shape.
    photons
        Photons sent along each reference ray.
    generator
        Source of one normal number a ray.
    share
        Share of each ray in a reference ray: of its photons, its electronic variance and its lowest count.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape: the line integrals that are reconstructed.
    """
    sent, electronic, floor = photons * share, ELECTRONIC_VARIANCE * share, COUNT_FLOOR * share
    measured, alone = polychromatic(tissue, metal), polychromatic(tissue)
    expected, ratio = sent * np.exp(-measured), np.exp(alone - measured)
    known = (sent * np.exp(-alone) + electronic) * ratio**2
    deviation = np.sqrt(np.maximum(expected + electronic - known, 0))
    reading = expected + deviation * generator.standard_normal(expected.shape)
    return water_corrected(math.log(sent) - np.log(np.clip(reading, floor, sent)))


def measured_change(
    sinogram: NDArray[np.float32],
    metal: NDArray[np.float64],
    photons: float,
    generator: np.random.Generator,
    share: float = 1.0,
) -> NDArray[np.float32]:
    """Give what metal changes in a sinogram: 0 in every ray beside it.

    Parameters
    ----------
    sinogram
        float32 of shape (views, bins): line integrals of the tissue.
    metal
        float64 of the same shape: those of the metal, at least 0.
    photons, generator, share
        As for :func:`measure_through_metal`.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape.
    """
    hit = metal > 0
    tissue = np.maximum(sinogram[hit], 0).astype(np.float64)
    change = np.zeros(metal.shape, dtype=np.float32)
    change[hit] = measure_through_metal(tissue, metal[hit], photons, generator, share) - tissue
    return change


@register_corruption(
    "ct-metal",
    family="metal",
    stage="beam",
    modalities=["ct"],
    summary="One or two pieces of metal in the body harden the beam and starve the detector: streaks run from them.",
    parameters={
        "size": Parameter("mm: length of a piece", 0.1, 100),
        "attenuation": Parameter("times that of water, in a thin layer", 1, 200),
        "photons": Parameter("photons per ray at 360 mm over 224 px", 100, 1e9, default=1e5),
    },
    levels=[
        {"size": 5.0, "attenuation": 30.0},
        {"size": 8.0, "attenuation": 45.0},
        {"size": 11.0, "attenuation": 60.0},
        {"size": 14.0, "attenuation": 70.0},
        {"size": 18.0, "attenuation": 80.0},
    ],
    source="Polychromatic Beer-Lambert with the energy dependence of iron (NISTIR 5632), counting noise, water "
    "correction, parallel-beam filtered back-projection (hann).",
)
def ct_metal(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Put one or two pieces of metal at random places into the body, and reconstruct what the scanner measures.

    The pieces are ellipses, such as a clip or a screw; their shadows are exact, also where a piece is smaller than a
    pixel. Rays through metal are measured by :func:`measure_through_metal`: too
    few photons of too high an energy, so that they see too little metal, the more the longer their way through it.
    Their inconsistency with the other rays gives dark bands along a piece's long axis and between two pieces, bright
    ones across, and the noise of the starved rays fine streaks. All other rays are left exactly as they are.
    The change of the sinogram is reconstructed and added, the metal itself included; the Hann window keeps edges of
    such contrast from ringing over the whole slice.

    Without a scale or a pixel size in the context, a lung window and a field of view of 360 mm are taken, as in
    ``low-dose-ct``. Images on another device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Of a colour image the mean of the channels is
        corrupted and the change added to each.
    level
        ``size`` in millimetres, ``attenuation`` relative to water (titanium about 32, iron 89) and ``photons``.
    seeds
        One integer a case.
    contexts
        One a case.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    scanner = parallel_beam(*images.shape[-2:])

    def change(image: NDArray[np.float32], seed: int, context: ImageContext) -> NDArray[np.float32]:
        scale = attenuation_scale(context, image.shape)
        generator = case_generator(seed)
        attenuation = scale.attenuation(image)
        pieces = place_pieces(generator, attenuation, scale, level["size"])
        metal = np.sum([chords(scanner, piece) for piece in pieces], axis=0) * (level["attenuation"] * scale.water)
        share = ray_share(float(scale.pixel_size_mm), scanner.views)
        added = measured_change(scanner.project(attenuation), metal, level["photons"], generator, share)
        return scale.grey_values(scanner.reconstruct(added, "hann"))

    return add_changes(images, seeds, contexts, change)
