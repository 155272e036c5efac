"""The contract of a data set and the registry that finds it by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biclip_bench.errors import UserError
from biclip_bench.registry import Registry

from ...corruptions.context import ImageContext
from ...models.options import read_options
from .dataset_notes import DatasetNotes

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Case:
    """One image with its truth and its report.

    Parameters
    ----------
    id
        Unique in the data set and stable across machines.
    image
        float32 of shape (C, H, W), C being 1 or 3, in [0, 1], on the data set's native grid.
    mask
        bool of shape (H, W): the true lesion.
    text
        The report or prompt.
    group
        Patient or study: never on both sides of a split, and the unit that intervals resample.
    """

    id: str
    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    text: str
    group: str


class Dataset(Protocol):
    """A checked data set.

    Building one validates everything it will later yield (files, sizes, masks, texts) and raises
    :class:`~biclip_bench.errors.UserError` at the first defect, naming the file or row.

    Attributes
    ----------
    name
        As on the command line.
    fingerprint
        Hexadecimal digest of everything that determines its cases' bits.
    index
        One row a case, sorted by ``case``: ``case`` (str), ``part`` (``train``, ``val`` or ``test``), ``group`` (str),
        ``text`` (str), ``lesion_fraction`` (float, share of the image that is lesion).
    context
        Physical meaning of the pixels, for the corruptions, and the window through which a model sees them.
    """

    name: str
    fingerprint: str
    index: pd.DataFrame
    context: ImageContext

    def load(self, case: str) -> Case:
        """Return one case by its id."""
        ...


@dataclass(frozen=True)
class DatasetSettings:
    """What a data set may be told on the command line.

    Parameters
    ----------
    root
        Folder with the data; None for made data.
    image_size
        Side of the images that a generator makes, in pixels; loaders of real data keep the files' own size.
    cases
        Number of patients that a generator makes for ``train``, ``val`` and ``test``.
    seed
        Seed of a generator.
    cache
        Folder for what is expensive to make twice.
    options
        What ``--data-option KEY=VALUE`` gave, as typed.
    allow_issues
        Whether cases with errors are left out instead of stopping everything.
    """

    root: Path | None = None
    image_size: int = 224
    cases: tuple[int, int, int] = (100, 20, 40)
    seed: int = 0
    cache: Path = Path("results/cache")
    options: Mapping[str, str] = field(default_factory=dict)
    allow_issues: bool = False


def cases_of(dataset: Dataset, part: Part) -> list[str]:
    """List the ids of a part's cases in the index's order."""
    names: list[str] = dataset.index.loc[dataset.index["part"] == part, "case"].tolist()
    return names


def existing_tests(dataset: Dataset) -> list[str]:
    """List the ids of the test cases.

    Raises
    ------
    UserError
        If there are none.
    """
    names = cases_of(dataset, "test")
    if not names:
        raise UserError(f"The data set {dataset.name!r} has no test cases: there is no image to corrupt.")
    return names


def left_out_text(dataset: Dataset) -> str:
    """Say how many cases ``--allow-issues`` left out, and why; empty where it left none out.

    A data set tells by an attribute ``left_out``: the kind of defect of each such case, by its id.
    """
    left_out: Mapping[str, str] = getattr(dataset, "left_out", {})
    if not left_out:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(left_out.values()).most_common())
    return f"{len(left_out)} case{'s' * (len(left_out) != 1)} left out because of errors ({kinds})"


dataset_registry: Registry[Callable[[DatasetSettings], Dataset]] = Registry("data set", "biclip_bench.datasets")
_options: dict[str, type] = {}
_notes: dict[str, DatasetNotes] = {}


@dataclass(frozen=True)
class NoOptions:
    """The options of a data set that has none."""


def register_dataset(
    name: str, options: type = NoOptions, notes: DatasetNotes | None = None
) -> Callable[[Callable[[DatasetSettings], Dataset]], Callable[[DatasetSettings], Dataset]]:
    """Return a decorator that registers a function from settings to a checked data set.

    Parameters
    ----------
    name
        As on the command line.
    options
        Frozen dataclass of what ``--data-option`` may set, every field with a default and described in the docstring;
        the function gets it by :func:`options_of`. Where the meaning of a text field is not plain, the field's metadata
        say under ``allowed`` what may be written.
    notes
        What ``datasets show`` tells besides the function's docstring.
    """

    def register(opener: Callable[[DatasetSettings], Dataset]) -> Callable[[DatasetSettings], Dataset]:
        _options[name] = options
        if notes is not None:
            _notes[name] = notes
        return dataset_registry.register(name)(opener)

    return register


def options_kind(name: str) -> type:
    """Return the dataclass of a data set's options."""
    return _options.get(name, NoOptions)


def notes_of(name: str) -> DatasetNotes | None:
    """Return the notes on a data set, or None where it was registered without."""
    return _notes.get(name)


def existing_root(name: str, settings: DatasetSettings, holds: str) -> Path:
    """Return the folder that --data-root names.

    Parameters
    ----------
    name
        The data set, for messages.
    settings
        What it is told.
    holds
        What the right folder holds.

    Raises
    ------
    UserError
        If none is named, or there is no such folder.
    """
    if settings.root is None:
        raise UserError(
            f"The data set {name} is read from a folder: name it with --data-root, the one that holds {holds}."
        )
    if not settings.root.is_dir():
        raise UserError(f"There is no folder {settings.root}: give the folder that holds {holds}.")
    return settings.root


def options_of(name: str, settings: DatasetSettings) -> Any:
    """Read a data set's options into its dataclass.

    Raises
    ------
    UserError
        If an option is unknown or its value is not one that it takes.
    """
    return read_options(options_kind(name), name, settings.options, noun="data set")
