"""Statistics of a report: scores per condition with intervals, robustness summaries, comparisons and ranks."""
