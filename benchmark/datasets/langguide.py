"""The data set ``langguide``: QaTa-COV19 in the layout of LanGuideMedSeg (Zhong et al., MICCAI 2023)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from .base import DatasetSettings, existing_root, register_dataset
from .case_files import CaseFiles, Defect, Listing
from .dataset_notes import DatasetNotes
from .file_dataset import FileDataset
from .image_files import bare_name
from .lvit_names import context_of
from .pairing import LVIT_NAMING, Place, cases_of_part, images_by_name, list_images, pair_masks, pair_rows
from .table_files import read_table
from .text_tables import IMAGE_COLUMN, TEXT_COLUMN, read_text_table

_LOADER_VERSION = "langguide 1"
"""Raised whenever the same files would give other cases than before."""

_TRAINING_SHARE = 0.8
"""Share of train.csv from its top that trains; the rest validates (utils/dataset.py of LanGuideMedSeg, 2023)."""


def names_context(files: list[CaseFiles], grey: bool) -> ImageContext:
    """Decide what the pixels mean from the files' names."""
    return context_of([case.name for case in files], grey=grey)


@register_dataset(
    "langguide",
    notes=DatasetNotes(
        images="chest radiographs (QaTa-COV19), or others in the same layout",
        cases="80% and 20% of train.csv, and test.csv: 5,716 / 1,429 / 2,113",
        texts="report sentences",
        layout="""\
DATA_ROOT/
  prompt/train.csv, test.csv   columns Image (the mask's name) and Description
  Train/Images/                images
  Train/GTs/                   masks: mask_ and the image's name, or the image's name
  Test/Images/, Test/GTs/      likewise""",
        source="https://github.com/Junelin2333/LanGuideMedSeg-MICCAI2023 (tables); images and masks: "
        "https://www.kaggle.com/datasets/aysendegerli/qatacov19-dataset.",
        licence="Of the images, stated on the Kaggle page.",
        cite=(
            "Zhong et al., Ariadne's Thread: Using Text Prompts to Improve Segmentation of Infected Areas from Chest "
            "X-ray Images, MICCAI 2023",
            "Degerli et al., OSegNet: Operational Segmentation Network for COVID-19 Detection, ICIP 2022",
        ),
    ),
)
def open_langguide(settings: DatasetSettings) -> FileDataset:
    """QaTa-COV19 in LanGuideMedSeg's layout: chest radiographs with lesions and report texts in CSV files.

    The last 20% of train.csv's rows are the validation part, as published, also where that puts a patient on both
    sides; --split patient deals whole ones.
    """
    root = existing_root("langguide", settings, "prompt, Train and Test")
    return FileDataset(
        "langguide",
        _LOADER_VERSION,
        read_langguide(root),
        root=root,
        cache=settings.cache,
        context=names_context,
        allow_issues=settings.allow_issues,
    )


def read_langguide(root: Path) -> Listing:
    """Match all files and texts, and cut the validation part off the end of ``train.csv``.

    Raises
    ------
    UserError
        If a folder or table is missing.
    """
    defects: list[Defect] = []
    files: list[CaseFiles] = []
    for part, name in (("train", "Train"), ("test", "Test")):
        place = Place("train" if part == "train" else "test", root / name / "Images", root / name / "GTs")
        for needed in (place.images, place.masks):
            if not needed.is_dir():
                raise UserError(f"There is no folder {needed}: LanGuideMedSeg's layout has Train and Test with Images "
                                "and GTs.")  # fmt: skip
        book = root / "prompt" / f"{part}.csv"
        rows = read_text_table(book, defects)
        images = images_by_name(list_images(place.images, defects), place, defects)
        masks = [(bare_name(mask.name), mask) for mask in list_images(place.masks, defects)]
        mask_of = pair_masks(masks, images, LVIT_NAMING, place, defects)
        row_of = pair_rows(rows, images, LVIT_NAMING, place, defects)
        cases = cases_of_part(images, mask_of, row_of, str(book), place, defects)
        if part == "train":
            # Rows that lack something count too, as they do for the published code.
            numbers = [row.number for row in read_table(book, [IMAGE_COLUMN, TEXT_COLUMN])]
            training = set(numbers[: int(_TRAINING_SHARE * len(numbers))])
            late = {name for name, row in row_of.items() if row.number not in training}
            cases = [replace(case, part="val") if case.name in late else case for case in cases]
            cases.sort(key=lambda case: (case.part != "train", case.name))
            defects = [replace(defect, cases=tuple(_moved(case, late) for case in defect.cases)) for defect in defects]
        files += cases
    defects += shared_patients(files)
    return Listing(tuple(files), tuple(defects), "as published: the last 20% of train.csv for validation")


def _moved(case: str, late: set[str]) -> str:
    part, _, name = case.partition("/")
    return f"val/{name}" if part == "train" and name in late else case


def shared_patients(files: list[CaseFiles]) -> list[Defect]:
    """Warn of patients who stand in several parts."""
    parts: dict[str, set[str]] = {}
    for case in files:
        if case.group is not None:
            parts.setdefault(case.group, set()).add(case.part)
    shared = sorted(group for group, own in parts.items() if len(own) > 1)
    if not shared:
        return []
    cases = tuple(case.id for case in files if case.group in set(shared))
    message = (
        f"{len(shared)} patients, {shared[0]} first, have images in several of training, validation and test, as the "
        "files give it: scores may be too good. --split patient deals whole patients."
    )
    return [Defect("patient-in-several-parts", message, "warning", cases)]
