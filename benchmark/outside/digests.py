"""What identifies a model that lies in a file."""

from __future__ import annotations

from pathlib import Path

from ..cells import digest
from ..listed_files import file_digest


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; of an ``.onnx`` that keeps weights in files beside it, the digest of all of them."""
    if path.suffix != ".onnx":
        return file_digest(path)
    from .onnx_file import companion_files

    others = [(file.name, file_digest(file)) for file in companion_files(path) if file.is_file()]
    return digest([file_digest(path), others]) if others else file_digest(path)
