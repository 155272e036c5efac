"""Check a data set that lies in files, and hand what was found to a table, a JSON file or a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biclip_bench import __version__
from biclip_bench.errors import UserError

from ..reports.audits.check import CheckPicture, KindOfFinding
from .datasets import DatasetSettings, open_dataset
from .datasets.audit.all_findings import all_findings
from .datasets.audit.kinds import ABOUT
from .datasets.base import PARTS
from .datasets.case_files import CaseFiles, Defect
from .datasets.file_dataset import FileDataset, NoWholeCaseError
from .datasets.image_files import read_mask
from .inputs import viewed

PICTURES = 12
"""Cases of a kind that the page shows."""

ALL_PICTURES = 100
"""Cases that the page shows in all, so that it has 1 to 6 MB; with more than eight kinds each gets fewer."""


@dataclass(frozen=True)
class DataCheck:
    """What a check found.

    Parameters
    ----------
    name
        The data set.
    defects
        The findings, errors first.
    counts
        Number of sound cases of each part.
    dataset
        The data set without the cases that have errors; None where none is left.
    """

    name: str
    defects: tuple[Defect, ...]
    counts: Mapping[str, int]
    dataset: FileDataset | None

    @property
    def errors(self) -> int:
        """Number of findings that stop a run."""
        return sum(defect.gravity == "error" for defect in self.defects)


def check_dataset(name: str, settings: DatasetSettings) -> DataCheck | None:
    """Open a data set whatever is wrong with its files, and list that.

    Parameters
    ----------
    name
        As on the command line.
    settings
        Its ``allow_issues`` is not looked at.

    Returns
    -------
    DataCheck or None
        None for a data set that does not lie in files which can be checked.

    Raises
    ------
    UserError
        If there is no such data set or option, or the folder does not have its layout.
    """
    lenient = DatasetSettings(root=settings.root, cache=settings.cache, options=settings.options, allow_issues=True)
    try:
        dataset = open_dataset(name, lenient)
    except NoWholeCaseError as nothing:
        return DataCheck(name, nothing.defects, dict.fromkeys(PARTS, 0), None)
    if not isinstance(dataset, FileDataset):
        return None
    counts = Counter(case.files.part for case in dataset.checked)
    return DataCheck(name, all_findings(dataset), {part: counts[part] for part in PARTS}, dataset)


def kinds_found(check: DataCheck, *, pictures: bool = False) -> list[KindOfFinding]:
    """Group the findings by kind, in the order in which they first come.

    Parameters
    ----------
    check
        What was found.
    pictures
        Whether the first cases of each kind are decoded for the page.
    """
    grouped: dict[tuple[str, str], list[Defect]] = {}
    for defect in check.defects:
        grouped.setdefault((defect.gravity, defect.kind), []).append(defect)
    room = min(PICTURES, ALL_PICTURES // max(1, len(grouped)))
    found = []
    for (_, kind), defects in grouped.items():
        cases = list(dict.fromkeys(case for defect in defects for case in defect.cases))
        found.append(
            KindOfFinding(
                kind,
                defects[0].gravity,
                ABOUT.get(kind, ""),
                tuple(defect.message for defect in defects),
                len(cases),
                tuple(_pictures(check.dataset, cases, room)) if pictures and check.dataset else (),
            )
        )
    return found


def check_json(check: DataCheck, root: Path | None) -> str:
    """Write the findings for machines."""
    content = {
        "biclip-bench": __version__,
        "dataset": check.name,
        "root": None if root is None else root.as_posix(),
        "cases": dict(check.counts),
        "errors": check.errors,
        "warnings": len(check.defects) - check.errors,
        "findings": [
            {"kind": found.kind, "gravity": found.gravity, "message": found.message, "cases": list(found.cases)}
            for found in check.defects
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _pictures(dataset: FileDataset, cases: Sequence[str], most: int) -> list[CheckPicture]:
    shown: list[CheckPicture] = []
    for case in cases:
        if len(shown) == most:
            break
        files = dataset.files.get(case)
        image = None if files is None else _image(dataset, files)
        if files is not None and image is not None:
            shown.append(CheckPicture(case, files.text, image, _mask(files, image.shape[:2])))
    return shown


def _image(dataset: FileDataset, files: CaseFiles) -> NDArray[np.float32] | None:
    """Return the image (H, W) or (H, W, 3) as a model sees it, or None where it cannot be read."""
    try:
        return viewed(dataset.read_image(files), dataset.context.window)
    except UserError:
        return None


def _mask(files: CaseFiles, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Return the mask where it can be read and has the image's shape."""
    try:
        mask = read_mask(files.mask)
    except UserError:
        return None
    return mask if mask.shape == shape else None
