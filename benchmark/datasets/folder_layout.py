"""Any folder of images and masks: which image, mask, row, group and part belong together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from biclip_bench.errors import UserError

from .base import PARTS, Part
from .case_files import CaseFiles, Defect, Listing
from .dealing import deal_groups
from .dicom_files import DICOM_SUFFIXES, patient_of
from .folder_files import PART_WORDS, FoundFile, find_images
from .folder_options import NONE, FolderOptions, fractions_of, group_pattern_of, naming_of
from .image_files import bare_name, image_suffix
from .lvit_names import group_of
from .pairing import Naming, Place, ambiguous_images, pair_masks, two_texts
from .text_tables import TextRow, read_text_table

_Key = tuple[Part | None, str]
"""An image's part, as far as its folder tells, and its name."""


@dataclass(frozen=True)
class _Found:
    """An image with its mask."""

    image: Path
    mask: Path


def read_folder(root: Path, options: FolderOptions) -> Listing:
    """Match all files and texts, and tell each case's group and part.

    Raises
    ------
    UserError
        If a folder or table is missing, an option is not written right, or a split cannot be made.
    """
    naming, pattern = naming_of(options), group_pattern_of(options)
    shares = fractions_of(options)
    needs_table = [name for name in ("group_column", "part_column") if getattr(options, name) != NONE]
    if options.texts == NONE and needs_table:
        raise UserError(
            f"Option {needs_table[0]!r} of data set 'folder' names a column of the table of texts: name that table "
            "with --data-option texts=FILE, and add --data-option text_column=none if it holds no texts."
        )
    defects: list[Defect] = []
    by_part = options.part_column == NONE
    masks = find_images(root, options.masks, defects, by_part=by_part)
    mask_paths = {mask.path for mask in masks}
    images = find_images(root, options.images, defects, by_part=by_part)
    # A pattern for images may fit masks too, which lie beside them.
    images = [image for image in images if image.path not in mask_paths]
    in_parts = any(image.part is not None for image in images)
    found = _pair(root, options, images, masks, naming, defects)

    rows = _rows(root, options, defects)
    row_of = None if rows is None else _rows_by_key(rows, found, root, naming, defects)
    files: list[CaseFiles] = []
    for (part, name), pair in found.items():
        row = row_of.get((part, name)) if row_of is not None else None
        if row_of is not None and row is None:
            message = (
                f"The image {pair.image} has no row in {options.texts}: its column {options.image_column} should hold "
                f"{pair.image.name} or {pair.mask.name}."
            )
            defects.append(Defect("image-without-text", message))
            continue
        placed = _part(part, row, options, pair, in_parts, defects)
        group, known = _group(pair.image, name, row, options, pattern, root, defects)
        if placed is None or not known:
            continue
        text, where = (row.text, row.where) if row else ("", "")
        files.append(CaseFiles(placed, name, pair.image, pair.mask, text, group, where))
    split = ""
    if not in_parts and by_part:
        files, defects, split = _dealt(files, defects, shares, options)
    order = {part: place for place, part in enumerate(PARTS)}
    files = _once(sorted(files, key=lambda case: (order[case.part], case.name, case.image)), defects)
    return Listing(tuple(files), tuple(defects), split)


def _pair(
    root: Path,
    options: FolderOptions,
    images: Iterable[FoundFile],
    masks: Iterable[FoundFile],
    naming: Naming,
    defects: list[Defect],
) -> dict[_Key, _Found]:
    named: dict[Part | None, dict[str, Path]] = {}
    twice: set[_Key] = set()
    for image in images:
        known = named.setdefault(image.part, {})
        if image.name in known:
            case = f"{image.part or 'train'}/{image.name}"
            defects.append(ambiguous_images(known[image.name], image.path, case))
            twice.add((image.part, image.name))
        known.setdefault(image.name, image.path)
    mask_list: dict[Part | None, list[tuple[str, Path]]] = {}
    for mask in masks:
        mask_list.setdefault(mask.part, []).append((mask.name, mask.path))
    found: dict[_Key, _Found] = {}
    for part in sorted({*named, *mask_list}, key=str):
        note = f" (part {part})" if part else ""
        place = Place(part or "train", root / options.images, root / options.masks, note)
        begun = len(defects)
        matched = pair_masks(mask_list.get(part, []), named.get(part, {}), naming, place, defects)
        unclear = {case for defect in defects[begun:] for case in defect.cases}
        for name, path in matched.items():
            if (part, name) not in twice and place.case(name) not in unclear:
                found[part, name] = _Found(named[part][name], path)
    return found


def _rows(root: Path, options: FolderOptions, defects: list[Defect]) -> list[TextRow] | None:
    if options.texts == NONE:
        return None
    book = root / options.texts if (root / options.texts).is_file() else Path(options.texts)
    others = [column for column in (options.group_column, options.part_column) if column != NONE]
    return read_text_table(
        book,
        defects,
        image_column=options.image_column,
        text_column=None if options.text_column == NONE else options.text_column,
        others=others,
    )


def _rows_by_key(
    rows: Iterable[TextRow],
    found: Mapping[_Key, _Found],
    root: Path,
    naming: Naming,
    defects: list[Defect],
) -> dict[_Key, TextRow]:
    """Find the image that each row means: by its path or name, then by its last part, then without a mask's mark."""
    whole: dict[str, set[_Key]] = {}
    last: dict[str, set[_Key]] = {}
    for key, pair in found.items():
        part, name = key
        paths = [bare_name(path.relative_to(root).as_posix()) for path in (pair.image, pair.mask)]
        for text in (name, f"{part}/{name}", *paths):
            whole.setdefault(text, set()).add(key)
        for text in (name, *paths):
            last.setdefault(text.rpartition("/")[2], set()).add(key)
    matched: dict[_Key, TextRow] = {}
    unclear: set[_Key] = set()
    for row in rows:
        name = bare_name(Path(row.name).as_posix())
        names = [name, *naming.images(name)]
        keys = next((known[name] for name in names for known in (whole, last) if name in known), set())
        if not keys:
            message = (
                f"{row.where} names {row.name!r}, and there is no such image with a mask: delete the row or add them."
            )
            defects.append(Defect("text-without-image", message))
        elif len(keys) > 1:
            fits = ", ".join(sorted(str(found[key].image) for key in keys))
            message = f"{row.where} names {row.name!r}, which fits several images ({fits}): write more of the path."
            defects.append(Defect("ambiguous-text", message))
            unclear |= keys
        else:
            (key,) = keys
            if key in matched:
                part, stem = key
                defects.append(two_texts(row, matched[key], found[key].image, f"{part or 'train'}/{stem}"))
                unclear.add(key)
            matched.setdefault(key, row)
    return {key: row for key, row in matched.items() if key not in unclear}


def _part(
    part: Part | None, row: TextRow | None, options: FolderOptions, pair: _Found, in_parts: bool, defects: list[Defect]
) -> Part | None:
    """Tell the part of a case; ``train`` for now where all are to be dealt."""
    if row is not None and options.part_column != NONE:
        value = row.others[options.part_column]
        if value.lower() not in PART_WORDS:
            message = f"{row.where} says {value!r} in its column {options.part_column}: write train, val or test."
            defects.append(Defect("unknown-part", message))
        return PART_WORDS.get(value.lower())
    if part is None and in_parts:
        message = f"The image {pair.image} lies in no folder train, val or test, and others do: move it into one."
        defects.append(Defect("image-without-part", message))
        return None
    return part or "train"


def _group(
    image: Path,
    name: str,
    row: TextRow | None,
    options: FolderOptions,
    pattern: re.Pattern[str] | None,
    root: Path,
    defects: list[Defect],
) -> tuple[str | None, bool]:
    """Return a case's patient or study, None where nothing tells, and whether that is as asked for."""
    if row is not None and options.group_column != NONE:
        return row.others[options.group_column], True
    if pattern is not None:
        match = pattern.search(image.relative_to(root).as_posix())
        group = match and (match[1] if match.re.groups else match[0])
        if not group:
            message = f"Option 'group_pattern', {pattern.pattern!r}, finds no group in {image}: widen it."
            defects.append(Defect("image-without-group", message))
            return None, False
        return group, True
    if image_suffix(image.name).lower() in DICOM_SUFFIXES:
        try:
            return patient_of(image), True
        except UserError as error:
            defects.append(Defect("unreadable", str(error)))
            return None, False
    return group_of(name.rpartition("/")[2]), True


def _dealt(
    files: list[CaseFiles], defects: list[Defect], shares: Mapping[Part, float], options: FolderOptions
) -> tuple[list[CaseFiles], list[Defect], str]:
    def group(case: CaseFiles) -> str:
        return case.group if case.group is not None else f"/{case.name}"

    sizes = Counter(map(group, files))
    needed = sum(share > 0 for share in shares.values())
    if files and len(sizes) < needed:
        raise UserError(
            f"A split of whole groups needs one for each of {needed} parts, and there are {len(sizes)}: name the parts "
            "by folders train, val and test or a part_column, tell patients apart by group_column or group_pattern, or "
            "use all for one part with --data-option fractions=0:0:100."
        )
    part_of = deal_groups(sizes, shares)
    moved = {f"train/{case.name}": f"{part_of[group(case)]}/{case.name}" for case in files}
    files = [replace(case, part=part_of[group(case)]) for case in files]
    defects = [replace(defect, cases=tuple(moved.get(case, case) for case in defect.cases)) for defect in defects]
    unit = "groups" if any(case.group is not None for case in files) else "images, whose patients are not known,"
    return files, defects, f"made by biclip-bench: whole {unit} dealt {options.fractions} by a fixed rule"


def _once(files: list[CaseFiles], defects: list[Defect]) -> list[CaseFiles]:
    """Leave out cases whose ids are the same, which a column of parts can bring about."""
    ids = Counter(case.id for case in files)
    for case in files:
        if ids[case.id] > 1:
            message = f"The image {case.image} shares its part and name with another: rename one."
            defects.append(Defect("ambiguous-image", message))
    return [case for case in files if ids[case.id] == 1]
