"""Files that a manifest lists with their digests: named below a folder, found there, and compared with it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from filelock import FileLock, Timeout
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.progress import track

from biclip_bench.errors import UserError

MANIFEST = "manifest.json"
LOCK = ".writing.lock"

_FORBIDDEN = re.compile(r'[\\:*?"<>|\x00-\x1f]')
_CHUNK = 1 << 20
_OF_THE_SYSTEM = re.compile(r"\.DS_Store|Thumbs\.db|desktop\.ini|\._.*", re.IGNORECASE)
"""What file browsers leave in every folder that they show."""

TEMPORARY = re.compile(r"\..+\.\d+\.part")
"""Names under which :func:`~biclip_bench.files.write_atomically` writes."""


def inner_path(path: str) -> str:
    """Return a path with slashes if it leads to a place below a folder on every system.

    Raises
    ------
    ValueError
        If it does not, or is the manifest's own.
    """
    parts = path.split("/")
    if "" in parts or "." in parts or ".." in parts or _FORBIDDEN.search(path) or path == MANIFEST:
        raise ValueError(f"{path!r} is no plain path below the manifest's folder")
    return path


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, AfterValidator(inner_path)]


class ListedFile(BaseModel):
    """A file of a manifest: where it lies below its folder, its size and its bytes' digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: InnerPath
    bytes: int = Field(ge=0)
    sha256: Digest


def file_line(file: ListedFile) -> str:
    """Write one file's entry as JSON on one line."""
    return json.dumps(file.model_dump(mode="json", exclude_none=True), ensure_ascii=False)


def manifest_text(header: Mapping[str, Any], files: Iterable[ListedFile]) -> str:
    """Write a manifest as JSON, one file a line, after all that is not a file."""
    head = json.dumps(header, indent=2, ensure_ascii=False, allow_nan=False)
    lines = ",\n".join("    " + file_line(file) for file in files)
    return f'{head[:-2]},\n  "files": [\n{lines}\n  ]\n}}\n'


def first_fault(error: ValidationError) -> str:
    """Say where a manifest is wrong and why: ``"files.3.path: ..."``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key}: {first['msg'].removeprefix('Value error, ')}"


def check_names(folder: Path, listed: Iterable[ListedFile], what: str) -> None:
    """Refuse a manifest that names a file twice, also by case alone, or one outside its folder by way of a link.

    Raises
    ------
    UserError
        If it does.
    """
    seen: set[str] = set()
    for file in listed:
        if file.path.casefold() in seen:
            raise UserError(
                f"The manifest {folder / MANIFEST} names the file {file.path!r} twice: it was changed by hand."
            )
        seen.add(file.path.casefold())
        check_link(folder, file.path, what)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def files_in(folder: Path) -> list[str]:
    """List every file below a folder as a path with slashes, sorted, without what file browsers leave behind.

    Symbolic links are listed and never followed.
    """
    found = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        names = [name for name in (*files, *links) if not _OF_THE_SYSTEM.fullmatch(name)]
        found += [(here / name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


def check_link(folder: Path, path: str, what: str) -> None:
    """Refuse a path below a folder that a symbolic link on the way leads out of it.

    Raises
    ------
    UserError
        If one does.
    """
    # Every folder on the way counts: any of them may be a link.
    if not folder.joinpath(*PurePosixPath(path).parts).resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{path!r} in {folder} is a symbolic link that leads out of the {what}, and is not followed: put the file "
            "itself in its place."
        )


@dataclass(frozen=True)
class Verification:
    """What a check found; paths are below the folder.

    Parameters
    ----------
    whole
        Number of files that are as the manifest says.
    missing, changed
        Files of the manifest that are not there, or have other bytes.
    added
        Files that the manifest does not name. What file browsers leave (``.DS_Store`` and the like) does not count.
    """

    whole: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def findings(self) -> dict[str, tuple[str, ...]]:
        """What is wrong, by kind; empty where all is as listed."""
        found = {"missing": self.missing, "changed": self.changed, "added": self.added}
        return {kind: paths for kind, paths in found.items() if paths}


def verify_listed(folder: Path, listed: Sequence[ListedFile], console: Console) -> Verification:
    """Compare every file of a folder with its manifest."""
    missing, changed = compare_files(folder, listed, console)
    named = {file.path for file in listed} | {MANIFEST}
    added = [path for path in files_in(folder) if path not in named]
    return Verification(len(listed) - len(missing) - len(changed), tuple(missing), tuple(changed), tuple(added))


def compare_files(folder: Path, listed: Sequence[ListedFile], console: Console) -> tuple[list[str], list[str]]:
    """Compare files with their entries of the manifest.

    Returns
    -------
    missing, changed : list of str
        Paths of those that are not there, or have other bytes.
    """
    missing, changed = [], []
    for file in track(listed, "Verifying", console=console, transient=True, disable=not console.is_terminal):
        path = folder / file.path
        if not path.is_file():
            missing.append(file.path)
        elif path.stat().st_size != file.bytes or file_digest(path) != file.sha256:
            changed.append(file.path)
    return missing, changed


def print_findings(folder: Path, found: Verification, what: str, console: Console) -> None:
    """Print every file that is not as listed.

    Raises
    ------
    UserError
        If there is any.
    """
    for kind, paths in found.findings.items():
        for path in paths:
            console.print(f"{kind}: {path}", markup=False, highlight=False, soft_wrap=True)
    if found.findings:
        told = "; ".join(f"{len(paths)} {kind} ({_some(paths)})" for kind, paths in found.findings.items())
        raise UserError(
            f"The {what} {folder} is not whole: {told}. Copy or download it again, and move files that are not of it "
            "out of its folder."
        )


_NAMED = 5


def _some(paths: tuple[str, ...]) -> str:
    more = ", ..." if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


@contextmanager
def only_writer(folder: Path, what: str) -> Iterator[None]:
    """Keep a second process from writing to a folder at the same time.

    Parameters
    ----------
    folder
        Made if it is not there.
    what
        What is written there, for messages: ``"release"``.

    Raises
    ------
    UserError
        If one does, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            try:
                yield
            finally:
                (folder / LOCK).unlink(missing_ok=True)
    except Timeout as error:
        raise UserError(f"Another process is writing the {what} in {folder}: wait for it.") from error
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        raise UserError(
            f"Writing the {what} to {folder} failed ({where}). What is written is kept: once there is room and "
            "permission, the same command goes on."
        ) from error
