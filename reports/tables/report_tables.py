"""All tables of a report, in the order in which a reader wants them."""

from __future__ import annotations

from collections.abc import Sequence

from ..details import ReportDetails
from ..inference.analysis import Analysis
from .comparisons_table import comparisons_table
from .efficiency_table import efficiency_table
from .overview_table import overview_table
from .published import PublishedScore
from .published_columns import published_table
from .result_table import ResultTable
from .robustness_table import robustness_tables
from .scores_table import scores_table
from .signs import PairedTests


def report_tables(
    analysis: Analysis, details: ReportDetails, published: Sequence[PublishedScore] = ()
) -> list[ResultTable]:
    """Build every table that the numbers allow.

    Parameters
    ----------
    analysis
        The numbers of one data set.
    details
        Order, setting, units.
    published
        Published numbers of this data set, as :func:`~biclip_bench.reports.tables.published.published_scores` gives
        them; none unless a reader asked for them.

    Returns
    -------
    list[ResultTable]
        Overview, Dice and IoU in both conventions, comparisons, further scores, label efficiency, published numbers;
        those for which there are no numbers are left out.
    """
    tests = PairedTests(analysis.comparisons, analysis.options.reference, analysis.options.level)
    tables = [
        overview_table(analysis, details, tests),
        *robustness_tables(analysis.scores, analysis.summary, details, tests, published),
        comparisons_table(analysis, details),
        scores_table(analysis.scores, details),
        efficiency_table(analysis, details),
        published_table(published, details),
    ]
    return [table for table in tables if table is not None]
