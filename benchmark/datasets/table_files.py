"""Tables from XLSX, CSV and JSON Lines files: named columns, numbered rows, every cell as text."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biclip_bench.errors import UserError

TABLE_SUFFIXES = (".xlsx", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class TableRow:
    """One row that is not empty.

    Parameters
    ----------
    number
        As a spreadsheet counts it: the header is row 1. In JSON Lines, the line.
    cells
        Text of each wanted column by its name, without white space at its ends.
    """

    number: int
    cells: Mapping[str, str]


def read_table(path: Path, columns: Sequence[str]) -> list[TableRow]:
    """Read the wanted columns of a table; wholly empty rows are skipped.

    Parameters
    ----------
    path
        A workbook (.xlsx, its first sheet), text with one record a line (.csv, .tsv, .txt: UTF-8 with or without a byte
        order mark, separated by whichever of comma, semicolon and tab makes the header hold the columns), or JSON
        Lines (.jsonl, .ndjson: an object a line).
    columns
        Names of the columns, found in any case and with white space around.

    Raises
    ------
    UserError
        If the file cannot be read, is no table, or a column is missing or there twice.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise UserError(f"{path} is not a table: it should end in {', '.join(TABLE_SUFFIXES)}.")
    if not path.is_file():
        raise UserError(f"There is no table {path}: it should hold the columns {' and '.join(columns)}.")
    if suffix == ".xlsx":
        return _pick(path, "workbook", _workbook_records(path), columns)
    text = _decoded(path)
    if suffix in (".jsonl", ".ndjson"):
        return _json_rows(path, text, columns)
    return _pick(path, "table", _separated_records(path, text, columns), columns)


def _pick(path: Path, kind: str, records: list[list[str]], columns: Sequence[str]) -> list[TableRow]:
    header = [title.lower() for title in records[0]] if records else []
    for column in columns:
        if header.count(column.strip().lower()) != 1:
            found = ", ".join(repr(title) for title in header if title) or "nothing"
            raise UserError(f"The {kind} {path} should have one column {column} in its first row, and has {found}.")
    places = {column: header.index(column.strip().lower()) for column in columns}
    rows = []
    for number, record in enumerate(records[1:], start=2):
        cells = {column: record[at] if at < len(record) else "" for column, at in places.items()}
        if any(cells.values()):
            rows.append(TableRow(number, cells))
    return rows


def _workbook_records(path: Path) -> list[list[str]]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, InvalidFileException) as error:
        raise UserError(f"The workbook {path} cannot be read ({error}): it should be a whole .xlsx file.") from error
    try:
        sheet = workbook.worksheets[0]
        # Some writers state a wrong extent of the sheet, and read-only mode would believe it.
        sheet.reset_dimensions()
        return [_texts(row) for row in sheet.iter_rows(values_only=True)]
    finally:
        workbook.close()


def _texts(cells: Iterable[object]) -> list[str]:
    return ["" if cell is None else str(cell).strip() for cell in cells]


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"The table {path} cannot be read ({error.strerror or error}).") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"Line {line} of {path} is not UTF-8 text: save the table as UTF-8 (in Excel: 'CSV UTF-8')."
        ) from error


def _separated_records(path: Path, text: str, columns: Sequence[str]) -> list[list[str]]:
    wanted = {column.strip().lower() for column in columns}

    def header(separator: str) -> tuple[int, int]:
        titles = next(csv.reader(io.StringIO(text), delimiter=separator), [])
        return len(wanted & {title.strip().lower() for title in titles}), len(titles)

    separator = max(_SEPARATORS, key=header)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append(_texts(record))
    except csv.Error as error:
        raise UserError(
            f"Row {len(records) + 1} of {path} (up to line {reader.line_num}) cannot be read ({error}): put texts that "
            "hold the separator or a quotation mark in quotation marks, and double those inside."
        ) from error
    return records


def _json_rows(path: Path, text: str, columns: Sequence[str]) -> list[TableRow]:
    rows: list[TableRow] = []
    keys: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise UserError(
                f"Line {number} of {path} is not JSON ({error}): every line should be an object."
            ) from error
        if not isinstance(entry, dict):
            raise UserError(f"Line {number} of {path} is not an object: it should look like {{{columns[0]!r}: ...}}.")
        fields = {key.strip().lower(): value for key, value in entry.items()}
        keys |= set(fields)
        cells = {column: fields.get(column.strip().lower()) for column in columns}
        for column, value in cells.items():
            if isinstance(value, list | dict):
                raise UserError(f"Line {number} of {path}: {column} should be one text, not a list or an object.")
        texts = dict(zip(cells, _texts(cells.values()), strict=True))
        if any(texts.values()):
            rows.append(TableRow(number, texts))
    for column in columns:
        if column.strip().lower() not in keys:
            found = ", ".join(map(repr, sorted(keys))) or "nothing"
            raise UserError(f"The table {path} should have a key {column} in its lines, and has {found}.")
    return rows
