"""From a finished plan to its report: scores out of the store, what the report must say about them, the files."""

from __future__ import annotations

import json
import os
from pathlib import Path

from biclip_bench.files import write_atomically

from ..models import find_model, parse_model
from ..reports import ModelNote, ReportDetails, ReportOptions, WrittenReport, write_report
from ..reports.material import Material, write_material
from .cells import DEFAULT_THRESHOLD, digest
from .config import ExperimentConfig
from .corruption_notes import corruption_notes
from .datasets.base import PARTS, Dataset, left_out_text, notes_of
from .label_sets import LABELS_FILE, write_label_table
from .methods_text import methods_paragraphs
from .patient_split import split_text
from .pictures import Tell, keep_pictures, say_nothing, shown_evaluations
from .pixel_size import pixel_size_mm
from .plan import Plan
from .provenance import provenance_of
from .scoring_note import SCORING, scoring_note, scoring_settings
from .store import DESCRIPTION, Store
from .versions import software_versions

CONFIG = "config.yaml"
WORKERS = min(2, os.cpu_count() or 1)
"""Processes that draw figures: each holds the scores, so more of them would take memory rather than save time."""


VALIDATION = {
    "full": "the full validation part at every label fraction",
    "scaled": "the same share of the validation part as of the labels",
}
"""What each validation policy means."""

_TEXT_TRAINING = {True: ", frozen", False: ", fine-tuned", None: ""}


def run_folder(config: ExperimentConfig, kind: str | None = None) -> Path:
    """Folder of a run's report: the same configuration always has the same.

    Parameters
    ----------
    config
        The run's configuration.
    kind
        What the folder's name says beside the data set; by default the preset.
    """
    # A key that came later is left out where it says nothing new, so that older runs keep their folders.
    new = {"threshold"} if config.threshold == DEFAULT_THRESHOLD else set()
    content = config.model_dump(mode="json", exclude={"output", "accelerator", *new})
    return config.output / f"{config.dataset}-{kind or config.preset}-{digest(content)[:8]}"


def report_plan(
    config: ExperimentConfig,
    dataset: Dataset,
    plan: Plan,
    store: Store,
    folder: Path,
    checkpoint: Path | None = None,
    options: ReportOptions | None = None,
    tell: Tell = say_nothing,
) -> WrittenReport:
    """Write the resolved configuration and the report of a finished plan into ``folder``.

    The models' descriptions lie beside their weights: in the store, or in ``checkpoint`` for a plan of one model that
    was trained elsewhere. ``tell`` is called with the number of cases whose pictures are made, and of all.
    """
    material = keep_material(config, dataset, plan, store, folder, checkpoint, tell)
    return write_report(material, folder, options or ReportOptions(workers=WORKERS))


def keep_material(
    config: ExperimentConfig,
    dataset: Dataset,
    plan: Plan,
    store: Store,
    folder: Path,
    checkpoint: Path | None = None,
    tell: Tell = say_nothing,
) -> Material:
    """Write into a run's folder all that its report is made from: it needs neither store nor data afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / CONFIG, config.to_yaml())
    write_label_table(plan.training, folder / LABELS_FILE)
    frame = store.read_scores(plan.all_evaluations)
    details = report_details(config, dataset, plan, store, checkpoint)
    keep_pictures(shown_evaluations(plan), frame, dataset, store, folder, tell=tell)
    return write_material(frame, details, folder)


def report_details(
    config: ExperimentConfig, dataset: Dataset, plan: Plan, store: Store, checkpoint: Path | None = None
) -> ReportDetails:
    """What a reader must know beside the scores."""
    counts = dataset.index["part"].value_counts()
    groups = dataset.index.groupby("part")["group"].nunique()
    training = config.training
    left_out = left_out_text(dataset)
    scoring = scoring_note(config.threshold, pixel_size_mm(dataset))
    settings = {
        "Profile": config.profile,
        "Data set": f"{config.dataset} (fingerprint {dataset.fingerprint[:12]})",
        **{f"{part} cases": f"{counts.get(part, 0)} of {groups.get(part, 0)} patients or studies" for part in PARTS},
        **({"Left out": left_out} if left_out else {}),
        "Split": split_of(config, dataset),
        "Validation": f"{VALIDATION[config.val_policy]}; the epoch with the best mean Dice is kept",
        "Text encoder": config.text_encoder + _TEXT_TRAINING[config.freeze_text],
        "Model input": f"{config.input_size} x {config.input_size} px; bilinear resize with antialiasing",
        "Network width": str(config.network_width),
        "Optimiser": f"AdamW, learning rate {training.learning_rate:g} (warm-up over {training.warmup:.0%} "
        f"of the steps, then half a cosine; text branch at {training.text_rate:g} of it), "
        f"weight decay {training.weight_decay:g}",
        "Training": f"{training.epochs} epochs of at least {training.minimum_steps} steps, "
        f"batch {training.batch_size}, {training.precision}",
        "Photometric augmentation": "of every model, BiCLIP's strong view"
        if training.match_augmentation
        else "each model's own; the models table says which corruption families it shows",
        "Label fractions": ", ".join(f"{labels:g}%" for labels in sorted({cell.labels for cell in plan.training})),
        "Labelled cases": _drawn(config),
        "Seeds": ", ".join(str(seed) for seed in sorted({cell.seed for cell in plan.training})),
        "Scores": SCORING,
        **scoring_settings(scoring, plan.all_evaluations, store),
    }
    return ReportDetails(
        title=f"Robustness on {config.dataset}",
        profile=config.profile,
        is_paper_setting=config.is_paper_setting,
        dataset=config.dataset,
        split=split_of(config, dataset),
        settings=settings,
        models=tuple(_model_note(name, plan, store, checkpoint) for name in plan.models),
        corruptions=corruption_notes(plan.corruptions, dataset),
        versions=software_versions(),
        provenance=provenance_of(dataset.fingerprint, scoring, plan.training, plan.all_evaluations),
        methods=methods_paragraphs(config, dataset, plan, split_of(config, dataset)),
        citations=citations_of(config.dataset),
        scoring=scoring,
    )


def citations_of(dataset: str) -> tuple[str, ...]:
    """Short references of a data set."""
    notes = notes_of(dataset)
    return notes.cite if notes else ()


def split_of(config: ExperimentConfig, dataset: Dataset) -> str:
    """How training and test cases are separated, and whether patients are on both sides."""
    return split_text(dataset, config.split)


def _drawn(config: ExperimentConfig) -> str:
    if config.labels_file is not None:
        return f"those of {config.labels_file.name}; {LABELS_FILE} beside this report repeats them"
    each = "one draw a seed" if config.label_draws is None else f"{config.label_draws} draws, each with every seed"
    return (
        f"{each}, whole patients, nested and interleaved by lesion burden; {LABELS_FILE} beside this report lists them"
    )


def _model_note(name: str, plan: Plan, store: Store, checkpoint: Path | None) -> ModelNote:
    model = find_model(parse_model(name))
    cell = next(cell for cell in plan.training if cell.model == name)
    folder = checkpoint or store.training_folder(cell)
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return ModelNote(
        name=name,
        uses_text=bool(description.get("uses_text", model.uses_text)),
        uses_image=model.uses_image,
        augmented_with=tuple(description["augmented_with"]),
        paper=model.paper,
        parameters=int(description["parameters"]),
        frozen_parameters=int(description["frozen_parameters"]),
        pretrained=description["pretrained"],
        uses_unlabelled=model.uses_unlabelled,
    )
