"""Names of files that stand for the names of corruptions."""

from __future__ import annotations

from collections.abc import Sequence

from biclip_bench.files import file_stem


def corruption_stems(names: Sequence[str]) -> dict[str, str]:
    """Give each corruption the part of a file name that stands for it, no two the same.

    Names may differ only in signs that file names cannot have, or in capitals, which some file systems take for the
    same: the later ones are numbered.

    Parameters
    ----------
    names
        In the order of the report.
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem, number = file_stem(name), 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{file_stem(name)}-{number}"
        taken.add(stem.casefold())
        stems[name] = stem
    return stems
