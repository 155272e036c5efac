"""What reading a data set's layout gives: the files of each case, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .base import Part

Gravity = Literal["error", "warning"]


@dataclass(frozen=True)
class CaseFiles:
    """An image, its mask and its text.

    Parameters
    ----------
    part
        The part that they belong to.
    name
        The case's name, unique in its part; usually the image's file name without suffix.
    image, mask
        The files.
    text
        The report or prompt; empty where the data set has none.
    group
        Patient or study; None where nothing tells.
    where
        Where the text stands, for messages: ``"Row 3 of Train_text.xlsx"``.
    """

    part: Part
    name: str
    image: Path
    mask: Path
    text: str
    group: str | None = None
    where: str = ""

    @property
    def id(self) -> str:
        """The case's id: part and name."""
        return f"{self.part}/{self.name}"


@dataclass(frozen=True)
class Defect:
    """Something wrong, or worth knowing, about the data.

    Parameters
    ----------
    kind
        A short name such as ``"image-without-mask"``, the same for all defects of this kind.
    message
        One paragraph that names the file or the row and says what would be right.
    gravity
        An ``"error"`` stops a run unless issues are allowed; a ``"warning"`` does not.
    cases
        Ids of the cases it concerns.
    kept
        Those of them that are kept where issues are allowed: of copies in two parts one may stay.
    """

    kind: str
    message: str
    gravity: Gravity = "error"
    cases: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """What a layout holds.

    Parameters
    ----------
    files
        The whole cases, sorted by part (training, validation, test) and name.
    defects
        What kept files and rows from being cases, in the order found.
    split
        How the parts came about, where they are not the files' own: ``"made by biclip-bench, ..."``.
    """

    files: tuple[CaseFiles, ...]
    defects: tuple[Defect, ...] = ()
    split: str = ""
