"""Robustness tables as Markdown and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from ..wording import DAGGER, MEASURE_NAMES
from .robustness_table import RobustnessTable, TableRow

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    DAGGER: r"\textsuperscript{\textdagger}",
    "\u2013": "--",
}


def to_markdown(tables: Sequence[RobustnessTable]) -> str:
    """Print tables as GitHub Markdown; characters of names that Markdown or HTML would act on are escaped."""
    parts = []
    for table in tables:
        head = ["Corruption", "Model", "Labels", *map(str.capitalize, table.columns)]
        lines = [_markdown_line(head), _markdown_line(["---"] * 3 + ["---:"] * len(table.columns))]
        for corruption, rows in table.groups:
            lines += [
                _markdown_line([escape_markdown(text) for text in (corruption, *_row_texts(row))]) for row in rows
            ]
        parts += [f"### {MEASURE_NAMES[table.measure]}", escape_markdown(table.caption), "\n".join(lines)]
        if table.note:
            parts.append(escape_markdown(table.note))
    return "\n\n".join(parts) + "\n"


def to_latex(tables: Sequence[RobustnessTable]) -> str:
    r"""Print tables as LaTeX floats for ``\input``; they need ``\usepackage{booktabs}`` and nothing else."""
    return "\n".join([r"% Needs \usepackage{booktabs}.", *map(_latex_table, tables)])


def _latex_table(table: RobustnessTable) -> str:
    head = ["Model", "Labels", *map(str.capitalize, table.columns)]
    body = []
    for corruption, rows in table.groups:
        title = rf"\multicolumn{{{len(head)}}}{{l}}{{\textit{{{escape_latex(corruption)}}}}}"
        body += [r"    \midrule", rf"    {title} \\", *(_latex_line(_row_texts(row)) for row in rows)]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{escape_latex(f'{table.caption} {table.note}')}}}",
            rf"  \label{{tab:robustness-{table.measure.replace('_', '-')}}}",
            r"  \small",
            r"  \setlength{\tabcolsep}{4pt}",
            rf"  \begin{{tabular}}{{ll{'r' * len(table.columns)}}}",
            r"    \toprule",
            _latex_line(head),
            *body,
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _row_texts(row: TableRow) -> list[str]:
    name = f"{row.model}{DAGGER}" if row.trained_for else row.model
    return [name, row.labels, *(cell.text for cell in row.cells)]


def _markdown_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _latex_line(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(map(escape_latex, cells))} \\"


def escape_markdown(text: str) -> str:
    """Escape what Markdown or HTML would act on, and put the text on one line."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{character}" if character in "\\`*_[]|#~$" else character for character in line)


def escape_latex(text: str) -> str:
    """Escape what LaTeX would act on, and put the text on one line."""
    return "".join(LATEX_ESCAPES.get(character, character) for character in " ".join(text.split()))
