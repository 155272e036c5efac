"""LViT's folder layout: which image, mask and text belong together.

Each of ``Train_Folder``, ``Val_Folder`` and ``Test_Folder`` holds images in ``img``, masks in ``labelcol`` and one
workbook such as ``Train_text.xlsx`` with the columns ``Image`` and ``Description``
(https://github.com/HUANGLIZI/LViT). ``Image`` names the mask, which may differ from the image in its suffix
(MoNuSeg) or by a leading ``mask_`` (QaTa-COV19).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from biclip_bench.errors import UserError

from .base import Part
from .image_files import IMAGE_SUFFIXES
from .lvit_workbook import TextRow, read_workbook

PART_FOLDERS: dict[Part, str] = {"train": "Train_Folder", "val": "Val_Folder", "test": "Test_Folder"}
_MASK_PREFIX = "mask_"
_DESKTOP_FILES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Triple:
    """An image, its mask and its text.

    Parameters
    ----------
    part
        The part whose folder they lie in.
    stem
        The image's name without its suffix.
    image, mask
        The files.
    text
        The report.
    """

    part: Part
    stem: str
    image: Path
    mask: Path
    text: str


def find_triples(root: Path) -> list[Triple]:
    """Match all files and texts of a data set, sorted by part and name.

    Raises
    ------
    UserError
        At the first missing, superfluous, duplicate or ambiguous file or row, named.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}: give the folder that holds {', '.join(PART_FOLDERS.values())}.")
    return [triple for part, folder in PART_FOLDERS.items() for triple in _match_part(root / folder, part)]


def _match_part(folder: Path, part: Part) -> list[Triple]:
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}: LViT's layout has {', '.join(PART_FOLDERS.values())}, "
            "each with img, labelcol and a workbook."
        )
    images = _list_images(folder / "img")
    masks = _list_images(folder / "labelcol")
    rows = read_workbook(_find_workbook(folder))
    if not images and not masks and not rows:
        raise UserError(f"The part {folder} is empty: its img folder should hold at least one image.")
    if not images:
        raise UserError(f"The folder {folder / 'img'} holds no image: it should hold one for each mask in labelcol.")

    by_stem = _by_stem(images)
    mask_of = _match_masks(masks, by_stem, folder)
    text_of = _match_rows(rows, by_stem)
    for stem, image in by_stem.items():
        if stem not in mask_of:
            raise UserError(
                f"The image {image} has no mask: {folder / 'labelcol'} should hold {stem}.png or "
                f"{_MASK_PREFIX}{stem}.png."
            )
        if stem not in text_of:
            raise UserError(
                f"The image {image} has no text: the workbook in {folder} should have a row whose Image is "
                f"{mask_of[stem].name}."
            )
    return [Triple(part, stem, by_stem[stem], mask_of[stem], text_of[stem].text) for stem in sorted(by_stem)]


def _list_images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: LViT's layout has img and labelcol in every part.")
    files = sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in _DESKTOP_FILES
    )
    for path in files:
        if path.is_dir() or path.suffix.lower() not in IMAGE_SUFFIXES:
            raise UserError(
                f"{path} is not an image: {folder} should hold only files ending in "
                f"{', '.join(sorted(IMAGE_SUFFIXES))}."
            )
    return files


def _find_workbook(folder: Path) -> Path:
    # Excel leaves a lock file "~$name.xlsx" beside a workbook that is open.
    books = sorted(p for p in folder.glob("*.xlsx") if not p.name.startswith(("~$", ".")))
    expected = folder / f"{folder.name.removesuffix('_Folder')}_text.xlsx"
    if expected in books:
        return expected
    if not books:
        raise UserError(f"There is no workbook {expected}: it should hold the columns Image and Description.")
    if len(books) > 1:
        names = ", ".join(book.name for book in books)
        raise UserError(f"{folder} holds several workbooks ({names}): keep one, or name the right one {expected.name}.")
    return books[0]


def _by_stem(images: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in images:
        if path.stem in found:
            raise UserError(
                f"The images {found[path.stem]} and {path} differ only in their suffix, so their mask and text are "
                "ambiguous: keep one or rename."
            )
        found[path.stem] = path
    return found


def _image_stem(stem: str, images: dict[str, Path]) -> str | None:
    """Return the image that a mask's stem means: the same stem, or the same without ``mask_``."""
    if stem in images:
        return stem
    bare = stem.removeprefix(_MASK_PREFIX)
    return bare if bare in images else None


def _match_masks(masks: list[Path], images: dict[str, Path], folder: Path) -> dict[str, Path]:
    matched: dict[str, Path] = {}
    for mask in masks:
        stem = _image_stem(mask.stem, images)
        if stem is None:
            raise UserError(
                f"The mask {mask} has no image: {folder / 'img'} should hold an image named "
                f"{mask.stem.removeprefix(_MASK_PREFIX)}."
            )
        if stem in matched:
            raise UserError(
                f"Two masks fit the image {images[stem]}: {matched[stem].name} and {mask.name} in "
                f"{folder / 'labelcol'}. Keep one."
            )
        matched[stem] = mask
    return matched


def _match_rows(rows: list[TextRow], images: dict[str, Path]) -> dict[str, TextRow]:
    matched: dict[str, TextRow] = {}
    for row in rows:
        name = Path(row.name)
        stem = _image_stem(name.stem if name.suffix.lower() in IMAGE_SUFFIXES else row.name, images)
        if stem is None:
            raise UserError(
                f"{row.where} names {row.name!r}, and there is no such image: delete the row or add the image and "
                "its mask."
            )
        if stem in matched:
            raise UserError(
                f"{row.where} and row {matched[stem].number} both give a text to the image {images[stem]}: keep one."
            )
        matched[stem] = row
    return matched
