"""What a data check found, kind by kind, as the terminal and the page show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, eq=False)
class CheckPicture:
    """A case that a finding concerns.

    Parameters
    ----------
    case
        Its id.
    text
        Its text; may be empty.
    image
        float of shape (H, W), or (H, W, 3) in colour, in [0, 1].
    mask
        bool of shape (H, W); None where there is none to be shown on the image.
    """

    case: str
    text: str
    image: NDArray[np.floating]
    mask: NDArray[np.bool_] | None


@dataclass(frozen=True)
class KindOfFinding:
    """All findings of a kind.

    Parameters
    ----------
    kind
        Its short name.
    gravity
        ``"error"`` or ``"warning"``.
    about
        What it means; may be empty.
    messages
        One a finding, each naming the file or row.
    cases
        Number of cases that they concern.
    pictures
        Some of these cases.
    """

    kind: str
    gravity: Literal["error", "warning"]
    about: str
    messages: tuple[str, ...]
    cases: int
    pictures: tuple[CheckPicture, ...] = field(default=(), compare=False)


def counted(kinds: Sequence[KindOfFinding]) -> str:
    """Count errors and warnings in words: ``"2 errors, 1 warning"``."""
    words = []
    for gravity in ("error", "warning"):
        count = sum(len(kind.messages) for kind in kinds if kind.gravity == gravity)
        words.append(f"{count} {gravity}{'s' * (count != 1)}")
    return ", ".join(words)


def check_table(kinds: Sequence[KindOfFinding]) -> Table:
    """Build the terminal's table: kind, gravity, number of findings and of cases, and the first message."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Kind", overflow="fold", min_width=12, max_width=26)
    table.add_column("Gravity", no_wrap=True)
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("Cases", justify="right", no_wrap=True)
    table.add_column("First", overflow="fold", ratio=1)
    for kind in kinds:
        # Text, not str: a file name in square brackets is not markup.
        gravity = Text(kind.gravity, style="bold red" if kind.gravity == "error" else "yellow")
        first = Text(kind.messages[0])
        table.add_row(Text(kind.kind), gravity, str(len(kind.messages)), str(kind.cases or "-"), first)
    return table
