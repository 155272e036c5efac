"""A corruption as the reports describe it."""

from __future__ import annotations

from collections.abc import Sequence

from ..corruptions import CorruptionSpec, advice
from ..reports import CorruptionNote
from .datasets.base import Dataset


def corruption_notes(specs: Sequence[CorruptionSpec], dataset: Dataset) -> tuple[CorruptionNote, ...]:
    """Describe corruptions in their order."""
    return tuple(corruption_note(spec, dataset) for spec in specs)


def corruption_note(spec: CorruptionSpec, dataset: Dataset) -> CorruptionNote:
    """Describe a corruption, and what a reader must know about it on this data set's images."""
    levels = [spec.values(severity) for severity in spec.severities]
    return CorruptionNote(
        spec.name, spec.families, spec.summary, spec.units, levels, tuple(advice(spec, dataset.context.modality))
    )
