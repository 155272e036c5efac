"""Write a whole report: page, figures, tables, texts and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from biclip_bench.files import write_atomically

from .citations import bibtex_entries
from .details import ReportDetails
from .frame import CLEAN
from .inference.analysis import Analysis, analyse
from .material import Material
from .methods_text import methods_markdown, methods_paragraphs
from .options import ReportOptions
from .wording import corruption_names
from .written_files import remove_earlier

if TYPE_CHECKING:
    from .figures.report_figures import DrawnFigure
    from .figures.style import FigureFormat
    from .page.page_figures import PageFigure
    from .tables.result_table import ResultTable

FIGURES = "figures"
TABLES = "tables"
PAGE = "report.html"
NUMBERS = {
    "scores": "scores",
    "robustness": "summary",
    "overall": "overall",
    "comparisons": "comparisons",
    "ranks": "ranks",
    "label-efficiency": "efficiency",
}
"""Names of the files of numbers, and the tables of the analysis that they hold."""

FEW_FIGURES = 6
"""With fewer than this, starting further processes costs more time than it saves."""


@dataclass(frozen=True)
class ReportFiles:
    """The files of a report, in the order in which a person wants them.

    Parameters
    ----------
    page
        ``report.html``: everything, in one file.
    figures
        In ``figures/``: PDF and SVG, pictures and the main curves as PNG, too.
    tables
        In ``tables/``: Markdown, LaTeX, Excel, and one CSV file a table.
    texts
        ``methods.md`` and ``references.bib``.
    numbers
        Every table of the analysis in full precision, such as ``scores.csv`` and ``robustness.csv``.
    """

    page: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]
    texts: tuple[Path, ...]
    numbers: tuple[Path, ...]

    def __iter__(self) -> Iterator[Path]:
        """Go through all files in order."""
        return chain([self.page], self.figures, self.tables, self.texts, self.numbers)


@dataclass(frozen=True)
class WrittenReport:
    """A written report with what it was made of."""

    files: ReportFiles
    details: ReportDetails
    analysis: Analysis

    @property
    def corruptions(self) -> list[str]:
        """Names of the corruptions in order; ``"clean"`` alone where there is none."""
        return self.details.order_corruptions(corruption_names(self.analysis.scores)) or [CLEAN]


def write_report(material: Material, folder: Path, options: ReportOptions | None = None) -> WrittenReport:
    """Write the report of one data set into a folder.

    Every file is written under a temporary name and renamed when whole; the page comes last. The same input gives
    the same bytes. Files of an earlier report that this one does not have are removed; other files in the folder are
    left alone.

    Parameters
    ----------
    material
        Scores, details and pictures.
    folder
        Where the files go; made where it is missing.
    options
        What the reader chose.

    Raises
    ------
    UserError
        If the frame is not valid, or an option names what is not there.
    """
    from .page.html import report_page
    from .page.references import METHOD_REFERENCES
    from .tables.published import published_scores
    from .tables.report_tables import report_tables

    chosen = options or ReportOptions()
    details = material.details
    blind = tuple(note.name for note in details.models if not note.uses_image)
    analysis = analyse(material.frame, replace(chosen.analysis, not_compared=blind))
    published = [] if chosen.published is None else published_scores(details.dataset, chosen.published)
    folder.mkdir(parents=True, exist_ok=True)

    drawn = draw_figures(analysis, material, chosen)
    tables = report_tables(analysis, details, published)
    methods = methods_markdown(analysis, details)
    papers = bibtex_entries([*details.citations, *(note.paper for note in details.models)])
    references = [*papers, *METHOD_REFERENCES]
    texts = (
        write_atomically(folder / "methods.md", methods),
        write_atomically(folder / "references.bib", "\n\n".join(references) + "\n"),
    )
    html = report_page(
        analysis,
        details,
        tables=tables,
        figures=[_page_figure(one) for one in sorted(drawn, key=_place_in_page)],
        pictures=material.pictures,
        methods_text="\n\n".join(methods_paragraphs(analysis, details)),
        references=references,
    )
    figures = _write_all(
        folder / FIGURES, ((f"{one.stem}.{kind}", one.files[kind]) for one in drawn for kind in one.files)
    )
    files = ReportFiles(
        folder / PAGE,
        figures,
        _write_all(folder / TABLES, table_files(tables)),
        texts,
        tuple(_write_numbers(analysis, folder)),
    )
    write_atomically(files.page, html)
    remove_earlier(folder, files)
    return WrittenReport(files, details, analysis)


def draw_figures(analysis: Analysis, material: Material, options: ReportOptions) -> list[DrawnFigure]:
    """Draw every figure that the numbers and pictures allow, in several processes where there is much to draw."""
    from .figures.report_figures import draw, figure_tasks

    tasks = figure_tasks(analysis, material.details, material.pictures, options.style)
    if options.workers < 2 or len(tasks) < FEW_FIGURES:
        return [draw(task) for task in tasks]
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(draw, tasks))


def _place_in_page(figure: DrawnFigure) -> int:
    """The page has room for some figures: what there may be many of comes last."""
    return ("curves", "comparison", "pictures", "labels").index(figure.section)


def _page_figure(figure: DrawnFigure) -> PageFigure:
    from .page.page_figures import MEDIA_TYPES, PageFigure, data_address

    kind: FigureFormat = "svg" if "svg" in figure.files else "png"
    address = data_address(MEDIA_TYPES[kind], figure.files[kind])
    return PageFigure(address, figure.alternative, figure.caption, (), f"{FIGURES}/{figure.stem}.{kind}")


def table_files(tables: Sequence[ResultTable]) -> Iterator[tuple[str, bytes | str]]:
    """Give the name and content of every file of tables."""
    from .tables.comma_separated import to_csv
    from .tables.excel import to_excel
    from .tables.latex import to_latex
    from .tables.markup import to_markdown

    yield "tables.md", to_markdown(tables)
    yield "tables.tex", to_latex(tables)
    yield "tables.xlsx", to_excel(tables)
    for table in tables:
        yield f"{table.name}.csv", to_csv(table)


def _write_all(folder: Path, contents: Iterable[tuple[str, bytes | str]]) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(write_atomically(folder / name, content) for name, content in contents)


def _write_numbers(analysis: Analysis, folder: Path) -> Iterator[Path]:
    for name, field in NUMBERS.items():
        table: pd.DataFrame = getattr(analysis, field)
        if len(table):
            yield write_atomically(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
