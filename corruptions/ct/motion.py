"""Motion in a CT: the subject moves between the projections."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import add_changes
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator
from .attenuation import attenuation_scale
from .object_motion import ObjectMotion, centred, sinogram_change
from .parallel_beam import parallel_beam

LEVER_MM = 150.0
"""Distance from the centre, in millimetres, at which the largest rotation of a jerk moves a point by the amplitude."""

LONGEST_JERK = 0.2
"""Longest duration of a jerk, as a share of the scan."""

CHEST_DEPTH_MM = 200.0
"""Distance, in millimetres, between the back, which lies still, and the front wall that breathing lifts."""

LATERAL_SHARE = 0.25
"""Sideways strain of the chest over its front-to-back strain: ribs lift the breastbone more than they swing out."""


def jerk(generator: np.random.Generator, views: int, amplitude: float, pixel_size_mm: float) -> ObjectMotion:
    """Draw a rigid motion: at a moment of the scan the subject shifts and turns, and stays there.

    Parameters
    ----------
    generator
        Decides on the moment (the middle half of the scan), the duration (up to :data:`LONGEST_JERK`), the direction
        of the shift (any), the turn (up to amplitude / :data:`LEVER_MM` radians either way) and the view at which the
        scan begins.
    views
        Views of the scanner.
    amplitude
        Length of the shift in millimetres.
    pixel_size_mm
        Side of a pixel in millimetres.
    """
    time = _scan_time(generator, views)
    moment, duration = generator.uniform(0.25, 0.75), generator.uniform(0.0, LONGEST_JERK)
    direction, turn = generator.uniform(0.0, 2 * math.pi), generator.uniform(-1.0, 1.0)
    passed = np.clip((time - moment) / max(duration, 1e-6) + 0.5, 0, 1)
    course = passed**2 * (3 - 2 * passed)  # starts and stops gently
    shifts = course[:, None] * (amplitude / pixel_size_mm) * np.array([math.sin(direction), math.cos(direction)])
    angle = turn * (amplitude / LEVER_MM) * (course - course.mean())
    cosine, sine = np.cos(angle), np.sin(angle)
    maps = np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)
    return ObjectMotion(maps, centred(shifts))


def breathing(
    generator: np.random.Generator, views: int, amplitude: float, breaths: float, pixel_size_mm: float
) -> ObjectMotion:
    """Draw a breathing motion: the front of the chest rises and falls like a sine, the back lies still.

    The chest is stretched from front (the image's top) to back by amplitude / :data:`CHEST_DEPTH_MM` from one end of
    the breath to the other, and sideways by :data:`LATERAL_SHARE` of that.

    Parameters
    ----------
    generator
        Decides on the phase and on the view at which the scan begins.
    views
        Views of the scanner.
    amplitude
        Distance in millimetres between the front wall's highest and lowest place.
    breaths
        Breaths during the scan.
    pixel_size_mm
        Side of a pixel in millimetres.
    """
    time = _scan_time(generator, views)
    course = np.sin(2 * math.pi * (breaths * time + generator.uniform(0.0, 1.0))) / 2
    course -= course.mean()
    strain = course * (amplitude / CHEST_DEPTH_MM)
    maps = np.zeros((views, 2, 2))
    maps[:, 0, 0], maps[:, 1, 1] = 1 + strain, 1 + LATERAL_SHARE * strain
    # The back, at depth / 2 below the centre, stays: its stretch is taken back by a shift to the front.
    shifts = np.stack([-course * (amplitude / pixel_size_mm) / 2, np.zeros(views)], axis=1)
    return ObjectMotion(maps, centred(shifts))


def _scan_time(generator: np.random.Generator, views: int) -> NDArray[np.float64]:
    """Give the moment at which each view is taken, in shares of a scan that begins at a random view."""
    return np.asarray((np.arange(views) - generator.integers(views)) % views / views)


@register_corruption(
    "ct-motion",
    family="ct-motion",
    stage="subject",
    modalities=["ct"],
    summary="The subject moves between the projections, and the slice is reconstructed as if it had lain still.",
    parameters={
        "amplitude": Parameter("mm: length of a jerk, or way of the front chest wall in a breath", 0, 50),
        "kind": Parameter(
            "a jerk, breathing, or one of them drawn for each case",
            default="mixed",
            choices=("mixed", "rigid", "breathing"),
        ),
        "breaths": Parameter("breaths during the scan", 0.05, 30, default=1.0),
    },
    levels=[{"amplitude": 1.0}, {"amplitude": 2.0}, {"amplitude": 4.0}, {"amplitude": 8.0}, {"amplitude": 16.0}],
    source="Affine motion in the projection-slice theorem, parallel-beam filtered back-projection (ram-lak); "
    "breathing moves the chest by 5 to 20 mm.",
)
def ct_motion(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add the streaks and double contours of a subject that moves during the scan.

    Every view of half a turn sees the object at another place: see :func:`jerk`, :func:`breathing` and
    :func:`~biclip_bench.corruptions.ct.object_motion.sinogram_change`. What the motion changes in the sinogram is
    reconstructed and added to the image, so that without motion the image is what it was. The object is placed
    so that it appears, on the average over directions, where it was: a mask drawn on the clean image stays the truth.

    The object is the whole slice, a table in it included. It moves in the plane of the slice: what breathing
    brings in from the neighbouring slices is not modelled. Between the ends of the scan the motion jumps, as in a
    real scan of half a turn.

    Without a scale or a pixel size in the context, a lung window and a field of view of 360 mm are taken, as in
    ``low-dose-ct``. Images on another device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Of a colour image the mean of the channels is
        corrupted and the change added to each.
    level
        ``amplitude`` in millimetres, ``kind`` and ``breaths``.
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
    amplitude, kind = level["amplitude"], level["kind"]

    def change(image: NDArray[np.float32], seed: int, context: ImageContext) -> NDArray[np.float32]:
        scale = attenuation_scale(context, image.shape)
        pixel_size_mm, generator = float(scale.pixel_size_mm), case_generator(seed)
        drawn = "rigid" if generator.random() < 0.5 else "breathing"
        if (drawn if kind == "mixed" else kind) == "rigid":
            motion = jerk(generator, scanner.views, amplitude, pixel_size_mm)
        else:
            motion = breathing(generator, scanner.views, amplitude, level["breaths"], pixel_size_mm)
        added = sinogram_change(scanner, scale.attenuation(image), motion)
        return scale.grey_values(scanner.reconstruct(added, "ram-lak"))

    return add_changes(images, seeds, contexts, change)
