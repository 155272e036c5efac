"""Reports of several machines made one, where their scores can stand side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pandas as pd

from biclip_bench.errors import UserError

from .chosen_cases import case_areas
from .details import CorruptionNote, ModelNote, ReportDetails
from .frame import COUNT_COLUMNS, KEY_COLUMNS, SCORE_COLUMNS, validate_frame
from .material import PICTURES_FILE, Material, read_material, rename_models
from .picture_file import PictureFile
from .picture_source import PictureList

Note = TypeVar("Note", ModelNote, CorruptionNote)


@dataclass(frozen=True)
class Part:
    """A report that goes into a merged one: its folder, and new names of its models."""

    folder: Path
    names: Mapping[str, str]


def merge_folders(parts: Sequence[Part]) -> Material:
    """Read several reports of one data set and put them together.

    Rows that two reports share (the same model, labels, draw, seed, condition and case) must be the same rows.

    Raises
    ------
    UserError
        If the reports are of different data sets, test cases, corruptions or settings of one model, or share rows that
        differ. The message names the two folders and what differs.
    """
    materials = [rename_models(read_material(part.folder), dict(part.names)) for part in parts]
    if len(materials) == 1:
        return materials[0] if not parts[0].names else replace(materials[0], pictures=_pictures(parts))
    titles = [str(part.folder) for part in parts]
    _check_provenance([material.details for material in materials], titles)
    frame = _join_frames([material.frame for material in materials], titles)
    return Material(frame, _join_details([material.details for material in materials], titles), _pictures(parts))


def _pictures(parts: Sequence[Part]) -> PictureFile | PictureList:
    found = [part for part in parts if (part.folder / PICTURES_FILE).is_file()]
    if not found:
        return PictureList()
    return PictureFile([part.folder / PICTURES_FILE for part in found], [part.names for part in found])


def _check_provenance(details: Sequence[ReportDetails], titles: Sequence[str]) -> None:
    if len({one.dataset for one in details}) > 1:
        told = "; ".join(f"{title}: {one.dataset}" for title, one in zip(titles, details, strict=True))
        raise UserError(
            f"A report is about one data set, and these are of several ({told}): write one report for each."
        )
    seen: dict[str, tuple[str, str]] = {}
    for title, one in zip(titles, details, strict=True):
        for what, value in one.provenance.items():
            before, first = seen.setdefault(what, (value, title))
            if before != value:
                raise UserError(_differs(what, first, title))
    units = {(one.scoring.distance_unit, one.scoring.tolerance) for one in details}
    if len(units) > 1:
        raise UserError(
            f"The distances of {', '.join(titles)} are not in one unit ({' and '.join(unit for unit, _ in units)}): "
            "evaluate again with one version of the data."
        )


def _differs(what: str, first: str, second: str) -> str:
    message = f"{first} and {second} differ in '{what}', so their scores cannot stand in one table."
    if what.startswith("Model "):
        name = what.removeprefix("Model ")
        return (
            f"{message} Both have a model called {name!r}, with other settings or another training: rename one of "
            f"them, such as --rename '{second}:{name}={name}-2'."
        )
    return f"{message} Run one of them again on the other's data and version."


def _join_frames(frames: Sequence[pd.DataFrame], titles: Sequence[str]) -> pd.DataFrame:
    for (first, before), (second, after) in pairwise(zip(titles, frames, strict=True)):
        unlike = unlike_cases(before, after)
        if unlike:
            raise UserError(f"{first} and {second} {unlike}: their scores cannot stand in one table.")
    joined = pd.concat([frame.assign(_from=place) for place, frame in enumerate(frames)], ignore_index=True)
    repeated = joined[joined.duplicated(list(KEY_COLUMNS), keep=False)]
    grouped = repeated.groupby(list(KEY_COLUMNS), observed=True)[[*SCORE_COLUMNS, *COUNT_COLUMNS]]
    spread = grouped.max() - grouped.min()
    wrong = spread.index[(spread != 0).any(axis=1)]
    if len(wrong):
        rows = repeated.set_index(list(KEY_COLUMNS)).loc[wrong[0]].reset_index()
        before, row = rows.iloc[0], rows.iloc[1]
        raise UserError(
            f"{titles[before['_from']]} and {titles[row['_from']]} have other scores of the same training: model "
            f"{row['model']!r} at {row['labels']:g}% of the labels, seed {row['seed']}, {row['corruption']} "
            f"{row['severity']}, case {row['case']!r}. Trainings on two kinds of device differ in their last bits; "
            f"leave one out, or rename it, such as --rename '{titles[row['_from']]}:{row['model']}={row['model']}-2'."
        )
    return validate_frame(joined.drop_duplicates(list(KEY_COLUMNS)).drop(columns="_from"))


def unlike_cases(first: pd.DataFrame, second: pd.DataFrame) -> str:
    """Say why the scores of two frames are not of the same cases, as a predicate; empty where they are."""
    before, after = (case_areas(frame).set_index("case")["area"] for frame in (first, second))
    shared = before.index.intersection(after.index)
    if len(shared) == 0:
        return "have no test case in common"
    return "do not have the same true masks" if (before[shared] != after[shared]).any() else ""


def _join_details(details: Sequence[ReportDetails], titles: Sequence[str]) -> ReportDetails:
    first = details[0]
    return replace(
        first,
        profile=_several([one.profile for one in details]),
        is_paper_setting=all(one.is_paper_setting for one in details),
        split=_several([one.split for one in details]),
        settings=_join_settings([one.settings for one in details], titles),
        models=_notes([one.models for one in details]),
        corruptions=_notes([one.corruptions for one in details]),
        versions={
            name: _several([one.versions[name] for one in details if name in one.versions])
            for name in _union(one.versions for one in details)
        },
        scoring=replace(first.scoring, threshold=_several([one.scoring.threshold for one in details])),
        provenance={key: value for one in details for key, value in one.provenance.items()},
        methods=tuple(dict.fromkeys(paragraph for one in details for paragraph in one.methods)),
        citations=tuple(dict.fromkeys(citation for one in details for citation in one.citations)),
    )


def _join_settings(settings: Sequence[Mapping[str, str]], titles: Sequence[str]) -> dict[str, str]:
    joined = {"Merged from": ", ".join(titles)}
    for key in _union(settings):
        values = {title: one[key] for title, one in zip(titles, settings, strict=True) if key in one}
        same = len(set(values.values())) == 1
        joined[key] = next(iter(values.values())) if same else "; ".join(f"{t}: {v}" for t, v in values.items())
    return joined


def _union(mappings: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _several(values: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def _notes(groups: Iterable[Sequence[Note]]) -> tuple[Note, ...]:
    found: dict[str, Note] = {}
    for notes in groups:
        for note in notes:
            found.setdefault(note.name, note)
    return tuple(found.values())
