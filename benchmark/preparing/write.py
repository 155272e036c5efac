"""A download laid out in a folder of its own: each file whole or not at all, and the source never changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from ..listed_files import LOCK, MANIFEST, TEMPORARY, files_in, inner_path, only_writer
from .archives import whole_archive
from .arrange import Arrangement, Placement
from .sources import FolderSource, Source

JOURNAL = ".preparing.json"
"""Says which preparation an unfinished folder belongs to."""

_BLOCK = 4096
"""Bytes that a file takes at least on most disks."""


@dataclass(frozen=True)
class Prepared:
    """What was written: how many files, and how many were there already."""

    written: int
    kept: int


def arrangement_state(source: Source, arrangement: Arrangement) -> str:
    """Digest of a source and of where its files go: the same for the same preparation."""
    places = [
        (placed.target, placed.source, hashlib.sha256(placed.content).hexdigest()) for placed in arrangement.placements
    ]
    return hashlib.sha256(repr((source.state, places)).encode()).hexdigest()


def check_target(folder: Path, state: str) -> None:
    """Check that a folder is new, empty, or this preparation's own.

    Raises
    ------
    UserError
        If it holds anything else: nothing is ever overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --to the name of a new folder.")
    begun = folder / JOURNAL
    if begun.exists():
        try:
            there = json.loads(begun.read_bytes()).get("state")
        except (OSError, ValueError, AttributeError):
            there = None
        if there != state:
            raise UserError(
                f"The folder {folder} holds a preparation of something else that was interrupted, or the download has "
                "changed since. Nothing there was changed: give --to the name of a new folder, or delete that one."
            )
        return
    others = [path for path in files_in(folder) if path != LOCK] if folder.exists() else []
    if others:
        raise UserError(
            f"The folder {folder} holds {others[0]!r}{f' and {len(others) - 1} more' if len(others) > 1 else ''}, and "
            "nothing is overwritten: give --to the name of a new or empty folder."
        )


def lay_out(source: Source, arrangement: Arrangement, folder: Path, console: Console, *, link: bool) -> Prepared:
    """Write the files of an arrangement that are not there yet.

    Parameters
    ----------
    source
        The download.
    arrangement
        Where its files go.
    folder
        The prepared folder; :func:`check_target` let it pass.
    console
        Shows the progress.
    link
        Whether files become hard links to the source's instead of copies.

    Raises
    ------
    UserError
        If the disk has no room or fails, the archive is not whole, or files cannot be linked.
    """
    state = arrangement_state(source, arrangement)
    for placed in arrangement.placements:
        try:
            inner_path(placed.target)
        except ValueError as error:
            raise UserError(f"{placed.source}: {error}. Rename it: not every system can hold such a name.") from error
    with only_writer(folder, "prepared data set"):
        for name in files_in(folder):
            if TEMPORARY.fullmatch(name.rpartition("/")[2]):
                (folder / name).unlink()
        missing = [placed for placed in arrangement.placements if not _is_there(folder, placed, source)]
        if not link:
            _check_room(folder, missing, source)
        write_atomically(folder / JOURNAL, json.dumps({"state": state}))
        for parent in {(folder / placed.target).parent for placed in missing}:
            parent.mkdir(parents=True, exist_ok=True)
        for placed in missing:
            if placed.source is None:
                write_atomically(folder / placed.target, placed.content)
        taken = {placed.source: folder / placed.target for placed in missing if placed.source is not None}
        if link:
            _link(source, taken)
        else:
            _copy(source, taken, console)
    return Prepared(len(missing), len(arrangement.placements) - len(missing))


def finish(folder: Path, manifest: str) -> None:
    """Write the manifest, and remove what only an unfinished folder needs."""
    write_atomically(folder / MANIFEST, manifest)
    (folder / JOURNAL).unlink(missing_ok=True)


def _is_there(folder: Path, placed: Placement, source: Source) -> bool:
    # Files get their name when they are whole, so that the size only guards against changes by hand.
    size = len(placed.content) if placed.source is None else source.files[placed.source]
    path = folder / placed.target
    return path.is_file() and path.stat().st_size == size


def _check_room(folder: Path, missing: Sequence[Placement], source: Source) -> None:
    sizes = [len(placed.content) if placed.source is None else source.files[placed.source] for placed in missing]
    needed = sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"The prepared data set takes {needed / 1e9:.2f} GB, and the disk of {folder} has {free / 1e9:.2f} GB "
            "free: free some, give --to a folder on another disk, or use --link where the download is an unpacked "
            "folder on the same disk."
        )


def _copy(source: Source, taken: dict[str, Path], console: Console) -> None:
    quiet = not console.is_terminal
    with whole_archive(source.name):
        files = source.take(list(taken))
        for path, file in track(files, "Copying", len(taken), console=console, transient=True, disable=quiet):
            target = taken[path]
            temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
            try:
                with temporary.open("wb") as written:
                    shutil.copyfileobj(file, written)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)


def _link(source: Source, taken: dict[str, Path]) -> None:
    if not isinstance(source, FolderSource):
        raise UserError(f"--link links the files of a folder, and {source.name} is an archive: leave --link out.")
    for path, target in taken.items():
        try:
            os.link(source.path_of(path).resolve(), target)
        except OSError as error:
            raise UserError(
                f"{source.path_of(path)} cannot be linked to {target} ({error.strerror or error}): hard links need "
                "both on one disk. Leave --link out to copy."
            ) from error
