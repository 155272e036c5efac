"""Write a whole report: page, figures, tables and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from .details import ReportDetails
from .frame import validate_frame
from .inference.resampling import resample_scores
from .inference.statistics import scores_of, summary_of
from .picture import Picture


def write_gallery(pictures: Sequence[Picture], details: ReportDetails, folder: Path) -> list[Path]:
    """Write the picture grids alone, ``gallery-NAME.pdf`` and ``.png`` for each corruption.

    Parameters
    ----------
    pictures
        Panels, with or without predictions.
    details
        Order of models and corruptions, and the setting named in the footnote.
    folder
        Where the files go; made where it is missing.
    """
    from .figures.gallery import GALLERY_DPI, GALLERY_FORMATS, gallery_figures
    from .figures.style import paper_style, render

    folder.mkdir(parents=True, exist_ok=True)
    models = details.order_models([model for picture in pictures for model in picture.predictions])
    with paper_style():
        return [
            write_atomically(folder / f"{item.stem}.{kind}", render(item.figure, kind, dpi=GALLERY_DPI))
            for item in gallery_figures(pictures, details, models)
            for kind in GALLERY_FORMATS
        ]


@dataclass(frozen=True)
class ReportFiles:
    """The files of a report, in the order in which a person wants them.

    Parameters
    ----------
    page
        ``report.html``: everything, in one file.
    curves
        ``robustness*.pdf``, ``.png`` and ``.svg``.
    gallery
        ``gallery-*.pdf`` and ``.png``; empty without pictures.
    tables
        ``tables.md`` and ``tables.tex``.
    numbers
        ``scores.csv`` (every condition) and ``robustness.csv`` (every model and corruption), in full precision.
    """

    page: Path
    curves: tuple[Path, ...]
    gallery: tuple[Path, ...]
    tables: tuple[Path, ...]
    numbers: tuple[Path, ...]

    def __iter__(self) -> Iterator[Path]:
        """Go through all files in order."""
        return chain([self.page], self.curves, self.gallery, self.tables, self.numbers)


def write_report(
    frame: pd.DataFrame,
    details: ReportDetails,
    pictures: Sequence[Picture],
    folder: Path,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> ReportFiles:
    """Write the report of one data set into a folder.

    Every file is written under a temporary name and renamed when whole; the page comes last. The same input gives
    the same bytes. Files of an earlier report that this one does not have stay where they are.

    Parameters
    ----------
    frame
        Per-case scores as described at :func:`~biclip_bench.reports.frame.validate_frame`, of one data set.
    details
        What the report says besides the numbers.
    pictures
        Panels of the picture grid; may be empty.
    folder
        Where the files go; made where it is missing.
    resamples, seed, level
        Of the bootstrap, as in :func:`~biclip_bench.reports.inference.statistics.condition_scores`.

    Returns
    -------
    ReportFiles
        The paths of what was written.

    Raises
    ------
    UserError
        If the frame is not valid or holds several data sets.
    """
    from .figures.curves import robustness_figures
    from .figures.gallery import GALLERY_DPI, GALLERY_FORMATS, gallery_figures
    from .figures.style import FORMATS, paper_style, render
    from .page.html import curve_figure, gallery_figure, report_page
    from .tables.markup import to_latex, to_markdown
    from .tables.robustness_table import robustness_tables

    checked = validate_frame(frame)
    datasets = checked["dataset"].unique().tolist()
    if len(datasets) > 1:
        raise UserError(
            f"A report is about one data set and the table of scores holds {', '.join(datasets)}: "
            "write one report for each."
        )
    resampled = resample_scores(checked, resamples=resamples, seed=seed)
    scores, summary = scores_of(resampled, level=level), summary_of(resampled, level=level)
    folder.mkdir(parents=True, exist_ok=True)

    curves, gallery = [], []
    curve_items, gallery_items = [], []
    with paper_style():
        for item in robustness_figures(scores, details, level=level):
            drawn = {kind: render(item.figure, kind) for kind in FORMATS}
            curves += [write_atomically(folder / f"{item.stem}.{kind}", drawn[kind]) for kind in FORMATS]
            curve_items.append(curve_figure(drawn["svg"], scores, item.corruptions, level))
        for item in gallery_figures(pictures, details, details.order_models(scores["model"].tolist())):
            drawn = {kind: render(item.figure, kind, dpi=GALLERY_DPI) for kind in GALLERY_FORMATS}
            gallery += [write_atomically(folder / f"{item.stem}.{kind}", drawn[kind]) for kind in GALLERY_FORMATS]
            gallery_items.append(gallery_figure(drawn["png"], pictures, item.corruptions[0]))

    tables = robustness_tables(scores, summary, details)
    table_files = (
        write_atomically(folder / "tables.md", to_markdown(tables)),
        write_atomically(folder / "tables.tex", to_latex(tables)),
    )
    numbers = (
        write_atomically(folder / "scores.csv", scores.to_csv(index=False, lineterminator="\n")),
        write_atomically(folder / "robustness.csv", summary.to_csv(index=False, lineterminator="\n")),
    )
    html = report_page(
        scores,
        summary,
        details,
        tables=tables,
        curves=curve_items,
        gallery=gallery_items,
        bootstrap={
            "Bootstrap resamples": str(resamples),
            "Bootstrap seed": str(seed),
            "Confidence level": f"{100 * level:g}%",
        },
        level=level,
    )
    page = write_atomically(folder / "report.html", html)
    return ReportFiles(page, tuple(curves), tuple(gallery), table_files, numbers)
