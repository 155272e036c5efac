"""What file names of the published data sets tell: the patient or study, and the kind of image."""

from __future__ import annotations

import re
from collections.abc import Collection

from ...corruptions.context import ImageContext

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""Assumed for 8-bit CT slices: the usual lung window, centre -600 and width 1500. The files themselves do not say."""

_QATA = re.compile(r"^(?:sub-|covid_\d+$)")
_QATA_SUBJECT = re.compile(r"^sub-([A-Za-z0-9]+)")
_MOSMED = re.compile(r"^(?:(?:Morozov_)?study_\d+|Jun_|bjorke_\d+$)", re.IGNORECASE)
_MOSMED_STUDY = re.compile(r"study_\d+", re.IGNORECASE)
_MOSMED_CASE = re.compile(r"^Jun_.*?case\d+", re.IGNORECASE)
_TCGA_PATIENT = re.compile(r"^TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}(?=-|$)")


def group_of(stem: str) -> str | None:
    """Return the patient or study that a file name carries, or None where it carries none.

    ``sub-S10644_ses-...`` (QaTa-COV19) gives ``S10644``; ``Morozov_study_0255_15`` and ``study_0255_slice045``
    (MosMedData+) give ``study_0255``; ``Jun_coronacases_case7_75`` gives ``Jun_coronacases_case7``;
    ``TCGA-21-5784-01Z-00-DX1`` (MoNuSeg) gives ``TCGA-21-5784``.

    Examples
    --------
    >>> group_of("sub-S10644_ses-E19682_run-1_bp-chest_vp-ap_cr")
    'S10644'
    """
    if subject := _QATA_SUBJECT.match(stem):
        return subject.group(1)
    if study := _MOSMED_STUDY.search(stem):
        return study.group(0).lower()
    if case := _MOSMED_CASE.match(stem):
        return case.group(0)
    if patient := _TCGA_PATIENT.match(stem):
        return patient.group(0)
    return None


def is_qata(stem: str) -> bool:
    """Whether an image is named as in QaTa-COV19."""
    return _QATA.match(stem) is not None


def is_mosmed(stem: str) -> bool:
    """Whether an image is named as in MosMedData+."""
    return _MOSMED.match(stem) is not None


def is_monuseg(stem: str) -> bool:
    """Whether an image is named as in MoNuSeg."""
    return _TCGA_PATIENT.match(stem) is not None


def context_of(stems: Collection[str], *, grey: bool) -> ImageContext:
    """Decide what the pixels of a data set mean, from the names of all its images.

    Grey images that are all named as in MosMedData+ are CT slices saved through the lung window
    (:data:`LUNG_WINDOW_HU`); all named as in QaTa-COV19, radiographs; anything else, and any colour image, other. The
    pixel size is never known.
    """
    if grey and stems and all(map(is_mosmed, stems)):
        return ImageContext("ct", LUNG_WINDOW_HU, None)
    if grey and stems and all(map(is_qata, stems)):
        return ImageContext("radiograph", None, None)
    return ImageContext("other", None, None)
