"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..details import ReportDetails
from ..frame import CLEAN
from ..inference.resampling import MINIMUM_GROUPS
from ..picture import Picture
from ..tables.robustness_table import RobustnessTable
from ..wording import DAGGER, MEASURE_NAMES, corruption_names, interval_text, labels_text, sample_text
from .findings import findings

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class PageFigure:
    """A figure inside the page: its ``data:`` address, what it shows for those who do not see it, and its caption."""

    source: str
    alternative: str
    caption: str
    texts: tuple[tuple[str, str], ...] = ()


def curve_figure(svg: bytes, scores: pd.DataFrame, corruptions: Sequence[str], level: float) -> PageFigure:
    """Wrap a robustness curve (SVG) for the page."""
    what = f"Dice and IoU against the severity of {', '.join(corruptions) or 'no corruption'}"
    return PageFigure(
        data_address("image/svg+xml", svg),
        f"Line chart: {what}, a line per model. The same numbers are in the tables.",
        f"{what}; severity 0 is clean. Means over cases. {interval_text(scores, level)}",
    )


def gallery_figure(png: bytes, pictures: Sequence[Picture], corruption: str) -> PageFigure:
    """Wrap a picture grid (PNG) for the page, with the cases' texts beside it."""
    texts = {picture.case: picture.text for picture in pictures if picture.corruption in (CLEAN, corruption)}
    return PageFigure(
        data_address("image/png", png),
        f"Grid of {len(texts)} test cases by severity of {corruption}: image, true outline and the models' outlines.",
        f"Test cases under {corruption}: true outline and the models' outlines; below each panel the case's Dice.",
        tuple(texts.items()),
    )


def report_page(
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    details: ReportDetails,
    *,
    tables: Sequence[RobustnessTable],
    curves: Sequence[PageFigure],
    gallery: Sequence[PageFigure],
    bootstrap: Mapping[str, str],
    level: float,
) -> str:
    """Write the page: findings, curves, tables, pictures, method, models, corruptions, versions.

    No script, no address outside the file (a content policy in its head forbids any request), everything that came
    from users escaped.

    Parameters
    ----------
    scores
        Result of :func:`~biclip_bench.reports.inference.statistics.condition_scores` for one data set.
    summary
        Result of :func:`~biclip_bench.reports.inference.statistics.robustness_summary` for the same cases.
    details
        What the report says besides the numbers.
    tables
        One per measure, the main measure first.
    curves, gallery
        The figures.
    bootstrap
        Settings of the intervals by name, listed among the other settings.
    level
        Confidence level of the intervals.

    Returns
    -------
    str
        HTML.
    """
    return render_page(
        "report.html.j2",
        details=details,
        findings=findings(scores, summary, details),
        sample=sample_text(scores),
        intervals=interval_text(scores, level),
        label_fractions=", ".join(labels_text(labels) for labels in sorted(set(scores["labels"]))),
        corruptions=details.order_corruptions(corruption_names(scores)),
        measure_names=MEASURE_NAMES,
        minimum_groups=MINIMUM_GROUPS,
        dagger=DAGGER,
        tables=tables,
        curves=curves,
        gallery=gallery,
        settings={**details.settings, **bootstrap},
    )


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


def data_address(kind: str, content: bytes) -> str:
    """Write a file's content as an address, so that the page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
