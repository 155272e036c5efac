"""From a tidy table of per-case scores to statistics, figures, tables and pages."""

from .details import CorruptionNote, ModelNote, ReportDetails
from .inference.analysis import Analysis, AnalysisOptions, analyse
from .inference.statistics import condition_scores, robustness_summary
from .options import ReportOptions
from .picture import Picture
from .report import ReportFiles, WrittenReport, write_report
from .tables.terminal import summary_table

__all__ = [
    "Analysis",
    "AnalysisOptions",
    "CorruptionNote",
    "ModelNote",
    "Picture",
    "ReportDetails",
    "ReportFiles",
    "ReportOptions",
    "WrittenReport",
    "analyse",
    "condition_scores",
    "robustness_summary",
    "summary_table",
    "write_report",
]
