"""LViT's folder layout: which image, mask and text belong together.

Each of ``Train_Folder``, ``Val_Folder`` and ``Test_Folder`` holds images in ``img``, masks in ``labelcol`` and one
workbook such as ``Train_text.xlsx`` with the columns ``Image`` and ``Description``
(https://github.com/HUANGLIZI/LViT). ``Image`` names the mask, which may differ from the image in its suffix
(MoNuSeg) or by a leading ``mask_`` (QaTa-COV19).
"""

from __future__ import annotations

from pathlib import Path

from biclip_bench.errors import UserError

from .base import Part
from .case_files import CaseFiles, Defect, Listing
from .image_files import bare_name
from .pairing import LVIT_NAMING, Place, cases_of_part, images_by_name, list_images, pair_masks, pair_rows
from .text_tables import read_text_table

PART_FOLDERS: dict[Part, str] = {"train": "Train_Folder", "val": "Val_Folder", "test": "Test_Folder"}


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
    place = Place(part, folder / "img", folder / "labelcol")
    for needed in (place.images, place.masks):
        if not needed.is_dir():
            raise UserError(f"There is no folder {needed}: LViT's layout has img and labelcol in every part.")
    images, masks = list_images(place.images, defects), list_images(place.masks, defects)
    book = _find_workbook(folder)
    rows = read_text_table(book, defects)
    if not images and not masks and not rows:
        raise UserError(f"The part {folder} is empty: its img folder should hold at least one image.")
    if not images:
        raise UserError(f"The folder {place.images} holds no image: it should hold one for each mask in labelcol.")
    named = images_by_name(images, place, defects)
    mask_of = pair_masks([(bare_name(mask.name), mask) for mask in masks], named, LVIT_NAMING, place, defects)
    row_of = pair_rows(rows, named, LVIT_NAMING, place, defects)
    return cases_of_part(named, mask_of, row_of, f"the workbook {book}", place, defects)


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
