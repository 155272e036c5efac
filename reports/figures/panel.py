"""A panel of a picture grid: an image without axes, outlines on it, and the scores that go below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..picture import Picture
from .style import ModelStyle, small_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOLID: tuple[float, tuple[float, ...]] = (0.0, ())
LARGEST_SIDE = 256
"""Images are shrunk to this many pixels: a panel is little more than an inch wide."""


Outline = tuple[NDArray[np.float32], ...]
"""The closed lines around a mask, each (n, 2): x and y in pixels of the image."""


@dataclass(frozen=True, eq=False)
class Panel:
    """What a panel shows of a picture: much smaller than the picture, so that many can be held at once.

    Parameters
    ----------
    case, text, corruption, severity
        As in :class:`~biclip_bench.reports.picture.Picture`.
    levels
        uint8 of shape (H', W'): the image, shrunk to what is drawn.
    size
        Height and width of the image in pixels.
    truth
        Outline of the truth.
    outlines
        Outline of each model's prediction.
    dice
        Dice of each model's prediction, in [0, 1].
    """

    case: str
    text: str
    corruption: str
    severity: int
    levels: NDArray[np.uint8]
    size: tuple[int, int]
    truth: Outline
    outlines: Mapping[str, Outline]
    dice: Mapping[str, float]


def panel_of(picture: Picture, models: Sequence[str]) -> Panel:
    """Take from a picture what its panel shows of these models; a model without prediction is left out."""
    shown = [model for model in models if model in picture.predictions]
    height, width = picture.image.shape
    return Panel(
        picture.case,
        picture.text,
        picture.corruption,
        picture.severity,
        eight_bits(picture.image, LARGEST_SIDE),
        (height, width),
        outline_of(picture.truth),
        {model: outline_of(picture.predictions[model]) for model in shown},
        {model: picture.dice(model) for model in shown},
    )


def outline_of(mask: NDArray[np.bool_]) -> Outline:
    """Find the lines between the pixels inside and outside a mask (H, W); none for an empty one."""
    from skimage.measure import find_contours

    # The border of zeros closes outlines that run into the image's edge.
    padded = np.pad(np.asarray(mask, dtype=np.uint8), 1)
    lines = find_contours(padded, 0.5)  # type: ignore[no-untyped-call]
    return tuple((line[:, ::-1] - 1).astype(np.float32) for line in lines)


def draw_image(axes: Axes, image: NDArray[np.floating], *, largest_side: int = LARGEST_SIDE) -> None:
    """Fill the axes with an image.

    Parameters
    ----------
    axes
        Of the image's proportions.
    image
        Shape (H, W), or (H, W, 3) in colour, in [0, 1].
    largest_side
        A larger image is shrunk to this many pixels by averaging.
    """
    draw_levels(axes, eight_bits(image, largest_side), (image.shape[0], image.shape[1]))


def draw_levels(axes: Axes, levels: NDArray[np.uint8], size: tuple[int, int]) -> None:
    """Fill the axes with an image of 256 levels that stands for one of ``size`` (height, width) pixels."""
    height, width = size
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.set_axis_off()
    axes.imshow(levels, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none")
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])


def draw_missing(axes: Axes) -> None:
    """Say that there is no image."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, "no picture", ha="center", va="center", fontsize=small_size(), transform=axes.transAxes)


def draw_panel(axes: Axes, panel: Panel, styles: Mapping[str, ModelStyle]) -> None:
    """Draw the image, the truth's outline, then the models' in their styles."""
    draw_levels(axes, panel.levels, panel.size)
    _draw_truth(axes, panel.truth, 1.3)
    for model, style in styles.items():
        if model in panel.outlines:
            _draw_outline(axes, panel.outlines[model], on_grey(style.colour), 1.0, style.linestyle)


def draw_truth(axes: Axes, truth: NDArray[np.bool_], *, width: float = 1.3) -> None:
    """Draw the truth's outline: white on a black casing, visible on every image."""
    _draw_truth(axes, outline_of(truth), width)


def _draw_truth(axes: Axes, truth: Outline, width: float) -> None:
    _draw_outline(axes, truth, "#000000", 1.7 * width, SOLID)
    _draw_outline(axes, truth, "#FFFFFF", width, SOLID)


def _draw_outline(
    axes: Axes, outline: Outline, colour: str, width: float, linestyle: tuple[float, tuple[float, ...]]
) -> None:
    from matplotlib.collections import LineCollection

    if outline:
        lines = LineCollection(outline, colors=[colour], linewidths=width, linestyles=[linestyle])
        axes.add_collection(lines, autolim=False)


def on_grey(colour: str) -> str:
    """Black and deep blue cannot be seen on a dark image: they are yellow and a lighter blue here."""
    return {"#000000": "#F0E442", "#0072B2": "#3D9BE3"}.get(colour, colour)


def eight_bits(image: NDArray[np.floating], largest_side: int) -> NDArray[np.uint8]:
    """Turn [0, 1] into 256 levels, shrunk by averaging where the image is large."""
    levels: NDArray[np.uint8] = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    longest = max(levels.shape[:2])
    if longest <= largest_side:
        return levels
    from PIL import Image

    height, width = (max(1, round(side * largest_side / longest)) for side in levels.shape[:2])
    return np.array(Image.fromarray(levels).resize((width, height), Image.Resampling.BOX), dtype=np.uint8)
