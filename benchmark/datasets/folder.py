"""The data set ``folder``: any folder of images and masks, described by options."""

from __future__ import annotations

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from .base import DatasetSettings, existing_root, options_of, register_dataset
from .case_files import CaseFiles
from .dataset_notes import DatasetNotes
from .file_dataset import FileDataset
from .folder_layout import read_folder
from .folder_options import FolderOptions, reading_of

_LOADER_VERSION = "folder 1"
"""Raised whenever the same files would give other cases than before."""


@register_dataset(
    "folder",
    options=FolderOptions,
    notes=DatasetNotes(
        images="any: PNG, TIFF, JPEG, BMP, DICOM, NIfTI slices",
        cases="folders train, val and test, a column, or whole groups dealt 70:10:20",
        texts="XLSX, CSV or JSON Lines, or none",
        layout="""\
DATA_ROOT/
  images/       1.png, 2.png, ... (--data-option images=FOLDER, or a pattern such as '*/image.dcm')
  masks/        1.png, 1_mask.png, mask_1.png or 1-mask.png (--data-option masks=, mask_affix=)
  texts.csv     columns Image and Description (--data-option texts=texts.csv, image_column=, text_column=)
or
DATA_ROOT/train/images/, train/masks/, val/..., test/...
or
DATA_ROOT/images/train/, images/val/, images/test/, masks/train/, ...""",
        source="Your own data, or any public set that is not listed by name.",
        licence="That of the data you bring.",
    ),
)
def open_folder(settings: DatasetSettings) -> FileDataset:
    """Any folder of images and masks, named by --data-root and described by --data-option.

    Images and masks are paired by name, then by name without what marks a mask; what is ambiguous is an error. Where
    nothing tells the parts, whole patients are dealt by a fixed rule that depends on their names alone.
    """
    options: FolderOptions = options_of("folder", settings)
    root = existing_root("folder", settings, "the images and masks")
    reading = reading_of(options)

    def context(files: list[CaseFiles], grey: bool) -> ImageContext:
        if reading.modality == "ct" and not grey:
            raise UserError(
                f"modality=ct, and images in {root} have colour: slices of a CT are grey. Save them as grey images, or "
                "leave the option out."
            )
        return reading.stated

    return FileDataset(
        "folder",
        _LOADER_VERSION,
        read_folder(root, options),
        root=root,
        cache=settings.cache,
        context=context,
        reading=reading,
        allow_issues=settings.allow_issues,
    )
