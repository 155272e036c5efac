"""The list of a report's files, so that the next report in the same folder removes what it no longer has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from biclip_bench.files import write_atomically

LIST = "report-files.txt"


def remove_earlier(folder: Path, written: Iterable[Path]) -> None:
    """Remove files of the earlier report in a folder that were not written again, and keep the new list.

    Only files that the earlier report's own list names are touched: the folder may be a user's own.

    Parameters
    ----------
    folder
        Of the report.
    written
        Files of the present report, all below ``folder``.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in written)
    path = folder / LIST
    earlier = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for name in set(earlier) - set(names):
        inner = PurePosixPath(name)
        if name and not inner.is_absolute() and ".." not in inner.parts:
            (folder / inner).unlink(missing_ok=True)
    write_atomically(path, "".join(f"{name}\n" for name in names))
