"""Texts and lists of parts that come apart from the images, as LViT's workbooks do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from biclip_bench.errors import UserError

from ..datasets.base import PARTS, Part
from ..datasets.folder_files import PART_WORDS
from ..datasets.image_files import bare_name
from ..datasets.pairing import Naming
from ..datasets.table_files import TABLE_SUFFIXES, read_table
from ..datasets.text_tables import IMAGE_COLUMN, TEXT_COLUMN

NAMING = Naming(prefixes=("mask_",), suffixes=("_mask", "-mask"))
"""How masks may be named after their images in a download."""


@dataclass(frozen=True)
class GivenRow:
    """A row: the name as written, and the text."""

    name: str
    text: str
    where: str


@dataclass(frozen=True)
class GivenTable:
    """A table that was given.

    Parameters
    ----------
    path
        The file.
    parts
        The parts that its name tells: ``Train_text.xlsx`` is for training; empty where it tells none.
    has_texts
        Whether it has texts; otherwise it only lists names, as LViT's ``Train_ID.xlsx`` does.
    rows
        By name without suffix.
    """

    path: Path
    parts: frozenset[Part]
    has_texts: bool
    rows: dict[str, GivenRow]

    def row_of(self, image: str) -> GivenRow | None:
        """Return the row of an image, which may name its mask."""
        return next((self.rows[name] for name in NAMING.masks(image) if name in self.rows), None)


def read_given(path: Path) -> GivenTable:
    """Read a table with the columns Image and Description, or Image alone.

    Raises
    ------
    UserError
        If it is no table, has no column Image, or names an image twice with different texts.
    """
    try:
        rows, has_texts = read_table(path, [IMAGE_COLUMN, TEXT_COLUMN]), True
    except UserError:
        # Without a column of texts it is a list; if there is no column of names either, this tells it.
        rows, has_texts = read_table(path, [IMAGE_COLUMN]), False
    found: dict[str, GivenRow] = {}
    for row in rows:
        name = row.cells[IMAGE_COLUMN]
        if not name:
            continue
        given = GivenRow(name, row.cells.get(TEXT_COLUMN, ""), f"Row {row.number} of {path}")
        key = bare_name(composed(Path(name).name))
        if key in found and found[key].text != given.text:
            raise UserError(f"{given.where} and an earlier row give different texts to {name!r}: keep one.")
        found.setdefault(key, given)
    return GivenTable(path, parts_told(path.name), has_texts, found)


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC): macOS writes file names decomposed, and tables rarely are."""
    return unicodedata.normalize("NFC", name)


def parts_told(name: str) -> frozenset[Part]:
    """Return the parts that a table's file name tells.

    Examples
    --------
    >>> sorted(parts_told("Train_Val_text.xlsx"))
    ['train', 'val']
    """
    return frozenset(PART_WORDS[word] for word in re.findall("[a-z]+", name.lower()) if word in PART_WORDS)


def given_files(paths: Iterable[Path], suffixes: Sequence[str] = TABLE_SUFFIXES) -> list[Path]:
    """List the files that ``--texts`` means: each file, and of a folder those that end right.

    Raises
    ------
    UserError
        If there is no such file, or a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                file
                for file in path.iterdir()
                if file.name.lower().endswith(tuple(suffixes)) and not file.name.startswith(("~$", "."))
            )
            if not inside:
                raise UserError(f"The folder {path} of --texts holds no file that ends in {', '.join(suffixes)}.")
            found += inside
        elif path.is_file():
            if not path.name.lower().endswith(tuple(suffixes)):
                raise UserError(f"--texts {path}: for this data set it should end in {', '.join(suffixes)}.")
            found.append(path)
        else:
            raise UserError(f"There is no file {path}: name with --texts the tables that came apart from the images.")
    return found


class PartLists:
    """Tells the part and the text of an image from the tables that were given.

    Lists of names alone (``Train_ID.xlsx``) tell the part; for parts that have none, the tables of texts do. Where
    lists tell training from validation, a table of texts named after training serves both, as LViT's does.
    """

    def __init__(self, tables: Sequence[GivenTable]) -> None:
        self._lists = [table for table in tables if not table.has_texts]
        self._texts = [table for table in tables if table.has_texts]
        for table in self._lists:
            if len(table.parts) != 1:
                raise UserError(
                    f"{table.path} has no column {TEXT_COLUMN}, so it should tell a part by its name: Train, Val or "
                    "Test in the file's name."
                )
        self._listed = {part for table in self._lists for part in table.parts}

    def part_of(self, image: str, folder: Part | None) -> Part | None:
        """Tell an image's part.

        Parameters
        ----------
        image
            Its name without suffix.
        folder
            What its folder says; a training folder may hold the validation part too.

        Returns
        -------
        Part or None
            None where no table names it.

        Raises
        ------
        UserError
            If tables of several parts do.
        """
        telling = self._lists + [
            table for table in self._texts if len(table.parts) == 1 and not table.parts & self._listed
        ]
        allowed: set[Part] = set(PARTS) if folder is None else {folder}
        if folder == "train":
            allowed.add("val")
        named = [table for table in telling if table.parts <= allowed and table.row_of(image)]
        found = {part: table.path.name for table in named for part in table.parts}
        if len(found) > 1:
            raise UserError(
                f"The image {image} is named by {' and by '.join(sorted(found.values()))}, so its part is not clear: "
                "delete it from one of them."
            )
        return next(iter(found), None)

    def row_of(self, image: str, part: Part) -> GivenRow | None:
        """Return the row that gives an image of a part its text.

        Raises
        ------
        UserError
            If several give different texts.
        """
        serves = {part, "train"} if part == "val" and self._listed else {part}
        rows = [row for table in self._texts if not table.parts or table.parts & serves if (row := table.row_of(image))]
        other = next((row for row in rows if row.text != rows[0].text), None)
        if other is not None:
            raise UserError(f"{rows[0].where} and {other.where} give different texts to the image {image}: keep one.")
        return rows[0] if rows else None

    def unused(self, used: set[str]) -> list[GivenRow]:
        """Return the rows with texts whose place (``where``) is not among those used."""
        return [row for table in self._texts for row in table.rows.values() if row.where not in used]
