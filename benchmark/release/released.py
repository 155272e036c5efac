"""A release read back: its clean cases as a data set, and its corrupted images."""

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
        Folder of a release of which the files that are read were verified.
    manifest
        Its manifest.

    Attributes
    ----------
    stems
        For each case's id the name of its files, in the release's order.

    Raises
    ------
    UserError
        If a file was not written by a release.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
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
        self.stems = {row["case"]: row["file"] for row in rows}
        index = pd.DataFrame(rows, columns=["case", "group", "text"])
        index["part"] = manifest.dataset.part
        index["lesion_fraction"] = [float(self._mask(row["file"]).mean()) for row in rows]
        self.index = index

    def load(self, case: str) -> Case:
        """Return one clean case by its id."""
        if case not in self._rows:
            raise UserError(f"The release {self.folder} has no case {case!r}.")
        row = self._rows[case]
        return Case(case, self.image(case, CLEAN, 0), self._mask(row["file"]), row["text"], row["group"])

    def image(self, case: str, condition: str, severity: int) -> NDArray[np.float32]:
        """Read a case's image (C, H, W) in [0, 1] under a condition, as the release stores it."""
        path = image_path(self._manifest, condition, severity, self.stems[case])
        return restore(self._read(path, self._manifest.values.file_format))

    def mask(self, case: str) -> NDArray[np.bool_]:
        """Read a case's true mask (H, W)."""
        return self._mask(self.stems[case])

    def group(self, case: str) -> str:
        """The patient or study of a case."""
        return str(self._rows[case]["group"])

    def shape(self, case: str) -> tuple[int, int]:
        """Height and width of a case in pixels."""
        return int(self._rows[case]["height"]), int(self._rows[case]["width"])

    def _mask(self, stem: str) -> NDArray[np.bool_]:
        return np.asarray(self._read(mask_path(stem), "png") > 127)

    def _read(self, path: str, file_format: FileFormat) -> NDArray[Any]:
        try:
            return decode((self.folder / path).read_bytes(), file_format)
        except (OSError, ValueError) as error:
            raise UserError(f"The file {self.folder / path} is none that biclip-bench wrote ({error}).") from error
