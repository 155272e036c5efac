"""All figures of a report: planned from the analysis, each drawn on its own, in one process or in several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..details import ReportDetails
from ..inference.analysis import Analysis
from ..picture_source import PictureSource
from .case_choice import largest_losses, typical_cases
from .curves import robustness_plans
from .failure_gallery import FAILURES, failure_plans
from .gallery import GALLERY_DPI, GALLERY_FORMATS, gallery_plans
from .heat_map import heat_map_plans
from .label_curves import label_curve_plans
from .label_surface import label_surface_plans
from .paired_scatter import paired_plans
from .rank_plot import rank_plans
from .style import FORMATS, FigureFormat, FigurePlan, StyleName, paper_style, render

Section = Literal["curves", "labels", "comparison", "pictures"]

CHART_FORMATS: tuple[FigureFormat, ...] = ("pdf", "svg")
"""No PNG of charts but the first: both are sharp at any size, and drawing pixels takes as long as both together."""

MOST_OUTLINES = 4
"""With more models than this the outlines in a panel could not be told apart."""

TYPICAL = "Cases: a small, a middling and a large lesion, chosen by the area of the truth alone."


@dataclass(frozen=True, eq=False)
class DrawnFigure:
    """A figure's files and what is said about it.

    Parameters
    ----------
    stem
        Name of the files without suffix.
    section
        Where it belongs: ``"curves"``, ``"labels"``, ``"comparison"`` or ``"pictures"``.
    corruptions
        What it shows, clean apart.
    caption, alternative
        Plain text for below it, and for those who do not see it.
    files
        Content by kind: ``"pdf"`` always; ``"svg"`` of charts; ``"png"`` of pictures and of the first curves.
    """

    stem: str
    section: Section
    corruptions: tuple[str, ...]
    caption: str
    alternative: str
    files: Mapping[FigureFormat, bytes]


@dataclass(frozen=True, eq=False)
class FigureTask:
    """A figure to be drawn by :func:`draw`; holds its own data only, and can be sent to another process.

    Parameters
    ----------
    plan
        Makes the figure.
    section
        Where it belongs.
    style
        Venue.
    formats
        Kinds of its files.
    dpi
        Resolution of pixels in it.
    """

    plan: FigurePlan
    section: Section
    style: StyleName
    formats: tuple[FigureFormat, ...]
    dpi: int = 300


def figure_tasks(
    analysis: Analysis, details: ReportDetails, pictures: PictureSource, style: StyleName = "plain"
) -> list[FigureTask]:
    """Plan all figures that the data allow: curves, labels, comparisons, then pictures.

    Pictures are read one case after another, and only what is drawn of them is kept.

    Parameters
    ----------
    analysis
        The numbers.
    details
        Order of models and corruptions; the setting.
    pictures
        Where pictures come from; may have no cases.
    style
        Venue.

    Returns
    -------
    list[FigureTask]
        In the order in which a report shows them; no two figures have the same stem.
    """
    level = analysis.options.level
    scores, summary = analysis.scores, analysis.summary
    tasks = [
        FigureTask(plan, "curves", style, FORMATS if place == 0 else CHART_FORMATS)
        for place, plan in enumerate(robustness_plans(scores, details, level=level))
    ]
    tasks += [FigureTask(plan, "curves", style, CHART_FORMATS) for plan in heat_map_plans(scores, summary, details)]
    labels = label_curve_plans(scores, summary, details, level=level)
    labels += label_surface_plans(scores, details, bar=analysis.options.bar)
    tasks += [FigureTask(plan, "labels", style, CHART_FORMATS) for plan in labels]
    compared = rank_plans(analysis.ranks, analysis.comparisons, details, level=level)
    compared += paired_plans(
        analysis.frame,
        analysis.comparisons,
        details,
        reference=analysis.options.reference,
        without=analysis.options.not_compared,
    )
    tasks += [FigureTask(plan, "comparison", style, CHART_FORMATS) for plan in compared]
    shown = _picture_plans(analysis, details, pictures)
    return tasks + [FigureTask(plan, "pictures", style, GALLERY_FORMATS, GALLERY_DPI) for plan in shown]


def draw(task: FigureTask) -> DrawnFigure:
    """Draw a figure into its files: the same bytes on every run and in every process."""
    with paper_style(task.style) as layout:
        item = task.plan(layout)
        files = {kind: render(item.figure, kind, dpi=task.dpi) for kind in task.formats}
    return DrawnFigure(item.stem, task.section, item.corruptions, item.caption, item.alternative, files)


def report_figures(
    analysis: Analysis, details: ReportDetails, pictures: PictureSource, style: StyleName = "plain"
) -> Iterator[DrawnFigure]:
    """Draw all figures that the data allow, one after another.

    Parameters are those of :func:`figure_tasks`.

    Yields
    ------
    DrawnFigure
        In the order in which a report shows them.
    """
    return map(draw, figure_tasks(analysis, details, pictures, style))


def outlined_models(analysis: Analysis, models: Sequence[str]) -> list[str]:
    """Choose the models whose outlines pictures show, in their order: of many those with the best corrupted Dice.

    Parameters
    ----------
    analysis
        The numbers.
    models
        All models, in the order of the report.
    """
    table, column = analysis.summary, "dice_corrupted"
    if table.empty:
        table, column = analysis.scores, "dice_mean"
    most = table[table["labels"] == table["labels"].max()]
    means = most.groupby("model")[column].mean().sort_values(ascending=False, kind="stable")
    return [model for model in models if model in means.index[:MOST_OUTLINES]]


def _picture_plans(analysis: Analysis, details: ReportDetails, pictures: PictureSource) -> Iterator[FigurePlan]:
    cases = pictures.cases()
    if not cases:
        return
    models = details.order_models(analysis.frame["model"].unique().tolist())
    shown = models if len(models) <= MOST_OUTLINES else outlined_models(analysis, models)
    chosen = "" if len(shown) == len(models) else f"Of {len(models)} models the {len(shown)} with the best mean Dice."
    why = f"{TYPICAL} {chosen}".strip()
    yield from gallery_plans(
        pictures, details, models, cases=typical_cases(analysis.frame, cases), shown=shown, why=why
    )
    failures = largest_losses(analysis.frame, models, cases, FAILURES)
    yield from failure_plans(pictures, failures, details, models)
