"""Every case of a data set looked at once: the size of its image, and where its mask lies."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.base import Dataset
from .mask_position import centroid_cell, occupied_cells
from .text_yardstick import shrink


@dataclass(frozen=True, eq=False)
class CaseFacts:
    """What a case looks like.

    Parameters
    ----------
    height, width, channels
        Of its image.
    cells, centroid
        Where its mask lies: :func:`~.mask_position.occupied_cells` and :func:`~.mask_position.centroid_cell`.
    grid
        Its mask on the coarse grid, uint8 of :func:`~.text_yardstick.shrink`.
    packed
        A test case's mask, eight pixels a byte; None for other parts.
    """

    height: int
    width: int
    channels: int
    cells: str
    centroid: int
    grid: NDArray[np.uint8]
    packed: NDArray[np.uint8] | None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """A test case's mask (H, W)."""
        if self.packed is None:
            raise ValueError("Only test cases keep their mask.")
        pixels = np.unpackbits(self.packed, count=self.height * self.width)
        return pixels.reshape(self.height, self.width).astype(bool)


def case_facts(dataset: Dataset) -> list[CaseFacts]:
    """Look at every case, in the order of the data set's index."""

    def look(case: str, part: str) -> CaseFacts:
        loaded = dataset.load(case)
        channels, height, width = loaded.image.shape
        return CaseFacts(
            height=height,
            width=width,
            channels=channels,
            cells=occupied_cells(loaded.mask),
            centroid=centroid_cell(loaded.mask),
            grid=shrink(loaded.mask),
            packed=np.packbits(loaded.mask) if part == "test" else None,
        )

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(look, dataset.index["case"], dataset.index["part"]))
