"""A release read back as a data set."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext, Modality
from ..cells import CLEAN
from ..datasets.base import Case
from .content import COLUMNS, image_path, mask_path
from .manifest import CASES, Manifest
from .pixels import FileFormat, decode, restore


class ReleasedDataset:
    """The clean cases of a release; see :class:`~biclip_bench.benchmark.datasets.base.Dataset`.

    Parameters
    ----------
    folder
        Folder of a release that was verified.
    manifest
        Its manifest.

    Raises
    ------
    UserError
        If a file was not written by a release.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self.name = manifest.dataset.name
        self.fingerprint = manifest.dataset.fingerprint
        known = manifest.context
        modality = cast(Modality, known.modality)
        self.context = ImageContext(modality, known.hu_range, known.pixel_size_mm, manifest.window)
        with (folder / CASES).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if not rows or set(rows[0]) != set(COLUMNS):
            raise UserError(f"The table {folder / CASES} has other columns than {', '.join(COLUMNS)}.")
        self._rows = {row["case"]: row for row in rows}
        index = pd.DataFrame(rows, columns=["case", "group", "text"])
        index["part"] = manifest.dataset.part
        index["lesion_fraction"] = [float(self._mask(row["file"]).mean()) for row in rows]
        self.index = index

    def load(self, case: str) -> Case:
        """Return one clean case by its id."""
        if case not in self._rows:
            raise UserError(f"The release {self._folder} has no case {case!r}.")
        row = self._rows[case]
        path = image_path(self._manifest, CLEAN, 0, row["file"])
        image = restore(self._read(path, self._manifest.values.file_format))
        return Case(case, image, self._mask(row["file"]), row["text"], row["group"])

    def _mask(self, stem: str) -> NDArray[np.bool_]:
        return np.asarray(self._read(mask_path(stem), "png") > 127)

    def _read(self, path: str, file_format: FileFormat) -> NDArray[Any]:
        try:
            return decode((self._folder / path).read_bytes(), file_format)
        except (OSError, ValueError) as error:
            raise UserError(f"The file {self._folder / path} is none that biclip-bench wrote ({error}).") from error
