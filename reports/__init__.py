"""From a tidy table of per-case scores to statistics, figures, tables and pages."""
