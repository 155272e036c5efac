"""A panel of a picture grid: an image without axes, and outlines on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..picture import Picture
from .style import ModelStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOLID: tuple[float, tuple[float, ...]] = (0.0, ())
LARGEST_SIDE = 256
"""Images are shrunk to this many pixels: a panel is little more than an inch wide."""


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
    height, width = image.shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.set_axis_off()
    levels = eight_bits(image, largest_side)
    axes.imshow(levels, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none")
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])


def draw_missing(axes: Axes) -> None:
    """Say that there is no image."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, "no picture", ha="center", va="center", fontsize=6, transform=axes.transAxes)


def draw_outlines(axes: Axes, picture: Picture, styles: Mapping[str, ModelStyle]) -> None:
    """Draw the truth's outline, then the models' in their styles."""
    draw_truth(axes, picture.truth)
    for model, style in styles.items():
        if model in picture.predictions:
            draw_outline(axes, picture.predictions[model], on_grey(style.colour), 1.0, style.linestyle)


def draw_truth(axes: Axes, truth: NDArray[np.bool_], *, width: float = 1.3) -> None:
    """Draw the truth's outline: white on a black casing, visible on every image."""
    draw_outline(axes, truth, "#000000", 1.7 * width, SOLID)
    draw_outline(axes, truth, "#FFFFFF", width, SOLID)


def draw_outline(
    axes: Axes, mask: NDArray[np.bool_], colour: str, width: float, linestyle: tuple[float, tuple[float, ...]]
) -> None:
    """Draw the outline of a mask (H, W) between its pixels; nothing for an empty one."""
    if not np.any(mask):
        return
    # The border of zeros closes outlines that run into the image's edge.
    padded = np.pad(np.asarray(mask, dtype=np.uint8), 1)
    rows, columns = (np.arange(-1, size + 1) for size in mask.shape)
    limits = axes.get_xlim(), axes.get_ylim()
    contour = axes.contour(columns, rows, padded, levels=[0.5], colors=[colour], linewidths=width)
    contour.set_linestyle(linestyle)
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


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
