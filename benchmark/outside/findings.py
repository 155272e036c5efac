"""Collecting what is wrong with many files, to tell it all at once."""

from __future__ import annotations

from biclip_bench.errors import UserError

NAMED = 4
"""Files that a message names; of the others it gives the count."""


class Findings:
    """Files by what is wrong with them, in the order found."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def add(self, what: str, file: str, detail: str = "") -> None:
        """Note a file under ``what`` (``"missing"``), with what is to be said of this one alone."""
        self._files.setdefault(what, []).append(f"{file} ({detail})" if detail else file)

    def refuse(self, opening: str, closing: str) -> None:
        """Raise what was found.

        Raises
        ------
        UserError
            If anything was: between ``opening`` and ``closing`` the counts, and the first few files of each kind.
        """
        if not self._files:
            return
        told = []
        for what, files in self._files.items():
            more = ", ..." if len(files) > NAMED else ""
            told.append(f"{len(files)} {what}: {', '.join(files[:NAMED])}{more}")
        raise UserError(f"{opening}: {'; '.join(told)}. {closing}")
