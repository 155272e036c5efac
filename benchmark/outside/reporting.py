"""The report of a model of other origin: the same files as a run's, and in them whose word is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from ...corruptions import advice, parse_spec
from ...corruptions.context import Modality
from ...reports import CorruptionNote, ModelNote, ReportDetails, ReportOptions, WrittenReport, write_report
from ...reports.details import ScoringNote
from ...reports.material import write_material
from ..cells import EvaluationCell, OutsideModel, digest
from ..datasets.base import Dataset
from ..pictures import Seen, keep_pictures
from ..provenance import provenance_of
from ..release.manifest import Condition
from ..reporting import citations_of
from ..scoring_note import scoring_settings
from ..store import Store
from ..versions import software_versions
from .statement import Statement

EVALUATION = "evaluation.yaml"
"""What was evaluated, beside the report."""


@dataclass(frozen=True)
class Evaluated:
    """What a report of a model of other origin is about.

    Parameters
    ----------
    model
        The model.
    source
        Name of its file or folder.
    stated
        What the user says about it.
    cells
        Its finished evaluation cells.
    dataset, data
        The data set's name, and a sentence on it and its test cases.
    split
        How test cases were chosen.
    settings
        Further settings by name.
    fingerprint
        Of the data set.
    scoring
        What the scores' numbers mean.
    paper, parameters, frozen_parameters, uses_image
        Of the model, as far as known.
    """

    model: OutsideModel
    source: str
    stated: Statement
    cells: Sequence[EvaluationCell]
    dataset: str
    data: str
    split: str
    settings: Mapping[str, str]
    fingerprint: str
    scoring: ScoringNote
    paper: str = "not stated"
    parameters: int | None = None
    frozen_parameters: int = 0
    uses_image: bool = True

    @property
    def profile(self) -> str:
        """One line for every output."""
        size = f", input {self.model.image_size} px" if self.model.image_size else ""
        said = self.stated.labels is not None or self.stated.seed is not None
        word = "as stated by the user" if said else "were not stated"
        return f"{self.model.kind} {self.source} of other origin{size}; labels and seed {word}"


@dataclass(frozen=True)
class PictureMaker:
    """What the pictures of a report are made with: the data, and, where they are not corrupted here, the images."""

    dataset: Dataset
    seen: Seen | None = None


def report_outside(
    evaluated: Evaluated, notes: Sequence[CorruptionNote], maker: PictureMaker | None, store: Store, output: Path
) -> WrittenReport:
    """Write the report into a folder of its own below ``output``; the same evaluation always has the same.

    Without a maker of pictures the report has none.
    """
    content = {
        "kind": evaluated.model.kind,
        "source": evaluated.source,
        "sha256": evaluated.model.sha256,
        "output": evaluated.model.output,
        "dataset": evaluated.dataset,
        "conditions": [[cell.corruption, cell.severity] for cell in evaluated.cells],
        "model": evaluated.model.model,
        **{key.lower().replace(" ", "_"): value for key, value in evaluated.stated.told.items()},
        "uses_text": evaluated.stated.uses_text,
        "settings": dict(evaluated.model.settings),
    }
    identity = digest([content, [cell.key for cell in evaluated.cells]])
    kind = evaluated.model.kind.replace(" ", "-")
    folder = output / f"{evaluated.dataset}-{kind}-{identity[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / EVALUATION, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    frame = store.read_scores(evaluated.cells)
    details = _details(evaluated, notes, store)
    if maker is not None:
        shown = {evaluated.model.model: evaluated.cells}
        keep_pictures(shown, frame, maker.dataset, store, folder, maker.seen)
    return write_report(write_material(frame, details, folder), folder, ReportOptions())


def _details(evaluated: Evaluated, notes: Sequence[CorruptionNote], store: Store) -> ReportDetails:
    model, stated = evaluated.model, evaluated.stated
    settings = {
        "Model": f"{model.model}: {model.kind} {evaluated.source}, SHA-256 {model.sha256}",
        "Data set": evaluated.data,
        "Output": model.output,
        **stated.told,
        **evaluated.settings,
        **scoring_settings(evaluated.scoring, evaluated.cells, store),
    }
    note = ModelNote(
        name=model.model,
        uses_text=stated.uses_text,
        augmented_with=stated.augmented_with,
        paper=evaluated.paper,
        parameters=evaluated.parameters,
        frozen_parameters=evaluated.frozen_parameters,
        uses_image=evaluated.uses_image,
        pretrained="not stated",
    )
    return ReportDetails(
        title=f"Robustness on {evaluated.dataset}",
        profile=evaluated.profile,
        is_paper_setting=False,
        dataset=evaluated.dataset,
        split=evaluated.split,
        settings=settings,
        models=(note,),
        corruptions=tuple(notes),
        versions=software_versions(),
        provenance=provenance_of(evaluated.fingerprint, evaluated.scoring, [model], evaluated.cells),
        methods=(_paragraph(evaluated, notes),),
        citations=citations_of(evaluated.dataset),
        scoring=evaluated.scoring,
    )


def _paragraph(evaluated: Evaluated, notes: Sequence[CorruptionNote]) -> str:
    corruptions = ", ".join(note.name for note in notes)
    return f"The model {evaluated.model.model} ({evaluated.profile}) was scored on {evaluated.data.rstrip('.')}. " + (
        f"Test images were corrupted by {corruptions}." if corruptions else "Test images were not corrupted."
    )


def released_note(condition: Condition, modality: Modality) -> CorruptionNote:
    """Describe a condition as its release does: this software may know other levels, or not know it at all."""
    several = len({part.corruption for step in condition.severities for part in step.parts}) > 1
    units: dict[str, str] = {}
    levels: list[dict[str, float | str]] = []
    for step in condition.severities:
        level: dict[str, float | str] = {}
        for part in step.parts:
            for name, item in part.parameters.items():
                label = f"{part.corruption} {name}" if several else name
                units[label] = item.unit
                level[label] = item.value
        levels.append(level)
    severities = tuple(step.severity for step in condition.severities)
    remarks = _advice(condition.name, modality)
    return CorruptionNote(
        condition.name, condition.families, condition.summary, units, levels, remarks, severities=severities
    )


def _advice(name: str, modality: Modality) -> tuple[str, ...]:
    try:
        return tuple(advice(parse_spec(name), modality))
    except UserError:
        return ()  # a corruption that this software does not know
