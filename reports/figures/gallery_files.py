"""Picture grids as files of their own, without a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biclip_bench.files import write_atomically

from ..details import ReportDetails
from ..picture import Picture
from ..picture_source import PictureList
from .gallery import GALLERY_DPI, GALLERY_FORMATS, gallery_figures
from .style import paper_style, render


def write_gallery(pictures: Sequence[Picture], details: ReportDetails, folder: Path) -> list[Path]:
    """Write the picture grids, ``gallery-NAME.pdf`` and ``.png`` for each corruption.

    Parameters
    ----------
    pictures
        Panels, with or without predictions.
    details
        Order of models and corruptions, and the setting named in the footnote.
    folder
        Where the files go; made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    models = details.order_models([model for picture in pictures for model in picture.predictions])
    with paper_style():
        return [
            write_atomically(folder / f"{item.stem}.{kind}", render(item.figure, kind, dpi=GALLERY_DPI))
            for item in gallery_figures(PictureList(pictures), details, models)
            for kind in GALLERY_FORMATS
        ]
