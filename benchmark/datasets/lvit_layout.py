"""LViT's folder layout: which image, mask and text belong together.

Each of ``Train_Folder``, ``Val_Folder`` and ``Test_Folder`` holds images in ``img``, masks in ``labelcol`` and one
workbook such as ``Train_text.xlsx`` with the columns ``Image`` and ``Description``
(https://github.com/HUANGLIZI/LViT). ``Image`` names the mask, which may differ from the image in its suffix
(MoNuSeg) or by a leading ``mask_`` (QaTa-COV19).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biclip_bench.errors import UserError

from .base import Part
from .case_files import CaseFiles, Defect, Listing
from .image_files import IMAGE_SUFFIXES
from .lvit_names import group_of
from .text_tables import TextRow, read_text_table

PART_FOLDERS: dict[Part, str] = {"train": "Train_Folder", "val": "Val_Folder", "test": "Test_Folder"}
MASK_PREFIX = "mask_"
_DESKTOP_FILES = frozenset({"thumbs.db", "desktop.ini"})


def read_lvit(root: Path) -> Listing:
    """Match all files and texts of a data set.

    Images, masks and rows that fit nothing, or several things, become defects; all else becomes cases.

    Raises
    ------
    UserError
        If a folder or workbook of the layout is missing, cannot be read, or is empty.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}: give the folder that holds {', '.join(PART_FOLDERS.values())}.")
    files: list[CaseFiles] = []
    defects: list[Defect] = []
    for part, folder in PART_FOLDERS.items():
        files += _match_part(root / folder, part, defects)
    return Listing(tuple(files), tuple(defects))


def _match_part(folder: Path, part: Part, defects: list[Defect]) -> list[CaseFiles]:
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}: LViT's layout has {', '.join(PART_FOLDERS.values())}, "
            "each with img, labelcol and a workbook."
        )
    images = list_images(folder / "img", defects)
    masks = list_images(folder / "labelcol", defects)
    rows = read_text_table(_find_workbook(folder), defects)
    if not images and not masks and not rows:
        raise UserError(f"The part {folder} is empty: its img folder should hold at least one image.")
    if not images:
        raise UserError(f"The folder {folder / 'img'} holds no image: it should hold one for each mask in labelcol.")

    by_stem = images_by_stem(images, defects, part)
    mask_of = _match_masks(masks, by_stem, folder, part, defects)
    text_of = _match_rows(rows, by_stem, part, defects)
    for stem, image in by_stem.items():
        if stem not in mask_of:
            message = (
                f"The image {image} has no mask: {folder / 'labelcol'} should hold {stem}.png or "
                f"{MASK_PREFIX}{stem}.png."
            )
            defects.append(Defect("image-without-mask", message, cases=(f"{part}/{stem}",)))
        elif stem not in text_of:
            message = (
                f"The image {image} has no text: the workbook in {folder} should have a row whose Image is "
                f"{mask_of[stem].name}."
            )
            defects.append(Defect("image-without-text", message, cases=(f"{part}/{stem}",)))
    return [
        CaseFiles(part, stem, by_stem[stem], mask_of[stem], text_of[stem].text, group_of(stem), text_of[stem].where)
        for stem in sorted(by_stem)
        if stem in mask_of and stem in text_of
    ]


def list_images(folder: Path, defects: list[Defect]) -> list[Path]:
    """List the image files of a folder, sorted; anything else but a desktop's own files is a defect.

    Raises
    ------
    UserError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: LViT's layout has img and labelcol in every part.")
    files = sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in _DESKTOP_FILES
    )
    known = [path for path in files if not path.is_dir() and path.suffix.lower() in IMAGE_SUFFIXES]
    suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
    for path in files:
        if path not in known:
            message = f"{path} is not an image: {folder} should hold only files ending in {suffixes}."
            defects.append(Defect("not-an-image", message))
    return known


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


def images_by_stem(images: Iterable[Path], defects: list[Defect], part: Part) -> dict[str, Path]:
    """Key images by their name without suffix; of two that differ in their suffix alone the first stays."""
    found: dict[str, Path] = {}
    for path in images:
        if path.stem in found:
            message = (
                f"The images {found[path.stem]} and {path} differ only in their suffix, so their mask and text are "
                "ambiguous: keep one or rename."
            )
            defects.append(Defect("ambiguous-image", message, cases=(f"{part}/{path.stem}",)))
            continue
        found[path.stem] = path
    return found


def image_stem(stem: str, images: dict[str, Path]) -> str | None:
    """Return the image that a mask's stem means: the same stem, or the same without ``mask_``."""
    if stem in images:
        return stem
    bare = stem.removeprefix(MASK_PREFIX)
    return bare if bare in images else None


def _match_masks(
    masks: list[Path], images: dict[str, Path], folder: Path, part: Part, defects: list[Defect]
) -> dict[str, Path]:
    matched: dict[str, Path] = {}
    for mask in masks:
        stem = image_stem(mask.stem, images)
        if stem is None:
            message = (
                f"The mask {mask} has no image: {folder / 'img'} should hold an image named "
                f"{mask.stem.removeprefix(MASK_PREFIX)}."
            )
            defects.append(Defect("mask-without-image", message))
        elif stem in matched:
            message = (
                f"Two masks fit the image {images[stem]}: {matched[stem].name} and {mask.name} in "
                f"{folder / 'labelcol'}. Keep one."
            )
            defects.append(Defect("two-masks", message, cases=(f"{part}/{stem}",)))
        else:
            matched[stem] = mask
    return matched


def _match_rows(rows: list[TextRow], images: dict[str, Path], part: Part, defects: list[Defect]) -> dict[str, TextRow]:
    matched: dict[str, TextRow] = {}
    for row in rows:
        name = Path(row.name)
        stem = image_stem(name.stem if name.suffix.lower() in IMAGE_SUFFIXES else row.name, images)
        if stem is None:
            message = (
                f"{row.where} names {row.name!r}, and there is no such image: delete the row or add the image and "
                "its mask."
            )
            defects.append(Defect("text-without-image", message))
        elif stem in matched:
            message = (
                f"{row.where} and row {matched[stem].number} both give a text to the image {images[stem]}: keep one."
            )
            defects.append(Defect("two-texts", message, cases=(f"{part}/{stem}",)))
        else:
            matched[stem] = row
    return matched
