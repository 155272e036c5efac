"""Names of files and folders that mean the same on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

OWN_FOLDERS = frozenset({"clean", "masks", "overview"})
"""Folders of a release that belong to no condition."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
"""Windows opens a device under these names, whatever suffix follows."""

_LONGEST = 64
_SHORT_HASH = 10


def safe_stem(name: str) -> str:
    """Turn any name into ASCII letters, digits, dot, underscore and hyphen, at most 64 of them.

    Accents are dropped, everything else becomes a hyphen. Different names may come to the same stem.
    """
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", name) if not unicodedata.combining(mark))
    stem = _UNSAFE.sub("-", bare)[:_LONGEST].strip(".-_") or "unnamed"
    return f"x-{stem}" if stem.partition(".")[0].lower() in _DEVICES else stem


def condition_folder(name: str) -> str:
    """Name the folder of a condition.

    A registered corruption's own name stays. Any other specification is followed by a hash of its canonical name, so
    that ``motion:length=9`` and ``motion:length=9/11`` get two folders on every file system, and the same ones in
    every release.

    Parameters
    ----------
    name
        A specification's canonical name.
    """
    stem = safe_stem(name)
    if stem == name and _PLAIN.fullmatch(name) and name not in OWN_FOLDERS:
        return name
    return f"{stem.lower()}-{_hash(name)[:_SHORT_HASH]}"


def case_stems(cases: Sequence[str]) -> dict[str, str]:
    """Name the files of cases: a stem each, no two equal where upper and lower case are the same.

    A case whose stem is its own keeps it readable; those that would share one are followed by a hash of the case's id.
    The same cases get the same stems in any order.

    Parameters
    ----------
    cases
        Ids, each once.
    """
    stems = {case: safe_stem(case) for case in cases}
    # The second round is for an id that looks like another one's stem with its hash.
    for digits in (_SHORT_HASH, None):
        counts = Counter(stem.casefold() for stem in stems.values())
        shared = [case for case, stem in stems.items() if counts[stem.casefold()] > 1]
        stems |= {case: f"{safe_stem(case)}-{_hash(case)[:digits]}" for case in shared}
    return stems


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
