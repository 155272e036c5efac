"""Where each file of a download goes, so that the data set's own loader reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from biclip_bench.errors import UserError

from ..datasets.base import PARTS, Part
from ..datasets.image_files import bare_name, image_suffix
from ..datasets.lvit_layout import PART_FOLDERS
from .given_texts import NAMING, PartLists, composed
from .recognise import FolderPair
from .sources import Source
from .workbooks import workbook


@dataclass(frozen=True)
class Placement:
    """A file of a prepared folder.

    Parameters
    ----------
    target
        Its path there, with slashes.
    source
        Its path in the source; None for one that is written here.
    content
        What is written where there is no source.
    """

    target: str
    source: str | None = None
    content: bytes = b""


@dataclass
class Arrangement:
    """A prepared folder before it is written.

    Parameters
    ----------
    placements
        Its files.
    notes
        What was left out or is worth knowing, a sentence each.
    options
        What ``--data-option`` must say for the loader to read it.
    """

    placements: list[Placement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def add(self, target: str, source: str | None = None, content: bytes = b"") -> None:
        """Place a file."""
        self.placements.append(Placement(target, source, content))

    def checked(self) -> Arrangement:
        """Return this one, sorted.

        Raises
        ------
        UserError
            If two files have one place.
        """
        taken: dict[str, str | None] = {}
        for placed in self.placements:
            key = placed.target.casefold()
            if key in taken:
                raise UserError(
                    f"Two files, {taken[key]} and {placed.source}, would both become {placed.target}: rename one."
                )
            taken[key] = placed.source
        self.placements.sort(key=lambda placed: placed.target)
        return self


def images_in(source: Source, folder: str) -> list[str]:
    """List the image files of a folder of a source, with those below it."""
    prefix = f"{folder}/" if folder else ""
    return [path for path in source.files if path.startswith(prefix) and image_suffix(path.rpartition("/")[2])]


def copy_folders(
    source: Source, pairs: Sequence[FolderPair], targets: Sequence[tuple[str, str]], made: Arrangement
) -> None:
    """Place all images and masks of each pair, under the names they have, in a pair of folders."""
    for pair, folders in zip(pairs, targets, strict=True):
        for folder, target in zip((pair.images, pair.masks), folders, strict=True):
            for path in images_in(source, folder):
                made.add(f"{target}/{path[len(folder) + 1 if folder else 0 :]}", path)


def sort_into_parts(source: Source, pairs: Sequence[FolderPair], lists: PartLists, *, fixed: bool) -> Arrangement:
    """Place images, masks and texts in LViT's layout, by the parts that tables tell.

    Parameters
    ----------
    source
        The download.
    pairs
        Its images and masks.
    lists
        The tables.
    fixed
        Whether folders tell every part, and tables the texts alone.

    Raises
    ------
    UserError
        If a part would be empty.
    """
    made = Arrangement()
    rows: dict[Part, list[tuple[str, str]]] = {part: [] for part in PARTS}
    used: set[str] = set()
    untold: list[str] = []
    orphans: list[str] = []
    for pair in pairs:
        images: dict[str, list[str]] = {}
        for path in images_in(source, pair.images):
            images.setdefault(bare_name(_file_name(path)), []).append(path)
        parts = {name: pair.part if fixed else lists.part_of(name, pair.part) for name in images}
        mask_names: dict[str, str] = {}
        for path in images_in(source, pair.masks):
            file = _file_name(path)
            meant = NAMING.meant(bare_name(file), images)
            if len(meant) != 1:
                orphans.append(path)
            elif (part := parts[meant[0]]) is not None:
                # LViT's loader knows masks by the image's name, with or without mask_ in front.
                known = bare_name(file) in (meant[0], f"mask_{meant[0]}")
                mask_names[meant[0]] = file if known else meant[0] + image_suffix(file)
                made.add(f"{PART_FOLDERS[part]}/labelcol/{mask_names[meant[0]]}", path)
        for name, paths in images.items():
            part = parts[name]
            if part is None:
                untold += paths
                continue
            for path in paths:
                made.add(f"{PART_FOLDERS[part]}/img/{_file_name(path)}", path)
            row = lists.row_of(name, part)
            if row is not None:
                used.add(row.where)
                if row.text:
                    # LViT's code looks a text up by the mask's file name.
                    rows[part].append((mask_names.get(name, name), row.text))
    _check_parts(made)
    for part, own in rows.items():
        book = f"{PART_FOLDERS[part]}/{PART_FOLDERS[part].removesuffix('_Folder')}_text.xlsx"
        made.add(book, content=workbook(own))
    made.notes += _left(untold, "Images that no table names, left out")
    made.notes += _left(orphans, "Masks that fit no image, or several, left out")
    made.notes += _left([row.where for row in lists.unused(used)], "Rows of tables that name no image here, left out")
    return made


def _file_name(path: str) -> str:
    return composed(path.rpartition("/")[2])


def _check_parts(made: Arrangement) -> None:
    for part, folder in PART_FOLDERS.items():
        if not any(placed.target.startswith(f"{folder}/img/") for placed in made.placements):
            raise UserError(
                f"No image is told to be for {part}: give with --texts the tables that tell the parts by their names, "
                "Train_..., Val_... and Test_... (LViT's QaTa-COV19 has Train_ID.xlsx and Val_ID.xlsx for this), with "
                "the images' or masks' names in a column Image."
            )


def _left(what: Sequence[str], words: str) -> list[str]:
    return [f"{words}: {len(what)} ({what[0]} first)."] if what else []
