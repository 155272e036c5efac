"""What a reader may choose of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .figures.style import StyleName
from .inference.analysis import AnalysisOptions


@dataclass(frozen=True)
class ReportOptions:
    """What a reader may choose of a report.

    Parameters
    ----------
    analysis
        Of the numbers.
    style
        Of the figures: ``"plain"``, ``"neurips"``, ``"miccai"`` or ``"ieee"``.
    published
        Files of published numbers to set beside the measured ones, besides those that come with the package; None for
        no published numbers at all.
    workers
        Processes that draw the figures.
    """

    analysis: AnalysisOptions = field(default_factory=AnalysisOptions)
    style: StyleName = "plain"
    published: tuple[Path, ...] | None = None
    workers: int = 1
