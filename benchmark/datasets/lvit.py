"""The data set ``lvit``: a folder in LViT's layout (QaTa-COV19, MosMedData+, MoNuSeg and others converted to it)."""

from __future__ import annotations

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from .base import DatasetSettings, register_dataset
from .case_files import CaseFiles
from .file_dataset import FileDataset
from .lvit_layout import read_lvit
from .lvit_names import context_of

_LOADER_VERSION = "lvit 1"
"""Raised whenever the same files would give other cases than before."""


def names_context(files: list[CaseFiles], grey: bool) -> ImageContext:
    """Decide what the pixels mean from the files' names."""
    return context_of([case.name for case in files], grey=grey)


@register_dataset("lvit")
def open_lvit(settings: DatasetSettings) -> FileDataset:
    """A folder in LViT's layout, named by --data-root: QaTa-COV19, MosMedData+, MoNuSeg and others."""
    if settings.root is None:
        raise UserError(
            "The data set lvit is read from a folder: name it with --data-root, the one that holds Train_Folder, "
            "Val_Folder and Test_Folder."
        )
    return FileDataset(
        "lvit",
        _LOADER_VERSION,
        read_lvit(settings.root),
        root=settings.root,
        cache=settings.cache,
        context=names_context,
        allow_issues=settings.allow_issues,
    )
