"""Write a file whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> Path:
    """Write under a temporary name in the same folder, then rename: a reader never sees half a file.

    Parameters
    ----------
    path
        Where the file goes; its folder exists.
    content
        Bytes, or text that is written as UTF-8 as it is.

    Returns
    -------
    Path
        ``path``.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def file_stem(name: str) -> str:
    """Turn a name from a user into the part of a file name that stands for it.

    Letters, digits, dot, underscore and hyphen stay, everything else becomes a hyphen.
    """
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "unnamed"
