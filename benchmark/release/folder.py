"""The folder of a release while it is written: what may lie there, and how an interrupted one goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from ..listed_files import LOCK, MANIFEST, TEMPORARY, file_digest, file_line, files_in
from .manifest import Manifest, ReleasedFile, read_manifest

JOURNAL = "unfinished.jsonl"
"""First line: the manifest without files. Then a line for each file that is written whole."""


def check_folder(folder: Path) -> None:
    """Check that a release may be written, or go on, in a folder, before anything is computed.

    Raises
    ------
    UserError
        If it is a file, or holds files of something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --output the name of a folder.")
    if (folder / MANIFEST).exists() or (folder / JOURNAL).exists():
        return
    others = [path for path in files_in(folder) if not _is_ours(path)]
    if others:
        raise UserError(
            f"The folder {folder} holds {_some(others)}, and a release needs a folder of its own, because everything "
            "in it counts. Give --output the name of a new or empty folder."
        )


class Journal:
    """The files of an unfinished release that are written whole.

    Parameters
    ----------
    folder
        The release's folder, where only this process writes.
    header
        The manifest without files.
    paths
        Every file that the release will hold.

    Raises
    ------
    UserError
        If the folder holds a release of other settings, one that was begun with other versions of the software, or
        other files.
    """

    def __init__(self, folder: Path, header: Manifest, paths: Sequence[str]) -> None:
        self.folder = folder
        self.header = header
        self.files: dict[str, ReleasedFile] = {}
        path = folder / JOURNAL
        if path.exists():
            self._resume(path)
        expected = set(paths)
        others = [name for name in files_in(folder) if name not in expected and not _is_ours(name)]
        if others:
            raise UserError(
                f"The unfinished release in {folder} holds {_some(others)}, of another origin: move them out, then run "
                "the same command again."
            )
        # Written anew, so that half a line that a killed process left is not continued.
        lines = [json.dumps(header.header, ensure_ascii=False), *map(file_line, self.files.values())]
        write_atomically(path, "".join(f"{line}\n" for line in lines))

    def write(self, contents: Sequence[tuple[bytes, ReleasedFile]]) -> None:
        """Write files, and then a line for each."""
        for content, file in contents:
            path = self.folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
            self.files[file.path] = file
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.writelines(f"{file_line(file)}\n" for _, file in contents)

    def finish(self) -> Manifest:
        """Write the manifest, and remove what only an unfinished release needs."""
        for name in files_in(self.folder):
            if TEMPORARY.fullmatch(name.rpartition("/")[2]):
                (self.folder / name).unlink()
        files = tuple(self.files[path] for path in sorted(self.files))
        manifest = self.header.model_copy(update={"files": files})
        write_atomically(self.folder / MANIFEST, manifest.to_text())
        (self.folder / JOURNAL).unlink()
        return manifest

    def _resume(self, path: Path) -> None:
        try:
            first, *lines = path.read_text(encoding="utf-8").split("\n")
            begun = json.loads(first)
        except (OSError, ValueError) as error:
            raise UserError(
                f"The journal {path} of an unfinished release cannot be read ({error}): give --output the name of a "
                "new folder."
            ) from error
        refuse_other(self.folder, begun, self.header.header, "an unfinished release")
        for line in lines:
            try:
                file = ReleasedFile.model_validate_json(line)
            except ValidationError:
                continue  # the end of a line that a killed process did not write
            if _is_whole(self.folder, file):
                self.files[file.path] = file


def finished_in(folder: Path, header: Manifest) -> Manifest | None:
    """Return the manifest if the folder holds this very release, finished.

    Raises
    ------
    UserError
        If it holds a finished release of other settings.
    """
    if not (folder / MANIFEST).exists():
        return None
    manifest = read_manifest(folder)
    refuse_other(folder, manifest.settings, header.settings, "a finished release")
    (folder / JOURNAL).unlink(missing_ok=True)
    return manifest


def refuse_other(folder: Path, there: Any, wanted: dict[str, Any], what: str) -> None:
    """Refuse a folder whose release differs from the one wanted.

    Raises
    ------
    UserError
        Names the first key that differs.
    """
    if there == wanted:
        return
    held = there if isinstance(there, dict) else {}
    key = next(key for key in (*wanted, "file") if key not in held or held[key] != wanted.get(key))
    command = f" It was written by '{held['command']}'." if key != "software" and "command" in held else ""
    raise UserError(
        f"The folder {folder} holds {what} that differs from this one in {key!r}.{command} Nothing there was changed: "
        "give --output the name of a new folder, or move that one away."
    )


def _is_whole(folder: Path, file: ReleasedFile) -> bool:
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.bytes and file_digest(path) == file.sha256


def _is_ours(path: str) -> bool:
    return path in (LOCK, JOURNAL, MANIFEST) or TEMPORARY.fullmatch(path.rpartition("/")[2]) is not None


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"the file {paths[0]!r}{more}"
