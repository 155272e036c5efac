"""What was downloaded, a folder or an archive: the files in it, listed and taken out one by one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Protocol

from biclip_bench.errors import UserError

from .archive_safety import is_junk


class Source(Protocol):
    """A download.

    Attributes
    ----------
    name
        Of the file or folder, without where it lies.
    """

    name: str

    @property
    def files(self) -> Mapping[str, int]:
        """Size in bytes of every file by its path in the source, with slashes, sorted."""
        ...

    @property
    def state(self) -> str:
        """Digest of what is in it, as far as that is known without reading every byte."""
        ...

    def take(self, wanted: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
        """Open files one after the other, each to be read before the next, in the order that is fastest."""
        ...


class FolderSource:
    """A folder; links in it are followed, each folder once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.resolve().name
        self._stamps: list[tuple[str, int, int]] = []
        visited: set[Path] = set()
        for place, folders, names in os.walk(folder, followlinks=True):
            here = Path(place)
            # A link to a folder above would never end.
            if here.resolve() in visited:
                folders.clear()
                continue
            visited.add(here.resolve())
            folders.sort()
            for name in names:
                path = (here / name).relative_to(folder).as_posix()
                if is_junk(path) or not (here / name).is_file():
                    continue
                status = (here / name).stat()
                self._stamps.append((path, status.st_size, status.st_mtime_ns))
        self.files: Mapping[str, int] = {path: size for path, size, _ in sorted(self._stamps)}

    @property
    def state(self) -> str:
        """Digest of names, sizes and times of change."""
        return hashlib.sha256(repr(sorted(self._stamps)).encode()).hexdigest()

    def path_of(self, path: str) -> Path:
        """Where a file lies."""
        return self.folder / path

    def take(self, wanted: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
        """Open files one after the other."""
        for path in wanted:
            with (self.folder / path).open("rb") as file:
                yield path, file


@contextmanager
def tables_of(source: Source, paths: Sequence[str], folder: Path) -> Iterator[dict[str, Path]]:
    """Let tables of a source be read as files: an archive's are unpacked for as long as this is open.

    Parameters
    ----------
    source
        The download.
    paths
        Files in it.
    folder
        An empty folder to unpack to.
    """
    if isinstance(source, FolderSource):
        yield {path: source.path_of(path) for path in paths}
        return
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        found = {}
        for number, (path, file) in enumerate(source.take(paths)):
            place = folder / str(number) / path.rpartition("/")[2]
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as target:
                shutil.copyfileobj(file, target)
            found[path] = place
        yield found


def open_source(path: Path, factor: float = 1.0) -> Source:
    """Open a folder, a zip or a tar archive, and list it.

    Parameters
    ----------
    path
        As given.
    factor
        Multiplies the limits on what an archive may hold.

    Raises
    ------
    UserError
        If there is none, it is no archive, it is not whole, or it holds what an honest one does not.
    """
    import tarfile
    import zipfile

    from .archive_safety import Limits
    from .archives import TarSource, ZipSource

    if path.is_dir():
        return FolderSource(path)
    if not path.is_file():
        raise UserError(f"There is no file or folder {path}: give what was downloaded with --from.")
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return ZipSource(path, Limits(factor))
    if path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")) or tarfile.is_tarfile(path):
        return TarSource(path, Limits(factor))
    raise UserError(
        f"{path} is no folder, zip or tar archive. Unpack other archives (7z, rar) yourself and give the folder."
    )
