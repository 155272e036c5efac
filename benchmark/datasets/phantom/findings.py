"""What a slice's truth mask says, in the words of a report.

An axial slice has no vertical axis of the body, yet the published reports on CT slices speak of upper, middle and
lower parts of a lung: they are places in the image. Here the zones of a lung are the thirds of its height in the
image: of the rows between its uppermost and its lowest pixel, the first third is the upper zone (towards the
patient's front), the second the middle, the last the lower zone (towards the back).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..report_grammar import ZONES, Findings, Zone
from .lesions import EIGHT_NEIGHBOURS

RIGHT_LUNG, LEFT_LUNG = 1, 2
NAMED_SHARE = 0.2
"""A zone is named if it holds at least this share of an infected area. The fullest zone holds a third or more."""


def read_findings(mask: NDArray[np.bool_], lungs: NDArray[np.uint8]) -> Findings:
    """Count the infected areas and say in which zones of which lung they lie.

    Parameters
    ----------
    mask
        bool (H, W). Its 8-connected components are the infected areas.
    lungs
        uint8 (H, W): 1 in the right, 2 in the left lung.

    Returns
    -------
    Findings
        An area belongs to the lung that holds more of it.
    """
    labels, count = ndimage.label(mask, structure=EIGHT_NEIGHBOURS)
    borders = {lung: _zone_borders(lungs == lung) for lung in (RIGHT_LUNG, LEFT_LUNG)}
    found: dict[int, set[Zone]] = {RIGHT_LUNG: set(), LEFT_LUNG: set()}
    for area in range(1, count + 1):
        rows, columns = np.nonzero(labels == area)
        beneath = lungs[rows, columns]
        lung = RIGHT_LUNG if np.sum(beneath == RIGHT_LUNG) >= np.sum(beneath == LEFT_LUNG) else LEFT_LUNG
        zone_of_row = np.searchsorted(borders[lung], rows + 0.5, side="right")
        share = np.bincount(zone_of_row, minlength=len(ZONES)) / rows.size
        found[lung].update(zone for zone, held in zip(ZONES, share, strict=True) if held >= NAMED_SHARE)
    return Findings(count, frozenset(found[LEFT_LUNG]), frozenset(found[RIGHT_LUNG]))


def _zone_borders(lung: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the rows at which the middle and the lower zone begin."""
    rows = np.flatnonzero(lung.any(axis=1))
    if not rows.size:
        return np.zeros(2)
    return np.asarray(rows[0] + (rows[-1] + 1 - rows[0]) * np.array([1 / 3, 2 / 3]))
