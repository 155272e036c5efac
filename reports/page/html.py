"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ..details import ReportDetails
from ..inference.analysis import Analysis, AnalysisOptions
from ..inference.resampling import MINIMUM_GROUPS, MINIMUM_TRAININGS
from ..picture_source import PictureSource
from ..tables.result_table import ResultTable, TableCell
from ..wording import DAGGER, NO_VALUE, corruption_names, interval_text, labels_text, sample_text
from .browser import CaseBrowser, browser_text, case_browser
from .curve_data import curve_data
from .embedding import content_policy, json_block, page_scripts
from .findings import findings
from .page_figures import PageFigure, fitting_figures

TEMPLATES = Path(__file__).with_name("templates")

PAGE_BYTES = 10_000_000
"""Most bytes of a page: it can be sent by mail."""

PICTURE_MARGIN = 100_000
"""Kept free for the frame around the cases."""

OVERVIEW = "overview"
"""Name of the table that stands in the summary."""


def report_page(
    analysis: Analysis,
    details: ReportDetails,
    *,
    tables: Sequence[ResultTable],
    figures: Sequence[PageFigure] = (),
    pictures: PictureSource | None = None,
    methods_text: str = "",
    references: Sequence[str] = (),
) -> str:
    """Write the page: summary, curves and cases to explore, tables, figures, method, models, corruptions, references.

    One file that asks for no other: a content policy in its head forbids any request and any script but the page's
    own. Everything that came from users is escaped. What the tables, findings and method say needs no script.

    Parameters
    ----------
    analysis
        The numbers of one data set.
    details
        What the report says besides the numbers.
    tables
        The one named ``"overview"`` stands in the summary, the others in their order in a section of their own.
    figures
        Most important first; those for which :func:`~biclip_bench.reports.page.page_figures.fitting_figures` has no
        room are named but not shown.
    pictures
        Where the cases to look through come from; None for none.
    methods_text
        A paragraph for the methods section of a paper, with a button that copies it; may be empty.
    references
        BibTeX entries of what to cite, in order.

    Returns
    -------
    str
        HTML of at most :data:`PAGE_BYTES` where figures and tables leave room for it.
    """
    scores, options = analysis.scores, analysis.options
    scripts = page_scripts()
    shown, left_out = fitting_figures(figures)
    corruptions = details.order_corruptions(corruption_names(scores))
    intervals = interval_text(scores, options.level)
    models = scores["model"].tolist()
    content = {
        "details": details,
        "scoring": details.scoring,
        "options": options,
        "findings": findings(analysis, details),
        "sample": sample_text(scores),
        "intervals": intervals,
        "level_text": f"{100 * options.level:g}%",
        "label_fractions": ", ".join(labels_text(labels) for labels in sorted(set(scores["labels"]))),
        "corruptions": corruptions,
        "minimum_groups": MINIMUM_GROUPS,
        "minimum_trainings": MINIMUM_TRAININGS,
        "dagger": DAGGER,
        "trained_mark": any(details.trained_for(model, name) for model in set(models) for name in corruptions),
        "reference_text": analysis.reference,
        "overview": next((table for table in tables if table.name == OVERVIEW), None),
        "tables": [table for table in tables if table.name != OVERVIEW],
        "figures": shown,
        "left_out": left_out,
        "settings": {**details.settings, **chosen_settings(options)},
        "methods_text": methods_text.strip(),
        "references": [reference.strip() for reference in references],
        "curve_block": json_block(curve_data(scores, details, options.bar)),
        "scripts": scripts,
        "policy": content_policy(scripts),
        "sort_value": sort_value,
    }
    without = render_page("report.html.j2", **content, **_case_content(None))
    if pictures is None:
        return without
    tests = analysis.frame["case"].nunique()
    budget = PAGE_BYTES - PICTURE_MARGIN - len(without.encode())
    browser = case_browser(pictures, analysis.frame, details, budget=budget)
    return render_page("report.html.j2", **content, **_case_content(browser, tests)) if browser else without


def _case_content(browser: CaseBrowser | None, tests: int = 0) -> dict[str, object]:
    if browser is None:
        return {"browser": None}
    return {
        "browser": browser,
        "cases_text": browser_text(browser, tests),
        "case_index": json_block(browser.index),
        "case_blocks": [json_block(block) for block in browser.blocks],
    }


def chosen_settings(options: AnalysisOptions) -> dict[str, str]:
    """List what a reader chose of the analysis."""
    left_out = {"Not compared": ", ".join(options.not_compared)} if options.not_compared else {}
    return {
        "Bootstrap resamples": str(options.resamples),
        "Bootstrap seed": str(options.seed),
        "Confidence level": f"{100 * options.level:g}%",
        "Bar": f"mean Dice {100 * options.bar:g}%",
        "Reference model": options.reference or "none: every pair is compared",
        **left_out,
    }


def sort_value(cell: TableCell) -> str:
    """Give what a cell is sorted by: the full number, else its word; empty where there is neither."""
    if math.isnan(cell.value):
        return "" if cell.text == NO_VALUE else cell.text
    return "Infinity" if math.isinf(cell.value) else repr(float(cell.value))


def render_page(template: str, **content: object) -> str:
    """Fill a template; everything that it is given is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**content)
