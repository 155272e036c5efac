"""From a tidy table of per-case scores to statistics, figures, tables and pages."""

from .details import CorruptionNote, ModelNote, ReportDetails
from .inference.statistics import condition_scores, robustness_summary
from .picture import Picture
from .report import ReportFiles, write_gallery, write_report
from .tables.terminal import summary_table

__all__ = [
    "CorruptionNote",
    "ModelNote",
    "Picture",
    "ReportDetails",
    "ReportFiles",
    "condition_scores",
    "robustness_summary",
    "summary_table",
    "write_gallery",
    "write_report",
]
