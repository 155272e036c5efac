"""A data set whose cases lie in files, whatever the layout they were found by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from .audit.duplicates import exact_copies
from .base import Case
from .case_files import CaseFiles, Defect, Listing
from .file_check import CheckedCase, CheckedFiles, check_files
from .image_files import read_image, read_mask
from .pixel_facts import PixelFacts, Reading, agreed_context, check_places

ContextOf = Callable[[list[CaseFiles], bool], ImageContext]
"""Says what the pixels mean, from the cases and whether all images are grey."""

_AS_TOLD = Reading()


class FileDataset:
    """Images, masks and texts from files; see :class:`~biclip_bench.benchmark.datasets.base.Dataset`.

    Case ids are part and name. Images keep their own size; where all are grey they have one channel, and where any has
    colour all have three. A case whose group nothing tells is a group of its own.

    Parameters
    ----------
    name
        As on the command line.
    version
        Goes into the fingerprint: raised whenever the same files would give other cases than before.
    listing
        What the layout holds.
    root
        Folder that paths are told relative to.
    cache
        Folder for what is expensive to find twice.
    context
        Says what the pixels mean, from the cases and whether all images are grey, where the files do not tell.
    reading
        What is stated about the pixels of files that hold measured values (DICOM, NIfTI).
    allow_issues
        Whether cases with errors are left out instead of stopping everything.

    Attributes
    ----------
    root
        As given.
    defects
        Everything that was found wrong, also what did not stop.
    files
        The whole cases of the layout by id, also those that were left out.
    checked
        What was found of each of them that can be read and whose mask has its image's size.
    left_out
        Kind of the first error of each case that was left out, by its id.
    split
        How the parts came about, where they are not the files' own; otherwise empty.

    Raises
    ------
    UserError
        At the first error, naming the file or row, unless ``allow_issues``.
    NoWholeCaseError
        If no case is left.
    """

    def __init__(
        self,
        name: str,
        version: str,
        listing: Listing,
        *,
        root: Path,
        cache: Path,
        context: ContextOf,
        reading: Reading = _AS_TOLD,
        allow_issues: bool = False,
    ) -> None:
        self.name, self.root, self.split = name, root, listing.split
        defects = list(listing.defects)
        checked = check_files(listing.files, root, cache, defects)
        self.files = {case.id: case for case in listing.files}
        self.checked = tuple(CheckedCase(case, checked[case.id]) for case in listing.files if case.id in checked)
        told = {case: PixelFacts.from_text(found.image_facts) for case, found in checked.items()}
        masks = {case: PixelFacts.from_text(found.mask_facts) for case, found in checked.items()}
        check_places(told, masks, defects)
        agreed = agreed_context(told, reading, defects)
        defects += exact_copies(self.checked)
        self.defects = tuple(defects)
        if not allow_issues:
            stop_at_errors(name, defects)
        self.left_out = _left_out(defects)
        files = [case.files for case in self.checked if case.id not in self.left_out]
        if not files:
            raise NoWholeCaseError(name, root, self.defects)
        self._files: dict[str, CaseFiles] = {case.id: case for case in files}
        self._groups = {case.id: case.group or case.id for case in files}
        self._channels = max(checked[case.id].channels for case in files)
        self.context = context(files, self._channels == 1) if agreed is None else agreed
        self._reading = reading
        index = pd.DataFrame(
            {
                "case": list(self._files),
                "part": [case.part for case in files],
                "group": list(self._groups.values()),
                "text": [case.text for case in files],
                "lesion_fraction": [checked[case.id].lesion_fraction for case in files],
            }
        )
        self.index = index.sort_values("case", ignore_index=True)
        self.fingerprint = _fingerprint(f"{version} {self.context}", files, checked)

    def load(self, case: str) -> Case:
        """Decode one case by its id.

        Raises
        ------
        UserError
            If there is no such case, or its files have become unreadable.
        """
        if case not in self._files:
            raise UserError(f"The data set has no case {case!r}: ids look like {next(iter(self._files))!r}.")
        files = self._files[case]
        return Case(case, self.read_image(files), read_mask(files.mask), files.text, self._groups[case])

    def read_image(self, files: CaseFiles) -> NDArray[np.float32]:
        """Decode the image of any case of the layout, also of one that was left out, as :meth:`load` does.

        Raises
        ------
        UserError
            If it cannot be read.
        """
        image = read_image(files.image, self._reading)
        return np.repeat(image, self._channels, axis=0) if image.shape[0] < self._channels else image


class NoWholeCaseError(UserError):
    """No case of a data set is left once those with errors are out.

    Attributes
    ----------
    defects
        What is wrong with them.
    """

    def __init__(self, name: str, root: Path, defects: tuple[Defect, ...]) -> None:
        super().__init__(f"The data set {name} in {root} has no whole case: image, mask and text that belong together.")
        self.defects = defects


def stop_at_errors(name: str, defects: list[Defect]) -> None:
    """Raise the first error, and say how many more there are.

    Raises
    ------
    UserError
        If any defect is an error.
    """
    errors = [defect for defect in defects if defect.gravity == "error"]
    if errors:
        more = f" {len(errors) - 1} more of its files or rows have errors." if len(errors) > 1 else ""
        raise UserError(
            f"{errors[0].message}{more} 'biclip-bench datasets check {name}' with the same --data-root lists all "
            "that is wrong; --allow-issues leaves the cases concerned out and goes on."
        )


def _left_out(defects: list[Defect]) -> dict[str, str]:
    found: dict[str, str] = {}
    for defect in defects:
        if defect.gravity == "error":
            for case in defect.cases:
                if case not in defect.kept:
                    found.setdefault(case, defect.kind)
    return found


def _fingerprint(version: str, files: list[CaseFiles], checked: dict[str, CheckedFiles]) -> str:
    digest = hashlib.sha256(version.encode())
    for case in files:
        found = checked[case.id]
        for field in (
            *(case.id, case.group or "", case.text),
            *(found.image, found.image_sha256, found.mask, found.mask_sha256),
        ):
            # The length first, so that no two lists of fields can run together to the same bytes.
            encoded = field.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
