"""Data sets: each yields cases from a folder in its published layout, or makes them."""

from __future__ import annotations

from . import folder, langguide, lvit, medvlsm, phantom, qata
from .base import PARTS, Case, Dataset, DatasetSettings, dataset_registry, options_of, register_dataset

__all__ = [
    "PARTS",
    "Case",
    "Dataset",
    "DatasetSettings",
    "dataset_registry",
    "folder",
    "langguide",
    "lvit",
    "medvlsm",
    "open_dataset",
    "phantom",
    "qata",
    "register_dataset",
]


def open_dataset(name: str, settings: DatasetSettings) -> Dataset:
    """Build a data set by its registered name, checked and ready.

    Parameters
    ----------
    name
        As on the command line, for example ``phantom`` or ``lvit``.
    settings
        What it is told.

    Raises
    ------
    UserError
        If nothing has this name, it has no such option, or the data have a defect.
    """
    opener = dataset_registry.get(name)
    options_of(name, settings)
    return opener(settings)
