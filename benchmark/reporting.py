"""From a finished plan to its report: scores out of the store, what the report must say about them, the files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from biclip_bench.files import write_atomically

from ..models import find_model, parse_model
from ..reports import ModelNote, ReportDetails, ReportFiles, condition_scores, write_report
from .cells import CLEAN, digest
from .config import ExperimentConfig
from .corruption_notes import corruption_notes
from .datasets.base import PARTS, Dataset, left_out_text
from .label_sets import LABELS_FILE, write_label_table
from .patient_split import split_text
from .pictures import report_pictures, shown_evaluations
from .plan import Plan
from .store import DESCRIPTION, Store
from .versions import software_versions

CONFIG = "config.yaml"


VALIDATION = {
    "full": "the full validation part at every label fraction",
    "scaled": "the same share of the validation part as of the labels",
}
"""What each validation policy means."""

SCORING = "on the native mask grid: logits resized bilinearly, threshold 0.5; both masks empty counts as 1"

_TEXT_TRAINING = {True: ", frozen", False: ", fine-tuned", None: ""}


@dataclass(frozen=True)
class Report:
    """A written report, and what the terminal's summary is made of.

    Parameters
    ----------
    files
        What was written.
    details
        What the report says besides the numbers.
    scores
        Scores of every condition, as :func:`~biclip_bench.reports.condition_scores` gives them.
    corruptions
        Names of the corruptions, or ``"clean"`` alone.
    """

    files: ReportFiles
    details: ReportDetails
    scores: pd.DataFrame
    corruptions: tuple[str, ...]


def run_folder(config: ExperimentConfig, kind: str | None = None) -> Path:
    """Folder of a run's report: the same configuration always has the same.

    Parameters
    ----------
    config
        The run's configuration.
    kind
        What the folder's name says beside the data set; by default the preset.
    """
    content = config.model_dump(mode="json", exclude={"output", "accelerator"})
    return config.output / f"{config.dataset}-{kind or config.preset}-{digest(content)[:8]}"


def report_plan(
    config: ExperimentConfig,
    dataset: Dataset,
    plan: Plan,
    store: Store,
    folder: Path,
    checkpoint: Path | None = None,
) -> Report:
    """Write the resolved configuration and the report of a finished plan into ``folder``.

    The models' descriptions lie beside their weights: in the store, or in ``checkpoint`` for a plan of one model that
    was trained elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / CONFIG, config.to_yaml())
    write_label_table(plan.training, folder / LABELS_FILE)
    frame = store.read_scores(plan.all_evaluations)
    details = report_details(config, dataset, plan, store, checkpoint)
    files = write_report(frame, details, report_pictures(shown_evaluations(plan), dataset, store), folder)
    return Report(files, details, condition_scores(frame), tuple(spec.name for spec in plan.corruptions) or (CLEAN,))


def report_details(
    config: ExperimentConfig, dataset: Dataset, plan: Plan, store: Store, checkpoint: Path | None = None
) -> ReportDetails:
    """What a reader must know beside the scores."""
    counts = dataset.index["part"].value_counts()
    groups = dataset.index.groupby("part")["group"].nunique()
    training = config.training
    left_out = left_out_text(dataset)
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
    )


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
