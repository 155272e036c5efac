"""Tables as GitHub Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .published_columns import MEASURED
from .result_table import ResultTable, TableCell

BEST, SECOND = ("**", "**"), ("<ins>", "</ins>")


def to_markdown(tables: Sequence[ResultTable]) -> str:
    """Print tables as GitHub Markdown; characters of names that Markdown or HTML would act on are escaped.

    The best number of a column is bold and the second underlined. Markdown has no headings over several columns: such
    a heading, as of published numbers, stands before each column's own.
    """
    parts = []
    for table in tables:
        grouped = any(heading for heading, _ in table.groups)
        head = [*([table.grouping] if grouped else []), *table.heads, *plain_headings(table)]
        rules = ["---"] * (len(head) - len(table.columns)) + ["---:"] * len(table.columns)
        lines = [_line([escape_markdown(text) for text in head]), _line(rules)]
        for heading, rows in table.groups:
            for row in rows:
                names = [*([heading] if grouped else []), *table.head_texts(row)]
                lines.append(_line([*map(escape_markdown, names), *(_cell(table, cell) for cell in row.cells)]))
        parts += [f"### {escape_markdown(table.title)}", escape_markdown(table.caption), "\n".join(lines)]
        if table.note:
            parts.append(escape_markdown(table.note))
    return "\n\n".join(parts) + "\n"


def plain_headings(table: ResultTable) -> list[str]:
    """Headings of the columns for a form that has one line of them: ``"Published: Clean [1]"``."""
    return [
        f"{above}: {column}" if above and above != MEASURED else column
        for above, column in zip(table.span_of_columns, table.columns, strict=True)
    ]


def _cell(table: ResultTable, cell: TableCell) -> str:
    before, after = {"best": BEST, "second": SECOND}.get(cell.mark, ("", ""))
    rest = table.cell_text(cell).removeprefix(cell.text)
    return f"{before}{escape_markdown(cell.text)}{after}{escape_markdown(rest)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape_markdown(text: str) -> str:
    """Escape what Markdown or HTML would act on, and put the text on one line."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{character}" if character in "\\`*_[]|#~$" else character for character in line)
