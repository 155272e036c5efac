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
from ...reports import CorruptionNote, ModelNote, Picture, ReportDetails, condition_scores, write_report
from ..cells import CLEAN, EvaluationCell, OutsideModel, digest
from ..release.manifest import Condition
from ..reporting import Report
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


def report_outside(
    evaluated: Evaluated, notes: Sequence[CorruptionNote], pictures: Sequence[Picture], store: Store, output: Path
) -> Report:
    """Write the report into a folder of its own below ``output``; the same evaluation always has the same."""
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
    details = _details(evaluated, notes)
    files = write_report(frame, details, pictures, folder)
    return Report(files, details, condition_scores(frame), tuple(note.name for note in notes) or (CLEAN,))


def _details(evaluated: Evaluated, notes: Sequence[CorruptionNote]) -> ReportDetails:
    model, stated = evaluated.model, evaluated.stated
    settings = {
        "Model": f"{model.model}: {model.kind} {evaluated.source}, SHA-256 {model.sha256}",
        "Data set": evaluated.data,
        "Output": model.output,
        **stated.told,
        **evaluated.settings,
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
