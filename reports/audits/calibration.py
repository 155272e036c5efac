"""Write a calibration: numbers, table and figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from biclip_bench.files import write_atomically

from .calibration_details import CalibrationDetails


def write_calibration(
    cases: pd.DataFrame, levels: pd.DataFrame, details: CalibrationDetails, folder: Path
) -> list[Path]:
    """Write a calibration's table, figure and numbers; the same tables give the same bytes.

    The files are ``calibration.md``, ``calibration.pdf``, ``.svg`` and ``.png``, ``calibration.csv`` (``levels``) and
    ``calibration-cases.csv`` (``cases``). A figure too tall for a page is several: ``calibration-page-1.pdf`` and on.

    Parameters
    ----------
    cases
        A row a case under each condition, written as it is.
    levels
        A row a corruption and level: the columns that
        :func:`~biclip_bench.reports.audits.calibration_table.calibration_markdown` names, and any others.
    details
        What the table and the figure say besides the numbers.
    folder
        Where the files go; made where it is missing.

    Returns
    -------
    list of Path
        What was written.
    """
    from ..figures.style import FORMATS, paper_style, render
    from .calibration_figure import calibration_figures
    from .calibration_table import calibration_markdown

    folder.mkdir(parents=True, exist_ok=True)
    with paper_style():
        figures = calibration_figures(levels, details)
        stems = ["calibration"] if len(figures) == 1 else [f"calibration-page-{i + 1}" for i in range(len(figures))]
        drawn = {
            f"{stem}.{kind}": render(figure, kind)
            for stem, figure in zip(stems, figures, strict=True)
            for kind in FORMATS
        }
    return [
        write_atomically(folder / "calibration.md", calibration_markdown(levels, details)),
        *(write_atomically(folder / name, content) for name, content in drawn.items()),
        write_atomically(folder / "calibration.csv", levels.to_csv(index=False, lineterminator="\n")),
        write_atomically(folder / "calibration-cases.csv", cases.to_csv(index=False, lineterminator="\n")),
    ]
