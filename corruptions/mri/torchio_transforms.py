"""Artefacts of MR acquisition, computed by TorchIO in k-space: ghosting, spikes, bias field and motion.

TorchIO (Perez-Garcia et al. 2021, Comput Methods Programs Biomed 208:106236) has for each artefact a random transform,
which draws from PyTorch's global generator, and a deterministic one. Here the parameters are drawn from the case's own
generator and given to the deterministic one.

A 2-D image becomes a volume of one sagittal plane, (1, 1, H, W): TorchIO's axis 1 are the rows, 2 the columns. In a
volume of (1, H, W, 1) TorchIO's motion would find a single line of k-space. The world's origin is the image's centre,
because that motion turns about the origin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..image.motion import REFERENCE_SIDE
from ..per_image import Image, corrupt_each, is_grey
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator

GHOSTS = (4, 10)
"""Fewest and most ghosts, as TorchIO draws them by default."""

BIAS_ORDER = 3
"""Order of the polynomial in the logarithm of the bias field, TorchIO's default."""

TIME_JITTER = 0.3
"""How far a movement may lie from its regular time, as a share of the regular interval; as in TorchIO."""

_TORCHIO = "TorchIO (Perez-Garcia et al. 2021, Comput Methods Programs Biomed 208:106236), "

Arguments = Mapping[str, Any]


def run_transform(plane: NDArray[np.float32], name: str, arguments: Arguments) -> NDArray[np.float32]:
    """Apply one of TorchIO's deterministic transforms to one plane.

    Parameters
    ----------
    plane
        float32 of shape (H, W).
    name
        Name of the transform in ``torchio``, such as ``"Ghosting"``.
    arguments
        Its arguments.

    Returns
    -------
    numpy.ndarray
        float32 of shape (H, W); not clipped.
    """
    torchio: Any = import_module("torchio")  # when first needed: it takes a third of a second
    scan = torchio.ScalarImage(tensor=torch.from_numpy(plane.copy())[None, None], affine=centred_affine(plane.shape))
    # Calling the transform would draw from PyTorch's global generator, to decide whether to apply it at all.
    transformed = getattr(torchio, name)(**arguments).apply_transform(torchio.Subject(scan=scan))
    return np.asarray(transformed["scan"].data[0, 0].numpy())


def centred_affine(shape: Sequence[int]) -> NDArray[np.float64]:
    """Give the voxel-to-world matrix of a (1, H, W) volume of unit voxels with its centre at the origin."""
    affine = np.eye(4)
    affine[1:3, 3] = [-(side - 1) / 2 for side in shape]
    return affine


def _corrupt(images: Tensor, seeds: Sequence[int], corrupt_plane: Callable[[NDArray[np.float32], int], Any]) -> Tensor:
    def corrupt_one(image: Image, seed: int) -> Image:
        if is_grey(image):
            return np.broadcast_to(corrupt_plane(image[0], seed), image.shape)
        return np.stack([corrupt_plane(channel, seed) for channel in image])

    return corrupt_each(images, seeds, corrupt_one)


def draw_ghosting(level: Level, seed: int) -> dict[str, Any]:
    """Draw the arguments of ``torchio.Ghosting``: the number of ghosts, and the phase-encoding axis."""
    generator = case_generator(seed)
    ghosts, axis = int(generator.integers(GHOSTS[0], GHOSTS[1] + 1)), int(generator.integers(1, 3))
    return {"num_ghosts": ghosts, "axis": axis, "intensity": level["intensity"], "restore": None}


@register_corruption(
    "torchio-ghosting",
    family="ghosting",
    stage="detector",
    modalities=["mr"],
    summary="Periodic movement (breathing, pulse) in an MR acquisition repeats the image along the phase direction.",
    parameters={"intensity": Parameter("share of the signal lost in every n-th line of k-space", 0, 2)},
    levels=[{"intensity": value} for value in (0.3, 0.5, 0.7, 0.9, 1.2)],
    source=_TORCHIO + "Ghosting with the number of ghosts from 4 to 10 as RandomGhosting.",
)
def ghosting(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Weaken every n-th line of k-space by 1 - intensity: the image has n ghosts along the phase-encoding axis.

    The physics is that of MRI: with lines at a period of n, each of the n - 1 ghosts is the image moved by a multiple
    of 1/n of the field of view, with amplitude intensity / n; the central line of k-space stays. n is uniform
    from 4 to 10, the axis one of both. Along an axis of one pixel nothing can repeat, and the image stays.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``intensity``, without unit; above 1 the sign of the lines is turned.
    seeds
        One integer a case.
    contexts
        Not used: any image is treated as if it were a magnetic resonance image.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    return _corrupt(images, seeds, lambda plane, seed: run_transform(plane, "Ghosting", draw_ghosting(level, seed)))


def draw_spike(level: Level, seed: int) -> dict[str, Any]:
    """Draw the arguments of ``torchio.Spike``: the place of one spike, as shares of the sides of k-space."""
    places = np.array([[0.0, *case_generator(seed).random(2)]])
    return {"spikes_positions": places, "intensity": level["intensity"]}


@register_corruption(
    "torchio-spike",
    family="spike",
    stage="detector",
    modalities=["mr"],
    summary="A spark during an MR acquisition spoils one sample of k-space: stripes over the whole image.",
    parameters={"intensity": Parameter("height of the spike, as a share of the largest value of k-space", 0, 10)},
    levels=[{"intensity": value} for value in (0.03, 0.06, 0.11, 0.19, 0.32)],
    source=_TORCHIO + "Spike with one spike as RandomSpike, whose intensity of 1 to 3 leaves little to see.",
)
def spike(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add a spike at one place of k-space: y = x + intensity max|X| cos(2 pi (u c / W + v r / H)) / (H W).

    The physics is that of MRI ("herringbone" or "corduroy" artefact). The largest value of k-space is that at its
    centre, H W times the image's mean, so the stripes have an amplitude of intensity times the mean. The
    spike's place (u, v) is uniform over k-space; at the centre itself it brightens the image, and k-space of
    a 1 x 1 image has only its centre.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``intensity``, without unit.
    seeds
        One integer a case.
    contexts
        Not used: any image is treated as if it were a magnetic resonance image.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    return _corrupt(images, seeds, lambda plane, seed: run_transform(plane, "Spike", draw_spike(level, seed)))


def draw_bias_field(level: Level, seed: int) -> dict[str, Any]:
    """Draw the arguments of ``torchio.BiasField``: the coefficients of the polynomial, of which 9 lie in the plane."""
    orders = range(BIAS_ORDER + 1)
    in_plane = sum(BIAS_ORDER + 1 - row_order for row_order in orders) - 1
    drawn = case_generator(seed).uniform(-1, 1, in_plane)
    drawn *= level["coefficient"] / np.sqrt(np.mean(drawn**2))
    # TorchIO's first axis has one plane, and its terms, which come last, are zero there.
    across = math.comb(BIAS_ORDER + 3, 3) - 1 - in_plane
    return {"order": BIAS_ORDER, "coefficients": [0.0, *drawn.tolist(), *[0.0] * across]}


@register_corruption(
    "torchio-bias-field",
    family="bias-field",
    stage="detector",
    modalities=["mr"],
    summary="An MR coil receives more from one side than from the other: smooth shading over the image.",
    parameters={"coefficient": Parameter("root mean square of the coefficients of the field's logarithm", 0, 10)},
    levels=[{"coefficient": value} for value in (0.08, 0.14, 0.22, 0.32, 0.45)],
    source=_TORCHIO + "BiasField of order 3; RandomBiasField draws up to 0.5, a root mean square of 0.29. The model is "
    "that of Van Leemput et al. 1999, IEEE Trans Med Imaging 18:885-896.",
)
def bias_field(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Multiply by a smooth field: y = x exp(sum of a_jk u^j v^k over 1 <= j + k <= 3), clipped to [0, 1].

    The physics is that of MRI: the sensitivity of the receiving coil. u and v run from -1 to 1 over the image's height
    and width (0 along a side of one pixel). The coefficients are drawn uniformly and scaled to the level's root mean
    square, so that a severity means the same for every case; there is no constant term, because a gain for the whole
    image is no shading and would only clip it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``coefficient``, without unit.
    seeds
        One integer a case.
    contexts
        Not used: any image is treated as if it were a magnetic resonance image.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    return _corrupt(images, seeds, lambda plane, seed: run_transform(plane, "BiasField", draw_bias_field(level, seed)))


def draw_motion(level: Level, seed: int, shape: Sequence[int]) -> tuple[bool, dict[str, Any]]:
    """Draw whether the rows are the phase-encoding axis, and the arguments of ``torchio.Motion``.

    Parameters
    ----------
    level
        ``degrees``, ``translation`` and ``movements``.
    seed
        Seed of the case's randomness.
    shape
        Height and width of the image.
    """
    generator = case_generator(seed)
    by_rows, movements = bool(generator.random() < 0.5), round(level["movements"])
    angles = level["degrees"] * generator.choice([-1.0, 1.0], movements)
    directions = generator.uniform(0, 2 * math.pi, movements)
    length = level["translation"] * max(shape) / REFERENCE_SIDE
    nothing = np.zeros(movements)
    interval = 1 / (movements + 1)
    jitter = generator.uniform(-TIME_JITTER, TIME_JITTER, movements)
    return by_rows, {
        "degrees": np.stack([angles, nothing, nothing], axis=1),
        "translation": np.stack([nothing, length * np.cos(directions), length * np.sin(directions)], axis=1),
        "times": (np.arange(1, movements + 1) + jitter) * interval,
        "image_interpolation": "linear",
    }


@register_corruption(
    "torchio-motion",
    family="mr-motion",
    stage="subject",
    modalities=["mr"],
    summary="The patient moves between the lines of an MR acquisition: parts of k-space belong to other positions.",
    parameters={
        "degrees": Parameter("degrees that each movement turns by", 0, 180),
        "translation": Parameter(f"px at a longer side of {REFERENCE_SIDE} px that each movement shifts by", 0, 224),
        "movements": Parameter("number of movements", 1, 50),
    },
    levels=[
        {"degrees": 0.5, "translation": 1.0, "movements": 2},
        {"degrees": 1.0, "translation": 2.0, "movements": 2},
        {"degrees": 1.5, "translation": 3.0, "movements": 4},
        {"degrees": 2.5, "translation": 5.0, "movements": 6},
        {"degrees": 4.0, "translation": 7.0, "movements": 8},
    ],
    source=_TORCHIO + "Motion; RandomMotion moves twice, turns by up to 10 degrees and shifts by up to 10 mm. With two "
    "movements more of either changes little, so the table has more of them. The method is that of Shaw et al. 2019, "
    "MIDL, PMLR 102:427-436.",
)
def mr_motion(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Put k-space together from the image at rest and from rigidly moved copies, one after the other in time.

    The physics is that of MRI: k-space is filled line by line along the phase-encoding axis, one of both; the part that
    holds its centre is that of the image at rest. Each movement turns about the image's centre by exactly
    the level's angle to one side or the other, and shifts by exactly its length in a random direction, so that a
    severity means the same for every case; the movements lie at regular times, give or take 0.3 of an interval. An
    image with one pixel along the phase-encoding axis has one line of k-space, nothing between which to move: it stays.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device; computed on the CPU.
    level
        ``degrees``; ``translation`` in pixels for an image whose longer side has ``REFERENCE_SIDE`` = 224 pixels;
        ``movements``, rounded to an integer.
    seeds
        One integer a case.
    contexts
        Not used: any image is treated as if it were a magnetic resonance image.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """

    def moved(plane: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        by_rows, arguments = draw_motion(level, seed, plane.shape)
        # TorchIO fills k-space along the last axis.
        turned = plane.T if by_rows else plane
        if turned.shape[1] == 1:
            return plane
        result = run_transform(turned, "Motion", arguments)
        return result.T if by_rows else result

    return _corrupt(images, seeds, moved)
