"""What a report is made from, and the three files that hold it: scores, details and pictures."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from .details import ReportDetails
from .details_file import read_details, write_details
from .frame import validate_frame
from .picture_file import PictureFile, write_pictures
from .picture_source import PictureList, PictureSource

CASES_FILE = "cases.parquet"
DETAILS_FILE = "details.json"
PICTURES_FILE = "pictures.parquet"


@dataclass(frozen=True)
class Material:
    """What a report is made from.

    Parameters
    ----------
    frame
        Per-case scores, validated, of one data set.
    details
        What the report says besides the numbers.
    pictures
        Test cases under every condition.
    """

    frame: pd.DataFrame
    details: ReportDetails
    pictures: PictureSource = field(default_factory=PictureList)


def write_material(frame: pd.DataFrame, details: ReportDetails, folder: Path) -> Material:
    """Write scores and details into a report's folder, and take the pictures that lie there.

    Raises
    ------
    UserError
        If the frame is not valid or holds several data sets.
    """
    checked = validate_frame(frame)
    datasets = checked["dataset"].unique().tolist()
    if len(datasets) > 1:
        raise UserError(
            f"A report is about one data set and the table of scores holds {', '.join(datasets)}: "
            "write one report for each."
        )
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    checked.to_parquet(buffer, index=False)
    write_atomically(folder / CASES_FILE, buffer.getvalue())
    write_details(details, folder / DETAILS_FILE)
    pictures = folder / PICTURES_FILE
    return Material(checked, details, PictureFile([pictures]) if pictures.is_file() else PictureList())


def copy_material(material: Material, folder: Path) -> Material:
    """Write all that a report is made from, its pictures among it, into another folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = material.pictures
    if pictures.cases():
        write_pictures(folder / PICTURES_FILE, (pictures.pictures(case) for case in pictures.cases()))
    else:
        (folder / PICTURES_FILE).unlink(missing_ok=True)
    return write_material(material.frame, material.details, folder)


def has_material(folder: Path) -> bool:
    """Whether a report's scores and details lie in a folder."""
    return (folder / CASES_FILE).is_file() and (folder / DETAILS_FILE).is_file()


def read_material(folder: Path) -> Material:
    """Read what :func:`write_material` wrote.

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    if not has_material(folder):
        raise UserError(
            f"{folder} is not the folder of a report: there is no {CASES_FILE} with a {DETAILS_FILE} in it. Give the "
            "folder that 'run' or 'evaluate' printed."
        )
    path = folder / CASES_FILE
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(f"The scores {path} are damaged ({error}): run again.") from error
    try:
        checked = validate_frame(frame)
    except UserError as error:
        raise UserError(f"The scores {path}: {error}") from error
    pictures = folder / PICTURES_FILE
    return Material(
        checked, read_details(folder / DETAILS_FILE), PictureFile([pictures]) if pictures.is_file() else PictureList()
    )


def rename_models(material: Material, names: dict[str, str]) -> Material:
    """Give models other names, in the scores and in the notes; the pictures keep theirs.

    Raises
    ------
    UserError
        If a model is not there.
    """
    present = set(material.frame["model"])
    unknown = set(names) - present
    if unknown:
        raise UserError(f"There is no model {min(unknown)!r} to rename. Known: {', '.join(sorted(present))}.")
    details = material.details
    notes = tuple(replace(note, name=names.get(note.name, note.name)) for note in details.models)
    provenance = {
        f"Model {names.get(key.removeprefix('Model '), key.removeprefix('Model '))}"
        if key.startswith("Model ")
        else key: value
        for key, value in details.provenance.items()
    }
    frame = material.frame.assign(model=material.frame["model"].astype(str).replace(names))
    return replace(
        material, frame=validate_frame(frame), details=replace(details, models=notes, provenance=provenance)
    )  # fmt: skip
