"""The options of commands that write a report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from biclip_bench.errors import UserError

if TYPE_CHECKING:
    from ...reports import ReportOptions
    from ...reports.figures.style import StyleName

STYLES = ("plain", "neurips", "miccai", "ieee")
SHIPPED = "shipped"
REPORT = "Report"

Style = Annotated[
    str, typer.Option(help=f"Fonts and widths of the figures: {', '.join(STYLES)}.", rich_help_panel=REPORT)
]
Bar = Annotated[
    float,
    typer.Option(
        help="Dice in percent below which a segmentation is of no use; the report says at which severity each model "
        "falls below it.",
        rich_help_panel=REPORT,
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        help="Model that every other is compared with. [default: all pairs; unet for corruption errors]",
        rich_help_panel=REPORT,
    ),
]
Published = Annotated[
    list[str] | None,
    typer.Option(
        "--published",
        help="Set published numbers beside the measured ones: 'shipped' for those that come with the benchmark, or a "
        "CSV file in the layout of results/published. Repeated for several.",
        rich_help_panel=REPORT,
    ),
]
Level = Annotated[
    float, typer.Option(help="Confidence level of intervals and tests in percent.", rich_help_panel=REPORT)
]
Resamples = Annotated[int, typer.Option(help="Bootstrap resamples.", rich_help_panel=REPORT)]


def report_options(
    *,
    style: str = "plain",
    bar: float = 70,
    reference: str | None = None,
    published: list[str] | None = None,
    level: float = 95,
    resamples: int = 2000,
) -> ReportOptions:
    """Check the options and put them together.

    Raises
    ------
    UserError
        Names the option that is wrong.
    """
    from biclip_bench.registry import suggest

    from ...reports import AnalysisOptions, ReportOptions
    from ...reports.tables.published import read_published

    if style not in STYLES:
        raise UserError(f"--style {style}: there is no such style. {suggest(style, list(STYLES))}")
    if not 0 < bar < 100:
        raise UserError(f"--bar {bar:g}: give a Dice in percent, above 0 and below 100, such as 70.")
    if not 50 <= level < 100:
        raise UserError(f"--level {level:g}: give percent, from 50 to below 100, such as 95.")
    if not 200 <= resamples <= 100_000:
        raise UserError(f"--resamples {resamples}: give 200 to 100000; fewer make no interval that could be trusted.")
    files = None if not published else tuple(Path(name) for name in published if name != SHIPPED)
    for path in files or ():
        read_published(path)
    return ReportOptions(
        AnalysisOptions(resamples=resamples, level=level / 100, bar=bar / 100, reference=reference),
        cast("StyleName", style),
        files,
        workers=min(2, os.cpu_count() or 1),
    )
