"""One test case under every corruption, for a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biclip_bench.files import file_stem

from ..corruptions import CorruptionSpec
from ..reports.figures.preview import PreviewRow, write_preview
from .cells import CLEAN
from .corrupted_images import corrupted_images
from .datasets.base import Case, Dataset, existing_tests
from .inputs import apply_window
from .level_words import graded_units, level_words
from .pictures import typical_cases


def write_previews(
    dataset: Dataset,
    specs: Sequence[CorruptionSpec],
    severities: Sequence[int],
    count: int,
    folder: Path,
    *,
    contour: bool = False,
) -> list[Path]:
    """Draw ``count`` typical test cases, each clean and under every corruption at every severity, as a model sees it.

    Parameters
    ----------
    dataset
        Where the cases come from.
    specs
        A row each.
    severities
        A column each.
    count
        Number of cases; each has a figure of its own.
    folder
        Where the files go.
    contour
        Whether the true lesion is outlined.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UserError
        If the data set has no test cases.
    """
    existing_tests(dataset)
    paths = []
    for name in typical_cases(dataset.index, count):
        case = dataset.load(name)
        rows = [preview_row(dataset, case, spec, severities) for spec in specs]
        stem = f"preview-{file_stem(name)}"
        paths += write_preview(stem, rows, _footnote(dataset, case, contour), folder, case.mask if contour else None)
    return paths


def preview_row(dataset: Dataset, case: Case, spec: CorruptionSpec, severities: Sequence[int]) -> PreviewRow:
    """Corrupt one case at every severity, and say what each is physically."""
    chosen = spec.chosen(severities)
    units = [f"{name.replace('_', ' ')}: {unit}" for name, unit in graded_units(spec).items() if unit]
    return PreviewRow(
        name=spec.name,
        note="; ".join(units),
        images={
            0: _seen(dataset, case, CLEAN, 0),
            **{severity: _seen(dataset, case, spec.name, severity) for severity in chosen},
        },
        labels={severity: level_words(spec, severity) for severity in chosen},
    )


def _seen(dataset: Dataset, case: Case, corruption: str, severity: int) -> NDArray[np.float32]:
    image = apply_window(corrupted_images([case], dataset, corruption, severity), dataset.context.window)[0].numpy()
    return np.asarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))


def _footnote(dataset: Dataset, case: Case, contour: bool) -> str:
    height, width = case.mask.shape
    text = f"{dataset.name}, test case {case.id}, {width} x {height} pixels, not resized."
    if dataset.context.window_hu:
        black, white = dataset.context.window_hu
        text += f" Black is {black:.0f} HU, white {white:.0f} HU; corrupted before this window was applied."
    return f"{text} Outline: true lesion." if contour else text
