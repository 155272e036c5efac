r"""Tables as LaTeX floats for ``\input``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from .latex_text import escape_latex
from .result_table import ResultTable, TableCell, TableRow

LINES_A_FLOAT = 32
"""Rows and headings of groups that fit a page beside a caption and a note; a float cannot break across pages."""

LONGEST_NAME = 24
"""Words of more characters get a column that breaks lines."""

NARROWEST = 16
"""About as many characters fit a line of a column that breaks lines."""

HEAD = r"""% Needs \usepackage{booktabs}. Works in one and in two columns.
% A table that is wider than the page is set in a smaller font; with \usepackage{graphicx} it is scaled at last.
\ifdefined\robustnessbox\else\newsavebox{\robustnessbox}\fi
\providecommand{\robustnesstry}[3]{%
  \ifdim\wd\robustnessbox>\linewidth
    \sbox{\robustnessbox}{#1\setlength{\tabcolsep}{#2}#3}%
  \fi}
\providecommand{\robustnessfit}[1]{%
  \sbox{\robustnessbox}{\small\setlength{\tabcolsep}{5pt}#1}%
  \robustnesstry{\footnotesize}{4pt}{#1}%
  \robustnesstry{\scriptsize}{3.5pt}{#1}%
  \robustnesstry{\scriptsize}{2pt}{#1}%
  \robustnesstry{\tiny}{3pt}{#1}%
  \robustnesstry{\tiny}{1.8pt}{#1}%
  \ifdim\wd\robustnessbox>\linewidth
    \ifdefined\resizebox
      \resizebox{\linewidth}{!}{\usebox{\robustnessbox}}%
    \else
      \usebox{\robustnessbox}%
    \fi
  \else
    \usebox{\robustnessbox}%
  \fi}
"""


def to_latex(tables: Sequence[ResultTable]) -> str:
    r"""Print tables as LaTeX floats for ``\input``; they need ``\usepackage{booktabs}`` and nothing else.

    Each is a ``table*``, which spans both columns of a two-column document and is a plain table in others. The best
    number of a column is bold, the second underlined. A table of many rows becomes several floats under one number.
    Labels are ``tab:robustness-NAME``.
    """
    return "\n".join([HEAD, *(float_ for table in tables for float_ in _floats(table))])


def _floats(table: ResultTable) -> list[str]:
    return [_float(table, part, continued=place > 0) for place, part in enumerate(_parts(table))]


def _parts(table: ResultTable) -> list[ResultTable]:
    """Deal the rows to floats: a group stays whole where it fits one."""
    breaking = [column.startswith("p") for column in (_head_columns(table)[0], *_cell_columns(table))]
    parts: list[list[tuple[str, list[TableRow]]]] = [[]]
    used = 0
    for heading, rows in table.groups:
        if used and used + 1 + sum(_lines(row, breaking) for row in rows) > LINES_A_FLOAT:
            parts.append([])
            used = 0
        parts[-1].append((heading, []))
        used += 1
        for row in rows:
            if parts[-1][-1][1] and used + _lines(row, breaking) > LINES_A_FLOAT:
                parts.append([(f"{heading} (continued)" if heading else "", [])])
                used = 1
            parts[-1][-1][1].append(row)
            used += _lines(row, breaking)
    return [replace(table, groups=tuple((heading, tuple(rows)) for heading, rows in part)) for part in parts]


def _lines(row: TableRow, breaking: Sequence[bool]) -> int:
    """Lines that a row takes, given which of its columns break lines."""
    texts = (row.title, *(cell.text for cell in row.cells))
    return max(-(-len(text) // NARROWEST) if breaks else 1 for text, breaks in zip(texts, breaking, strict=True))


def _float(whole: ResultTable, table: ResultTable, *, continued: bool) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "-", table.name)
    title = escape_latex(table.title)
    if continued:
        top = [
            r"  \addtocounter{table}{-1}",
            r"  \renewcommand{\addcontentsline}[3]{}% no second line in the list of tables",
            rf"  \caption{{{title}, continued.}}",
        ]
    else:
        top = [rf"  \caption[{{{title}}}]{{{escape_latex(table.caption)}}}", rf"  \label{{tab:robustness-{name}}}"]
    heads = _head_columns(whole)
    columns = "".join(heads + _cell_columns(whole))
    wide = [column != "l" for column in heads]
    note = (
        [r"  \par\smallskip", rf"  \parbox{{\linewidth}}{{\footnotesize {escape_latex(table.note)}}}"]
        if table.note and not continued
        else []
    )
    return "\n".join(
        [
            r"\begin{table*}[tbp]",
            r"  \centering",
            *top,
            r"  \par\smallskip",
            rf"  \robustnessfit{{\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"    \toprule",
            *_headings(table),
            *_body(table, wide),
            r"    \bottomrule",
            r"  \end{tabular}}",
            *note,
            r"\end{table*}",
            "",
        ]
    )


def _head_columns(table: ResultTable) -> list[str]:
    rows = [row for _, rows in table.groups for row in rows]
    return [
        r"p{0.22\linewidth}" if any(len(table.head_texts(row)[place]) > LONGEST_NAME for row in rows) else "l"
        for place in range(len(table.heads))
    ]


def _cell_columns(table: ResultTable) -> list[str]:
    rows = [row for _, rows in table.groups for row in rows]
    columns = []
    for place in range(len(table.columns)):
        cells = [row.cells[place] for row in rows]
        if not _is_words(cells):
            columns.append("r")
        else:
            columns.append(r"p{0.2\linewidth}" if any(len(cell.text) > LONGEST_NAME for cell in cells) else "l")
    return columns


def _is_words(cells: Sequence[TableCell]) -> bool:
    return all(math.isnan(cell.value) for cell in cells) and any(len(cell.text) > 1 for cell in cells)


def _headings(table: ResultTable) -> list[str]:
    lines = []
    at = len(table.heads)
    if any(heading for heading, _ in table.spans):
        over = [""] * at
        rules = []
        for heading, width in table.spans:
            over.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(heading)}}}")
            if heading:
                rules.append(rf"\cmidrule(lr){{{at + 1}-{at + width}}}")
            at += width
        lines = [rf"    {' & '.join(over)} \\", f"    {' '.join(rules)}"]
    names = [*map(escape_latex, table.heads), *map(_stacked, table.columns)]
    return [*lines, rf"    {' & '.join(names)} \\"]


def _stacked(heading: str) -> str:
    """Set a heading of two words on two lines: the numbers below it are narrower."""
    words = heading.split()
    if len(words) != 2 or words[1].startswith("["):
        return escape_latex(heading)
    lines = r"\\ {}".join(map(escape_latex, words))
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{lines}\end{{tabular}}"


def _body(table: ResultTable, wide: Sequence[bool]) -> list[str]:
    width = len(table.heads) + len(table.columns)
    words = [column.startswith("p") for column in _cell_columns(table)]
    signs = _widest_signs(table)
    lines = []
    for heading, rows in table.groups:
        lines.append(r"    \midrule")
        if heading:
            lines.append(rf"    \multicolumn{{{width}}}{{@{{}}l}}{{\textit{{{escape_latex(heading)}}}}} \\")
        for place, row in enumerate(rows):
            if place and row.labels != rows[place - 1].labels:
                lines.append(r"    \addlinespace")
            heads = [_words(text, long) for text, long in zip(table.head_texts(row), wide, strict=True)]
            cells = [
                _words(cell.text, True) if long else _number(table, cell, sign)
                for cell, long, sign in zip(row.cells, words, signs, strict=True)
            ]
            lines.append(rf"    {' & '.join([*heads, *cells])} \\")
    return lines


def _words(text: str, long: bool) -> str:
    if long:
        return rf"\raggedright\let\\\tabularnewline\hspace{{0pt}}{escape_latex(text, breakable=True)}"
    # At the start of a row a bracket or a star would belong to the end of the row before.
    return f"{{}}{escape_latex(text)}" if text.startswith(("[", "*")) else escape_latex(text)


def _widest_signs(table: ResultTable) -> list[str]:
    """The longest sign of each column: a number without one leaves its room, so that the figures stay aligned."""
    rows = [row for _, rows in table.groups for row in rows]
    return [max((row.cells[place].significance for row in rows), key=len) for place in range(len(table.columns))]


def _number(table: ResultTable, cell: TableCell, widest_sign: str) -> str:
    text = _figures(cell.text, cell)
    if cell.mark == "best":
        text = rf"\textbf{{{text}}}"
    elif cell.mark == "second":
        text = rf"\underline{{{text}}}"
    if widest_sign:
        text += escape_latex(cell.significance) or rf"\phantom{{{escape_latex(widest_sign)}}}"
    if table.intervals and cell.interval:
        signed = "-" in cell.interval or "+" in cell.interval
        interval = cell.interval if signed else cell.interval.replace(" to ", "\u2013")
        text += f" ({_figures(interval, cell)})"
    return text


def _figures(text: str, cell: TableCell) -> str:
    """Set the signs of a number as mathematics: a minus is no hyphen."""
    if math.isnan(cell.value):
        return escape_latex(text)
    escaped = text if text.startswith("<") else escape_latex(text)
    return re.sub(r"(?<![\w-])[-+<](?=\d)", lambda match: f"${match.group()}$", escaped)
