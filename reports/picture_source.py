"""Where a report's pictures come from: case by case, so that a hundred cases need not be held at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .frame import CLEAN
from .picture import Picture


class PictureSource(Protocol):
    """Test cases with their pictures under every condition."""

    def cases(self) -> list[str]:
        """List the cases that have pictures."""
        ...

    def pictures(self, case: str) -> list[Picture]:
        """Return a case's pictures: clean first, then by corruption and severity."""
        ...


class PictureList:
    """Pictures that are in memory already.

    Parameters
    ----------
    pictures
        In any order; cases keep the order in which they first come.
    """

    def __init__(self, pictures: Sequence[Picture] = ()) -> None:
        self._by_case: dict[str, list[Picture]] = {}
        for picture in pictures:
            self._by_case.setdefault(picture.case, []).append(picture)

    def cases(self) -> list[str]:
        """List the cases."""
        return list(self._by_case)

    def pictures(self, case: str) -> list[Picture]:
        """Return a case's pictures."""
        return sorted(self._by_case[case], key=lambda one: (one.corruption != CLEAN, one.corruption, one.severity))
