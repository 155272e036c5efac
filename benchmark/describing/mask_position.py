"""Where a mask lies, coarsely: three rows and two columns of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 3, 2
"""Upper, middle and lower third; left and right half as the viewer sees them: what the reports of lungs name."""

OCCUPIED = 0.1
"""Share of the lesion's pixels from which on a cell counts as occupied: a rim that crosses a border does not."""


def cell_shares(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of a mask's (H, W) lesion in each cell, shape (3, 2); all 0 of an empty mask."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    cells = (rows * ROWS // height) * COLUMNS + columns * COLUMNS // width
    counts = np.bincount(cells, minlength=ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    return counts / max(1, len(rows))


def occupied_cells(mask: NDArray[np.bool_]) -> str:
    """Name the cells that a mask occupies: six characters, row by row, 1 for those with a tenth of the lesion."""
    return "".join("1" if share >= OCCUPIED else "0" for share in cell_shares(mask).ravel())


def centroid_cell(mask: NDArray[np.bool_]) -> int:
    """Number the cell in which the mask's centre of mass lies, row by row from 1; 0 of an empty mask."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 0
    # Pixels are squares: the centre of the first lies half a pixel from the edge.
    row, column = (rows.mean() + 0.5) / height, (columns.mean() + 0.5) / width
    return int(row * ROWS) * COLUMNS + int(column * COLUMNS) + 1
