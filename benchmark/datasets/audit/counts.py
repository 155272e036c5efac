"""The number of cases against those of the published sets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base import PARTS, Part
from ..case_files import Defect
from ..file_check import CheckedCase
from ..lvit_names import is_monuseg, is_mosmed, is_qata

OTHER_COUNTS = "other-counts"
"""Kind of the finding."""


@dataclass(frozen=True)
class KnownSet:
    """A published data set and how to know it.

    Parameters
    ----------
    title
        Its name.
    total
        Number of its images.
    named
        Whether an image is named as in it.
    folder
        Must occur in the name of the data set or of its folder, both in small letters, where image names alone do not
        tell; empty where they do.
    lvit
        Number of cases of each part in the split that LViT's authors publish; None where there is none.
    """

    title: str
    total: int
    named: Callable[[str], bool]
    folder: re.Pattern[str] = re.compile("")
    lvit: dict[Part, int] | None = None


def _named(pattern: str) -> Callable[[str], bool]:
    return lambda name: re.fullmatch(pattern, name) is not None


PUBLISHED = (
    KnownSet(
        "QaTa-COV19 v2",
        9258,
        is_qata,
        lvit={"train": 5716, "val": 1429, "test": 2113},
    ),
    KnownSet(
        "MosMedData+",
        2729,
        is_mosmed,
        lvit={"train": 2183, "val": 273, "test": 273},
    ),
    KnownSet("MoNuSeg", 44, is_monuseg, lvit={"train": 24, "val": 6, "test": 14}),
    KnownSet("Kvasir-SEG", 1000, _named(r"c[jk][a-z0-9]{23}")),
    KnownSet("CVC-ClinicDB", 612, _named(r"\d+"), re.compile("clinic")),
)
"""Sizes as published: Degerli et al. (ICIP 2022) for QaTa-COV19, Maftouni et al. (2021) for the CT slices, Kumar et al.
(IEEE TMI 2020) for MoNuSeg, Jha et al. (MMM 2020) for Kvasir-SEG, Bernal et al. (2015) for CVC-ClinicDB; the parts by
Li et al. (LViT, IEEE TMI 2023)."""


def count_findings(name: str, root: Path, cases: Sequence[CheckedCase]) -> list[Defect]:
    """Compare the number of cases with the published one, where the names tell which set it is.

    Parts are compared for the data set ``lvit``; other layouts are split otherwise, and only the sum is.

    Parameters
    ----------
    name
        The data set as on the command line.
    root
        Its folder.
    cases
        Its whole cases.
    """
    published = _recognise(name, root, [case.files.name for case in cases])
    if published is None:
        return []
    counts = Counter(case.files.part for case in cases)
    if name == "lvit" and published.lvit is not None:
        if all(counts[part] == published.lvit[part] for part in PARTS):
            return []
        found, right = (" / ".join(str(each[part]) for part in PARTS) for each in (counts, published.lvit))
        held = f"{found} sound training / validation / test cases, and LViT's split has {right}"
    elif len(cases) == published.total:
        return []
    else:
        held = f"{len(cases)} sound cases, and the published set has {published.total}"
    message = (
        f"By its names this is {published.title}. {root} holds {held}: scores on it are not comparable with "
        "published ones."
    )
    return [Defect(OTHER_COUNTS, message, "warning")]


def _recognise(name: str, root: Path, names: Sequence[str]) -> KnownSet | None:
    place = f"{name} {root.resolve().name}".lower()
    for published in PUBLISHED:
        if names and published.folder.search(place) and all(map(published.named, names)):
            return published
    return None
