"""A name-to-object registry: the way users add models, corruptions, data sets and text encoders."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Generic, TypeVar

from biclip_bench.errors import PackageWarning, UserError

T = TypeVar("T")


def suggest(name: str, known: list[str]) -> str:
    """Say which known names are close to a mistyped one.

    Parameters
    ----------
    name
        What the user typed.
    known
        The names that would have been right.

    Returns
    -------
    str
        A sentence such as ``"Did you mean 'motion'? Known: low-dose-ct, motion."``
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(sorted(known))}."


class Registry(Generic[T]):
    """Objects by name, filled by the packages' own modules and by entry points of other packages.

    Parameters
    ----------
    kind
        What is registered, in the singular and as a reader would say it (``"model"``); used in error messages.
    group
        Entry-point group that other packages use to add to it (``"biclip_bench.models"``). The entry point
        names a module whose import registers, or the object to register. One that cannot be imported is left out
        with a :class:`~biclip_bench.errors.PackageWarning`: it must not stop those who do not use it.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, T] = {}
        self._left_out: list[str] = []
        self._entry_points_loaded = False

    def add(self, name: str, entry: T) -> T:
        """Register one object.

        Raises
        ------
        ValueError
            If the name is taken by another object.
        """
        if name in self._entries:
            raise ValueError(f"There is already a {self.kind} named {name!r}: choose another name.")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates under ``name``."""
        return lambda entry: self.add(name, entry)

    def get(self, name: str) -> T:
        """Look an object up by name.

        Raises
        ------
        UserError
            If nothing has this name; the message suggests a close one.
        """
        self._load_entry_points()
        if name not in self._entries:
            left_out = f" Left out, because they cannot be imported: {'; '.join(self._left_out)}." * bool(
                self._left_out
            )
            raise UserError(f"There is no {self.kind} named {name!r}. {suggest(name, list(self._entries))}{left_out}")
        return self._entries[name]

    def names(self) -> list[str]:
        """List all registered names in alphabetical order."""
        self._load_entry_points()
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        self._load_entry_points()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load_entry_points(self) -> None:
        if self._entry_points_loaded:
            return
        self._entry_points_loaded = True
        for point in entry_points(group=self.group):
            try:
                loaded = point.load()
            except (Exception, SystemExit) as error:
                self._leave_out(point, error)
                continue
            if not isinstance(loaded, ModuleType) and point.name not in self._entries:
                self.add(point.name, loaded)

    def _leave_out(self, point: EntryPoint, error: BaseException) -> None:
        package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        self._left_out.append(f"{point.name!r} of the package {package}")
        warnings.warn(
            f"The package {package} adds the {self.kind} {point.name!r} and cannot be imported "
            f"({point.value}: {type(error).__name__}: {error}). The work goes on without it: repair or uninstall it.",
            PackageWarning,
            stacklevel=2,
        )
