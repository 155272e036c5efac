import io
import time
import zipfile
from dataclasses import replace

import openpyxl
import pytest

from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.tables.excel import sheet_names, to_excel
from biclip_bench.reports.tables.report_tables import report_tables
from biclip_bench.reports.tables.result_table import ResultTable, TableCell, TableRow


@pytest.fixture
def tables(frame, details):
    return report_tables(analyse(frame, AnalysisOptions(resamples=200)), details)


def opened(tables):
    return openpyxl.load_workbook(io.BytesIO(to_excel(tables)))


def test_each_table_is_a_sheet_with_its_caption_and_its_numbers_as_numbers(tables):
    book = opened(tables)
    assert book.sheetnames == [table.name for table in tables]
    for table in tables:
        sheet = book[table.name]
        assert sheet["A1"].value == table.title
        assert sheet["A2"].value == table.caption
        assert sheet.freeze_panes is not None
        assert sheet.freeze_panes.endswith("6")
        texts = [cell.value for row in sheet.iter_rows() for cell in row]
        assert table.note == "" or table.note in texts
        values = {
            f"{cell.value:.15g}"
            for row in sheet.iter_rows(min_row=6)
            for cell in row
            if cell.data_type == "n" and cell.value is not None
        }
        expected = [cell.value for _, rows in table.groups for row in rows for cell in row.cells]
        assert {f"{value:.15g}" for value in expected if abs(value) < 1e9} <= values


def test_the_best_is_bold_the_second_underlined_and_the_format_prints_as_the_table_does(tables):
    sheet = opened(tables)["dice"]
    (table,) = (table for table in tables if table.name == "dice")
    ((_, rows),) = table.groups
    for line, row in enumerate(rows, start=6):
        assert [cell.value for cell in sheet[line][1:3]] == [row.title, row.labels]
        for cell, written in zip(row.cells, sheet[line][3:], strict=True):
            assert f"{written.value:.15g}" == f"{cell.value:.15g}"
            assert written.number_format == ('0.0"*"' if cell.significance else "0.0")
            assert bool(written.font.bold) == (cell.mark == "best")
            assert (written.font.underline == "single") == (cell.mark == "second")
    assert any(cell.significance for row in rows for cell in row.cells)


def test_an_interval_has_columns_of_its_own(tables):
    sheet = opened(tables)["comparisons"]
    heads = [cell.value for cell in sheet[5]]
    at = heads.index("Difference")
    assert heads[at : at + 3] == ["Difference", "Difference, low", "Difference, high"]
    difference, low, high = (sheet.cell(6, at + place).value for place in (1, 2, 3))
    assert low < difference < high


def hostile(name, cell=None):
    row = TableRow(name, "100%", False, (cell or TableCell("1.0", value=1.0),))
    return ResultTable("dice", name, name, (name,), ((name, (row,)),), name)


@pytest.mark.parametrize("text", ["=1+1", '=HYPERLINK("x")', "@SUM(A1)", "+1", "-1", "\t=1", "a\x07b", "{=1}"])
def test_text_stays_text_and_is_never_a_formula(text):
    content = to_excel([hostile(text, TableCell(text))])
    sheet = openpyxl.load_workbook(io.BytesIO(content))["dice"]
    shown = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert len(shown) >= 8
    assert {cell.data_type for cell in shown} == {"s"}
    assert sum(cell.value == text.replace("\x07", "") for cell in shown) >= 6
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (TableCell("90.59 (p)", value=90.59), '0.00" (p)"'),
        (TableCell("+1.2", value=1.2, significance="*"), '+0.0"*";-0.0"*";0.0"*"'),
        (TableCell("12", value=12.0), "0"),
        (TableCell("<0.001", value=1e-5), '"<0.001"'),
    ],
)
def test_a_number_looks_as_it_is_printed(cell, expected):
    written = opened([hostile("m", cell)])["dice"].cell(6, 4)
    assert written.value == cell.value
    assert written.number_format == expected


def test_what_is_never_reached_is_a_word():
    written = opened([hostile("m", TableCell("never", value=float("inf")))])["dice"].cell(6, 4)
    assert written.value == "never"


def test_published_columns_stand_under_a_heading_of_their_own(tables):
    (table,) = (table for table in tables if table.name == "iou")
    wide = replace(table, spans=(("Measured here", len(table.columns) - 1), ("Published", 1)))
    sheet = opened([wide])["iou"]
    assert [cell.value for cell in sheet[4] if cell.value] == ["Measured here", "Published"]
    assert str(sheet.merged_cells).count("D4:J4") == 1


def test_the_same_tables_give_the_same_bytes_and_no_time(tables):
    first = to_excel(tables)
    time.sleep(1.1)
    assert to_excel(tables) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"dcterms" not in archive.read("docProps/core.xml").replace(b"xmlns:dcterms", b"")


def test_sheet_names_are_short_allowed_and_each_another():
    tables = [replace(hostile("m"), name=name) for name in ("a/b[c]:d", "x" * 40, "X" * 40, "x" * 40, "")]
    names = sheet_names(tables)
    assert names[0] == "a-b-c--d"
    assert len({name.lower() for name in names}) == 5
    assert max(map(len, names)) <= 31
