"""All that can be said against a data set."""

from __future__ import annotations

from ..case_files import Defect
from ..file_dataset import FileDataset
from .counts import OTHER_COUNTS, count_findings
from .duplicates import near_copies
from .groups import group_findings
from .masks import image_findings, mask_findings
from .texts import text_findings


def all_findings(dataset: FileDataset) -> tuple[Defect, ...]:
    """List a data set's findings, errors first.

    Nothing is decoded: all was measured when the data set was opened, and is kept in its cache.

    Parameters
    ----------
    dataset
        Opened with ``allow_issues``.
    """
    # A data set that goes by a published set's name compares the numbers itself.
    counted = any(defect.kind == OTHER_COUNTS for defect in dataset.defects)
    found = [
        *dataset.defects,
        *near_copies(dataset.checked),
        *group_findings(dataset.checked),
        *([] if counted else count_findings(dataset.name, dataset.root, dataset.checked)),
        *image_findings(dataset.checked),
        *mask_findings(dataset.checked),
        *text_findings(dataset.checked),
    ]
    return tuple(sorted(found, key=lambda defect: defect.gravity != "error"))
