"""What an archive may hold before a byte of it is written: names that stay inside, and limits on size."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from biclip_bench.errors import UserError

MOST_BYTES = 100 * 10**9
"""Bytes that an archive may unpack to. The largest of the known data sets needs less than 2 GB; what comes with it in
the same archive is counted too."""

MOST_FILES = 500_000
"""Files that an archive may hold: fifty times those of the largest known data set."""

MOST_RATIO = 100.0
"""Unpacked bytes to packed bytes. PNG and JPEG images do not shrink in an archive (about 1), uncompressed images do by
5 to 20; an archive made to fill a disk reaches 1,000 (the most that DEFLATE can) and, by overlap, millions."""

HARMLESS_BYTES = 200 * 10**6
"""Up to this size the ratio is not looked at: a few empty masks may shrink to almost nothing, and fill no disk."""

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_JUNK = re.compile(r"__MACOSX|\.DS_Store|Thumbs\.db|desktop\.ini|\._.*|\.git", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold.

    Parameters
    ----------
    factor
        Multiplies all three limits.
    """

    factor: float = 1.0

    def check(self, archive: str, *, packed: int, unpacked: int, files: int) -> None:
        """Refuse an archive that holds too much.

        Parameters
        ----------
        archive
            Its name, for messages.
        packed
            Its size in bytes.
        unpacked, files
            What it holds; while it is read, what was found so far.

        Raises
        ------
        UserError
            Names the limit.
        """
        found = ""
        if files > MOST_FILES * self.factor:
            found = f"more than {MOST_FILES * self.factor:,.0f} files"
        elif unpacked > MOST_BYTES * self.factor:
            found = f"more than {MOST_BYTES * self.factor / 1e9:,.0f} GB of files"
        elif unpacked > HARMLESS_BYTES * self.factor and unpacked > MOST_RATIO * self.factor * max(packed, 1):
            found = f"more than {MOST_RATIO * self.factor:,.0f} times its own size"
        if found:
            raise UserError(
                f"The archive {archive} holds {found}, and nothing of it was unpacked: archives made to fill a disk "
                "look like this. If you trust where it comes from, raise the limits with --raise-limits 10."
            )


def safe_name(name: str, archive: str) -> str:
    """Return the place of an entry below the folder that an archive is unpacked to.

    Parameters
    ----------
    name
        As the archive has it; backslashes count as slashes, as some Windows programs write them.
    archive
        For messages.

    Returns
    -------
    str
        A relative path with slashes.

    Raises
    ------
    UserError
        If it leads out of the folder, or cannot be a file's name everywhere.
    """
    written = name.replace("\\", "/")
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if written.startswith("/") or _DRIVE.match(written) or ".." in parts:
        raise UserError(
            f"The entry {name!r} of {archive} leads out of the folder that it would be unpacked to. An honest archive "
            "has no such entry: nothing was unpacked. Download it from its owner's page."
        )
    if not parts or _CONTROL.search(written):
        raise UserError(f"The entry {name!r} of {archive} has no name that a file can have: nothing was unpacked.")
    return "/".join(parts)


def is_junk(path: str) -> bool:
    """Whether a path is of what desktops and version control leave behind."""
    return any(_JUNK.fullmatch(part) for part in path.split("/"))


def refuse_kind(name: str, kind: str, archive: str) -> UserError:
    """Say that an entry is neither file nor folder."""
    return UserError(
        f"The entry {name!r} of {archive} is {kind}, and a data set holds only files and folders: nothing was "
        "unpacked. Download it from its owner's page, or unpack it yourself and give the folder."
    )


def add_once(found: dict[str, int], seen: set[str], path: str, size: int, archive: str) -> None:
    """Add a file to those of an archive.

    Raises
    ------
    UserError
        If there is one of this name, also if they differ only in upper and lower case, or in how accents are encoded.
    """
    key = unicodedata.normalize("NFC", path).casefold()
    if key in seen:
        raise UserError(
            f"The archive {archive} holds {path!r} twice (upper and lower case are the same on some disks), and one "
            "would overwrite the other: nothing was unpacked. Unpack it yourself, keep one, and give the folder."
        )
    seen.add(key)
    found[path] = size
