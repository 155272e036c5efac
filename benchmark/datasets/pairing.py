"""Which image a mask or a row of a table means: the same name, or the same without what marks a mask.

What fits two images, or two masks or rows that fit one, is an error and never guessed: the case is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .base import Part
from .case_files import CaseFiles, Defect
from .image_files import bare_name, image_suffix
from .lvit_names import group_of
from .text_tables import TextRow

_DESKTOP_FILES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Naming:
    """How masks are named after their images, beyond bearing the same name.

    Parameters
    ----------
    prefixes, suffixes
        What may stand before the image's name, or behind it.
    """

    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()

    def images(self, name: str) -> list[str]:
        """Return the names of images that a mask's name without file suffix may mean besides its own, sorted.

        Only the last part of a name with folders in it is changed.
        """
        folder, slash, last = name.rpartition("/")
        bare = {last.removeprefix(prefix) for prefix in self.prefixes if last.startswith(prefix)}
        bare |= {last.removesuffix(suffix) for suffix in self.suffixes if last.endswith(suffix)}
        return sorted(f"{folder}{slash}{stem}" for stem in bare if stem)

    def masks(self, name: str) -> list[str]:
        """Return the names that an image's mask may have."""
        folder, slash, last = name.rpartition("/")
        own = [last, *(prefix + last for prefix in self.prefixes), *(last + suffix for suffix in self.suffixes)]
        return [f"{folder}{slash}{stem}" for stem in own]

    def meant(self, name: str, images: Mapping[str, object]) -> list[str]:
        """Return the images that a name means: the one of the same name, otherwise those without a mask's mark."""
        return [name] if name in images else [bare for bare in self.images(name) if bare in images]


LVIT_NAMING = Naming(prefixes=("mask_",))


@dataclass(frozen=True)
class Place:
    """The part whose files are paired, and where they lie, for messages.

    Parameters
    ----------
    part
        The part.
    images, masks
        The folders, or patterns that find them.
    note
        Said behind a folder.
    """

    part: Part
    images: Path
    masks: Path
    note: str = ""

    def case(self, name: str) -> str:
        """The id of the case with this name."""
        return f"{self.part}/{name}"


def listed_files(folder: Path) -> list[Path]:
    """List a folder, sorted, without hidden files and what desktops leave behind."""
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in _DESKTOP_FILES
    )


def list_images(folder: Path, defects: list[Defect]) -> list[Path]:
    """List the image files of a folder that exists, sorted; anything else but a desktop's own files is a defect."""
    known = []
    for path in listed_files(folder):
        if image_suffix(path.name) and path.is_file():
            known.append(path)
        else:
            message = f"{path} is not an image: {folder} should hold only PNG, TIFF, JPEG, BMP, DICOM or NIfTI files."
            defects.append(Defect("not-an-image", message))
    return known


def images_by_name(images: Iterable[Path], place: Place, defects: list[Defect]) -> dict[str, Path]:
    """Key images by their name without suffix; two that differ in their suffix alone are an error."""
    found: dict[str, Path] = {}
    for path in images:
        name = bare_name(path.name)
        if name in found:
            defects.append(ambiguous_images(found[name], path, place.case(name)))
        found.setdefault(name, path)
    return found


def ambiguous_images(first: Path, second: Path, case: str) -> Defect:
    """Say that two images have one name."""
    message = (
        f"The images {first} and {second} differ only in their suffix, so their mask and text are ambiguous: keep one "
        "or rename."
    )
    return Defect("ambiguous-image", message, cases=(case,))


def pair_masks(
    masks: Iterable[tuple[str, Path]], images: Mapping[str, Path], naming: Naming, place: Place, defects: list[Defect]
) -> dict[str, Path]:
    """Find each image's mask.

    Parameters
    ----------
    masks
        Each mask's name without suffix, and the file.
    images
        The images by name.
    naming
        How masks are named.
    place
        For messages.
    defects
        Gets masks without image, images without mask, and what is ambiguous.

    Returns
    -------
    dict
        A mask for each image that has one, by the image's name.
    """
    matched: dict[str, Path] = {}
    for name, mask in masks:
        meant = naming.meant(name, images)
        if not meant:
            wanted = naming.images(name) or [name]
            message = (
                f"The mask {mask} has no image: {place.images}{place.note} should hold an image named {wanted[0]}."
            )
            defects.append(Defect("mask-without-image", message))
        elif len(meant) > 1:
            message = f"The mask {mask} fits several images ({', '.join(meant)}): rename it."
            defects.append(Defect("ambiguous-mask", message, cases=tuple(map(place.case, meant))))
        elif meant[0] in matched:
            message = (
                f"Two masks fit the image {images[meant[0]]}: {matched[meant[0]].name} and {mask.name} in "
                f"{place.masks}{place.note}. Keep one."
            )
            defects.append(Defect("two-masks", message, cases=(place.case(meant[0]),)))
        else:
            matched[meant[0]] = mask
    for name, image in images.items():
        if name not in matched:
            wanted = [f"{stem}.png" for stem in naming.masks(name)]
            message = f"The image {image} has no mask: {place.masks}{place.note} should hold {' or '.join(wanted)}."
            defects.append(Defect("image-without-mask", message, cases=(place.case(name),)))
    return matched


def pair_rows(
    rows: Iterable[TextRow], images: Mapping[str, Path], naming: Naming, place: Place, defects: list[Defect]
) -> dict[str, TextRow]:
    """Find each image's row; a row names the image or its mask, with or without suffix. See :func:`pair_masks`."""
    matched: dict[str, TextRow] = {}
    for row in rows:
        meant = naming.meant(bare_name(Path(row.name).name), images)
        if not meant:
            message = (
                f"{row.where} names {row.name!r}, and there is no such image: delete the row or add the image and its "
                "mask."
            )
            defects.append(Defect("text-without-image", message))
        elif len(meant) > 1:
            message = f"{row.where} names {row.name!r}, which fits several images ({', '.join(meant)}): rename it."
            defects.append(Defect("ambiguous-text", message, cases=tuple(map(place.case, meant))))
        elif meant[0] in matched:
            defects.append(two_texts(row, matched[meant[0]], images[meant[0]], place.case(meant[0])))
        else:
            matched[meant[0]] = row
    return matched


def two_texts(row: TextRow, earlier: TextRow, image: Path, case: str) -> Defect:
    """Say that two rows give a text to one image."""
    other = f"row {earlier.number}" + (f" of {earlier.book}" if earlier.book != row.book else "")
    message = f"{row.where} and {other} both give a text to the image {image}: keep one."
    return Defect("two-texts", message, cases=(case,))


def cases_of_part(
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    rows: Mapping[str, TextRow] | None,
    book: Path | str,
    place: Place,
    defects: list[Defect],
) -> list[CaseFiles]:
    """Put image, mask and text together.

    Parameters
    ----------
    images, masks, rows
        By the image's name; without rows every text is empty.
    book
        Where texts should stand, for messages.
    place
        The part.
    defects
        Gets images that have a mask and no text.

    Returns
    -------
    list of CaseFiles
        The whole cases by name.
    """
    cases = []
    for name in sorted(set(images) & set(masks)):
        row = rows.get(name) if rows is not None else None
        if rows is not None and row is None:
            message = (
                f"The image {images[name]} has no text: {book} should have a row whose Image is {masks[name].name}."
            )
            defects.append(Defect("image-without-text", message, cases=(place.case(name),)))
            continue
        text, where = (row.text, row.where) if row else ("", "")
        cases.append(CaseFiles(place.part, name, images[name], masks[name], text, group_of(name), where))
    return cases
