"""Workbooks of texts, the same bytes whenever they are written."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

from ..datasets.text_tables import IMAGE_COLUMN, TEXT_COLUMN

_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip archive can say."""

_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")


def workbook(rows: Sequence[tuple[str, str]]) -> bytes:
    """Write a workbook with the columns Image and Description.

    Neither the time of writing nor anything of this machine goes into it, so that two people who prepare the same
    download have the same manifest.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Texts")
    for row in ((IMAGE_COLUMN, TEXT_COLUMN), *sorted(rows)):
        sheet.append([_plain(sheet, text) for text in row])
    written, fixed = io.BytesIO(), io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in sorted(source.namelist()):
            content = source.read(entry)
            if entry == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>2000-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(entry, _DATE), content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def _plain(sheet: Any, text: str) -> object:
    """A cell that holds the text itself: one that begins with = would be a formula."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell
