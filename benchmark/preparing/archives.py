"""Zip and tar archives as sources: listed and checked whole before anything is taken out, then read as a stream."""

from __future__ import annotations

import hashlib
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from biclip_bench.errors import UserError

from .archive_safety import Limits, add_once, is_junk, refuse_kind, safe_name

_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError)


class ZipSource:
    """A zip archive.

    Parameters
    ----------
    path
        The file.
    limits
        How much it may hold.

    Raises
    ------
    UserError
        If it is not whole, is encrypted, holds links or other special entries, a name that leads out of the folder, the
        same name twice, or more than the limits allow.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.name = path, path.name
        self._entries: dict[str, zipfile.ZipInfo] = {}
        found: dict[str, int] = {}
        seen: set[str] = set()
        with whole_archive(path), zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        packed = path.stat().st_size
        limits.check(path.name, packed=packed, unpacked=sum(entry.file_size for entry in entries), files=len(entries))
        for entry in entries:
            name = safe_name(_zip_name(entry), path.name)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refuse_kind(entry.filename, "a link" if kind == stat.S_IFLNK else "a special file", path.name)
            if entry.is_dir() or kind == stat.S_IFDIR or is_junk(name):
                continue
            if entry.flag_bits & _ENCRYPTED_FLAG:
                raise UserError(f"The archive {path} is encrypted: unpack it yourself and give the folder.")
            add_once(found, seen, name, entry.file_size, path.name)
            self._entries[name] = entry
        self.files: Mapping[str, int] = dict(sorted(found.items()))

    @property
    def state(self) -> str:
        """Digest of names, sizes and checksums."""
        listed = [(name, entry.file_size, entry.CRC) for name, entry in sorted(self._entries.items())]
        return hashlib.sha256(repr(listed).encode()).hexdigest()

    def take(self, wanted: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
        """Open files in the order in which they lie in the archive; a torn one fails when it is read."""
        with whole_archive(self.path), zipfile.ZipFile(self.path) as archive:
            for name in sorted(wanted, key=lambda name: self._entries[name].header_offset):
                with archive.open(self._entries[name]) as file:
                    yield name, file


class TarSource:
    """A tar archive, plain or compressed; see :class:`ZipSource`.

    Listing a compressed one reads it through. Every entry must also pass Python's ``data`` filter (PEP 706).
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        if not hasattr(tarfile, "data_filter"):
            raise UserError(
                f"This Python cannot unpack tar archives safely (3.11.4 and later can): unpack {path.name} "
                "yourself and give the folder."
            )
        self.path, self.name = path, path.name
        self._members: dict[str, str] = {}
        found: dict[str, int] = {}
        seen: set[str] = set()
        packed, unpacked, listed = path.stat().st_size, 0, 0
        digest = hashlib.sha256()
        with whole_archive(path), tarfile.open(path, "r:*") as archive:
            # One by one: the size of an entry is known, and checked, before its bytes are passed over.
            while (member := archive.next()) is not None:
                unpacked, listed = unpacked + max(member.size, 0), listed + 1
                limits.check(path.name, packed=packed, unpacked=unpacked, files=listed)
                if member.isdir() and member.name in (".", "./"):
                    continue
                name = safe_name(member.name, path.name)
                _check_member(member, path)
                digest.update(repr((name, member.size, int(member.mtime), member.chksum)).encode())
                if member.isreg() and not is_junk(name):
                    add_once(found, seen, name, member.size, path.name)
                    self._members[name] = member.name
        self._state = digest.hexdigest()
        self.files: Mapping[str, int] = dict(sorted(found.items()))

    @property
    def state(self) -> str:
        """Digest of names, sizes and times of change."""
        return self._state

    def take(self, wanted: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
        """Open files in one pass over the archive."""
        names = {self._members[name]: name for name in wanted}
        with whole_archive(self.path), tarfile.open(self.path, "r|*") as archive:
            for member in archive:
                if member.isreg() and member.name in names:
                    file = archive.extractfile(member)
                    if file is not None:
                        yield names[member.name], file


def _check_member(member: tarfile.TarInfo, path: Path) -> None:
    if member.issym() or member.islnk():
        raise refuse_kind(member.name, "a link", path.name)
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise refuse_kind(member.name, "a special file", path.name)
    try:
        tarfile.data_filter(member, "unpacked")
    except tarfile.FilterError as error:
        raise UserError(
            f"The entry {member.name!r} of {path.name} is not safe ({error}): nothing was unpacked."
        ) from error


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name; macOS and Linux write UTF-8 without saying so, and it would be read as code page 437."""
    if entry.flag_bits & _UTF8_FLAG or entry.filename.isascii():
        return entry.orig_filename if "\x00" in entry.orig_filename else entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


@contextmanager
def whole_archive(path: Path | str) -> Iterator[None]:
    """Tell of an archive that turns out not to be whole while it is read.

    Raises
    ------
    UserError
        If it does; what the system says of disks and rights passes.
    """
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(
            f"The archive {path} is not whole or not one ({error or type(error).__name__}): download it again."
        ) from error
