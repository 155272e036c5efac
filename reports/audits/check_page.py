"""The page of a data check: every kind of finding with pictures of the cases, in one file that needs nothing else."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..figures.panel import eight_bits
from ..page.html import render_page
from ..page.page_figures import data_address
from .check import CheckPicture, KindOfFinding, counted

MOST_MESSAGES = 100
"""Messages of a kind that the page lists."""

LARGEST_SIDE = 224
"""Pixels of a picture's longer side: a larger image is shrunk by averaging."""

JPEG_QUALITY = 75
"""Gives about 10 kB for a radiograph and 45 kB for a histology slide full of outlines."""

_OUTLINE = (240, 228, 66)
_CASING = (0, 0, 0)


def check_page(dataset: str, facts: Mapping[str, str], kinds: Sequence[KindOfFinding]) -> str:
    """Write the page.

    No script, no address outside the file (a content policy in its head forbids any request), everything that came
    from users escaped.

    Parameters
    ----------
    dataset
        Name of the data set.
    facts
        What was checked, by name: folder, numbers of cases.
    kinds
        The findings, errors first; their pictures are shown with the mask's outline and the text.

    Returns
    -------
    str
        HTML.
    """
    shown = [
        {
            "finding": kind,
            "listed": kind.messages[:MOST_MESSAGES],
            "pictures": [(picture, data_address("image/jpeg", outlined_jpeg(picture))) for picture in kind.pictures],
        }
        for kind in kinds
    ]
    return render_page("check.html.j2", dataset=dataset, facts=facts, kinds=shown, counted=counted(kinds))


def outlined_jpeg(picture: CheckPicture) -> bytes:
    """Draw a picture with its mask's outline, yellow with a black line outside it, as JPEG."""
    from PIL import Image

    levels = eight_bits(picture.image, LARGEST_SIDE)
    coloured = np.repeat(levels[..., None], 3, axis=-1) if levels.ndim == 2 else levels.copy()
    if picture.mask is not None:
        _outline(coloured, picture.mask)
    target = io.BytesIO()
    Image.fromarray(coloured).save(target, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return target.getvalue()


def _outline(coloured: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Draw the outline of a mask (H, W) into an image (h, w, 3) that may be smaller."""
    from PIL import Image
    from scipy import ndimage

    height, width = coloured.shape[:2]
    shrunk = Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
    inside = np.asarray(shrunk) > 127
    # Pixels beyond the image count as lesion: no line along the image's edge hides it.
    coloured[inside & ~ndimage.binary_erosion(inside, border_value=1)] = _OUTLINE
    coloured[ndimage.binary_dilation(inside) & ~inside] = _CASING
