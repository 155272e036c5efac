"""What a calibration says besides its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ..details import CorruptionNote


@dataclass(frozen=True)
class CalibrationDetails:
    """Everything that a calibration prints and that is not in its table of levels.

    Parameters
    ----------
    dataset
        The data set as a reader would name it.
    sample
        One sentence: which images were measured.
    rules
        How the measures are defined and how a step is judged, a paragraph each.
    corruptions
        One note a corruption: its parameters' units and values, and what to know about it on these images.
    intervals
        What the intervals are, or why there are none.
    """

    dataset: str
    sample: str
    rules: tuple[str, ...]
    corruptions: tuple[CorruptionNote, ...]
    intervals: str
