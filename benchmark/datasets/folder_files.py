"""The files that a folder or a pattern of the data set ``folder`` means, each with the name that pairs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from biclip_bench.errors import UserError

from .base import Part
from .case_files import Defect
from .image_files import bare_name, image_suffix
from .pairing import listed_files

PART_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Folders, and values of a column, that name a part; upper and lower case are the same."""


@dataclass(frozen=True)
class FoundFile:
    """An image file.

    Parameters
    ----------
    path
        Where it lies.
    name
        What pairs images and masks: the path below the given folder without suffix and without the part's folder, or
        what the wildcards of a pattern stand for, joined by slashes.
    part
        The part whose folder it lies in; None where it is in none.
    """

    path: Path
    name: str
    part: Part | None


def find_images(root: Path, place: str, defects: list[Defect], *, by_part: bool) -> list[FoundFile]:
    """Find the image files of a folder (with those below it) or a pattern, in the order of their paths.

    Parameters
    ----------
    root
        The data set's folder.
    place
        A folder relative to it, which may also lie in folders named after parts (``train/images`` for ``images``); or a
        pattern with ``*``, ``?`` or ``**``, relative to it too.
    defects
        Gets files that are no images, as warnings.
    by_part
        Whether folders named after parts (:data:`PART_WORDS`) tell the part.

    Raises
    ------
    UserError
        If there is no such folder, or no image fits the pattern.
    """
    pattern = re.search(r"[*?]", place) is not None
    found = _by_pattern(root, place) if pattern else _in_folder(root, place, defects)
    if not found:
        fits = f"fits {place!r} in {root}" if pattern else f"lies in the folder {root / place}"
        raise UserError(f"No image {fits}: name the folder or pattern with --data-option images= or masks=.")
    return [
        _placed(path, root, pieces) if by_part else FoundFile(path, "/".join(pieces), None) for path, pieces in found
    ]


def _in_folder(root: Path, place: str, defects: list[Defect]) -> list[tuple[Path, list[str]]]:
    folders = [root / place] if (root / place).is_dir() else []
    if place != ".":
        folders += [
            path / place for path in listed_files(root) if path.name.lower() in PART_WORDS and (path / place).is_dir()
        ]
    if not folders:
        raise UserError(
            f"There is no folder {place!r} in {root}, nor in folders train, val and test there: name the right one, or "
            "a pattern such as '*/image*.png', with --data-option images= or masks=."
        )
    found = []
    for folder in folders:
        # The part's folder stands in front where it is above the named one.
        above = [] if folder == root / place else [folder.relative_to(root).parts[0]]
        for path in _below(folder):
            if image_suffix(path.name):
                *inner, last = path.relative_to(folder).parts
                found.append((path, [*above, *inner, bare_name(last)]))
            else:
                message = f"{path} is not an image and not used."
                defects.append(Defect("not-an-image", message, "warning"))
    return found


def _below(folder: Path) -> list[Path]:
    files: list[Path] = []
    for path in listed_files(folder):
        files += _below(path) if path.is_dir() else [path]
    return files


def _by_pattern(root: Path, pattern: str) -> list[tuple[Path, list[str]]]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise UserError(f"The pattern {pattern!r} leads out of the data set: write it relative to --data-root.")
    expression = _expression(pattern)
    found = []
    for path in sorted(root.glob(pattern)):
        match = expression.fullmatch(path.relative_to(root).as_posix())
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if match is None or hidden or not path.is_file() or not image_suffix(path.name):
            continue
        # A wildcard at the end stands for the suffix too.
        pieces = [piece for group in match.groups() if group for piece in bare_name(group).split("/")]
        found.append((path, pieces or [bare_name(path.name)]))
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    """Write a pattern as a regular expression with a group for each wildcard."""
    written = ""
    for piece in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        written += {"**/": "(?:(.*)/)?", "**": "(.*)", "*": "([^/]*)", "?": "([^/])"}.get(piece, re.escape(piece))
    return re.compile(written)


def _placed(path: Path, root: Path, pieces: list[str]) -> FoundFile:
    folders = path.relative_to(root).parts[:-1]
    named = next((folder for folder in folders if folder.lower() in PART_WORDS), None)
    if named is None:
        return FoundFile(path, "/".join(pieces), None)
    rest = list(pieces)
    if named in rest[:-1]:
        rest.remove(named)
    return FoundFile(path, "/".join(rest), PART_WORDS[named.lower()])
