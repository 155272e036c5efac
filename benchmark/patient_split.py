"""A split of whole patients in place of the published one, and how far the published one mixes them."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from biclip_bench.errors import UserError

from ..corruptions.context import ImageContext
from .datasets.base import PARTS, Case, Dataset
from .datasets.dealing import fill_parts
from .presets import SplitName
from .splits import label_order

_SPLIT_VERSION = "patient split 1"
"""Raised whenever the same cases would be dealt otherwise than before."""


@dataclass(frozen=True)
class Overlap:
    """How far a split mixes patients.

    Parameters
    ----------
    cases
        Number of test cases.
    shared_cases
        Test cases whose patient or study also has training cases.
    groups, shared_groups
        The same for patients or studies of the test part.
    known
        Whether any patient is known to have several cases; without it nothing can be said.
    """

    cases: int
    shared_cases: int
    groups: int
    shared_groups: int
    known: bool


def patient_overlap(index: pd.DataFrame) -> Overlap:
    """Count the test cases whose patient or study is also in training.

    Parameters
    ----------
    index
        A data set's index with the columns ``case``, ``part`` and ``group``.
    """
    test = index[index["part"] == "test"]
    shared = test["group"].isin(set(index.loc[index["part"] == "train", "group"]))
    return Overlap(
        cases=len(test),
        shared_cases=int(shared.sum()),
        groups=int(test["group"].nunique()),
        shared_groups=int(test.loc[shared, "group"].nunique()),
        known=bool(index["group"].duplicated().any()),
    )


def patient_parts(index: pd.DataFrame) -> pd.Series:
    """Deal whole patients to the parts, as close to the index's own part sizes as they allow.

    Patients are ordered as label regimes order them, interleaved by lesion burden (:func:`~.splits.label_order`, seed
    0) and dealt by :func:`~.datasets.dealing.fill_parts`.

    Parameters
    ----------
    index
        A data set's index.

    Returns
    -------
    Series
        The new part of each row.
    """
    wanted = Counter(index["part"])
    published = {part: float(wanted[part]) for part in PARTS if wanted[part]}
    return index["group"].map(fill_parts(label_order(index, 0), Counter(index["group"]), published))


class PatientSplit:
    """A data set whose parts hold whole patients; see :class:`~biclip_bench.benchmark.datasets.base.Dataset`.

    Case ids stay as they are, also where they begin with the published part.

    Parameters
    ----------
    dataset
        The data set in its published split.

    Raises
    ------
    UserError
        If no patient is known to have several cases, none stands in several parts, or there are fewer than parts.
    """

    name: str
    context: ImageContext

    def __init__(self, dataset: Dataset) -> None:
        index = dataset.index
        if not patient_overlap(index).known:
            raise UserError(
                f"--split patient: nothing in the data set {dataset.name!r} tells which cases share a patient, so its "
                "cases cannot be dealt by patients. Leave the option out."
            )
        if not (index.groupby("group")["part"].nunique() > 1).any():
            raise UserError(
                f"--split patient: the published parts of the data set {dataset.name!r} hold whole patients already. "
                "Leave the option out."
            )
        if index["group"].nunique() < len(PARTS):
            raise UserError(
                f"--split patient: the data set {dataset.name!r} has {index['group'].nunique()} patients, and each of "
                f"{', '.join(PARTS)} needs one."
            )
        self._dataset = dataset
        self.name = dataset.name
        self.context = dataset.context
        self.left_out = getattr(dataset, "left_out", {})
        self.defects = getattr(dataset, "defects", ())
        self.index = index.assign(part=patient_parts(index))
        self.fingerprint = hashlib.sha256(f"{_SPLIT_VERSION}:{dataset.fingerprint}".encode()).hexdigest()

    def load(self, case: str) -> Case:
        """Return one case by its id."""
        return self._dataset.load(case)


def split_text(dataset: Dataset, split: SplitName) -> str:
    """Say in a sentence how training and test cases are separated, and how far patients are on both sides."""
    overlap = patient_overlap(dataset.index)
    if dataset.name == "phantom":
        return "made, whole patients in one part"
    made = "by whole patients, made by biclip-bench (not the published split)"
    # Parts that the files do not give themselves have an account of their own.
    given = getattr(dataset, "split", "") or "official, as the files give it"
    kind = made if split == "patient" else given
    if not overlap.known:
        return f"{kind}; which cases share a patient is not known"
    if not overlap.shared_cases:
        return f"{kind}; no test patient or study is in training"
    return (
        f"{kind}; {overlap.shared_cases} of {overlap.cases} test cases come from a patient or study that is also in "
        f"training ({overlap.shared_groups} of {overlap.groups})"
    )
