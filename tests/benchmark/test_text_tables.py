"""Texts come out of workbooks, CSV and JSON Lines alike, and what is wrong is named by file and row."""

import csv
import json

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biclip_bench.benchmark.datasets.text_tables import read_text_table
from biclip_bench.errors import UserError

ROWS = [("mask_a.png", 'Two areas; upper left lung, "faint".'), ("mask_b.png", "Links: größer\nals rechts.")]


def write_workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def write_separated(path, rows, separator=",", encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)


def write_lines(path, rows):
    header, *rest = rows
    lines = (json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in rest)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


WRITERS = {
    "book.xlsx": write_workbook,
    "comma.csv": write_separated,
    "semicolon.csv": lambda path, rows: write_separated(path, rows, ";"),
    "tab.tsv": lambda path, rows: write_separated(path, rows, "\t"),
    "excel.csv": lambda path, rows: write_separated(path, rows, ";", "utf-8-sig"),
    "lines.jsonl": write_lines,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_texts(tmp_path, name):
    defects = []
    WRITERS[name](tmp_path / name, [("Image", "Description"), *ROWS])
    rows = read_text_table(tmp_path / name, defects)
    assert [(row.name, row.text) for row in rows] == ROWS
    assert defects == []


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"))), max_size=6))
def test_any_text_survives_every_separator(tmp_path_factory, texts):
    kept = [text.strip() for text in texts if text.strip()]
    folder = tmp_path_factory.mktemp("tables")
    for name in ("comma.csv", "semicolon.csv", "tab.tsv", "lines.jsonl"):
        rows = [("Image", "Description"), ("first.png", "x"), *((f"{n}.png", text) for n, text in enumerate(kept))]
        WRITERS[name](folder / name, rows)
        assert [row.text for row in read_text_table(folder / name, [])][1:] == kept


@pytest.mark.parametrize("name", WRITERS)
def test_a_row_that_lacks_something_is_named(tmp_path, name):
    defects = []
    WRITERS[name](tmp_path / name, [("Image", "Description"), ROWS[0], ("b.png", " "), ("", "Lost.")])
    assert len(read_text_table(tmp_path / name, defects)) == 1
    first = 2 if name.endswith("jsonl") else 3
    assert [defect.kind for defect in defects] == ["row-without-text", "row-without-name"]
    assert f"Row {first} of {tmp_path / name} (b.png) has no text" in defects[0].message
    assert f"Row {first + 1} of" in defects[1].message


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_column_is_named_with_those_there(tmp_path, name):
    WRITERS[name](tmp_path / name, [("File", "Description"), ROWS[0]])
    with pytest.raises(UserError, match=rf"{name} should have .* Image in its .*'description'"):
        read_text_table(tmp_path / name, [])


def test_other_columns_are_read_by_the_names_given(tmp_path):
    write_separated(tmp_path / "t.csv", [("file", "report", "Patient"), ("a.png", "Text.", "7")])
    (row,) = read_text_table(tmp_path / "t.csv", [], image_column="File", text_column="Report", others=["patient"])
    assert (row.name, row.text, row.others) == ("a.png", "Text.", {"patient": "7"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "Image,Description\nx.png,größer".encode("latin-1"), r"Line 2 of .*a\.csv is not UTF-8"),
        ("a.csv", b'Image,Description\nx.png,"open', r"Row 2 of .*a\.csv .*quotation"),
        ("a.csv", b"", r"a\.csv should have one column Image .* has nothing"),
        ("a.csv", b"Image,Image,Description\n", r"should have one column Image"),
        ("a.jsonl", b'{"Image": "x", "Description": "t"}\nnone\n', r"Line 2 of .*a\.jsonl is not JSON"),
        ("a.jsonl", b'{"Image": "x", "Description": ["t"]}\n', r"Line 1 of .* Description should be one text"),
        ("a.jsonl", b"[1]\n", r"Line 1 of .*a\.jsonl is not an object"),
        ("a.xlsx", b"Image,Description", r"workbook .*a\.xlsx cannot be read"),
        ("a.docx", b"", r"a\.docx is not a table: it should end in \.xlsx, \.csv"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_text_table(tmp_path / name, [])


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no table .*a\.csv: it should hold the columns Image and Description"):
        read_text_table(tmp_path / "a.csv", [])
