"""``evaluate --model-file`` and ``evaluate --weights``: a model of other origin that runs here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from biclip_bench.errors import UserError

from ...models import ModelSettings, SegmentationModel, count_parameters, find_model, keep_text_features, parse_model
from ..cells import OutsideModel
from ..config import ExperimentConfig
from ..corruption_notes import corruption_notes
from ..datasets.base import PARTS, Dataset, cases_of, existing_tests
from ..inputs import model_input
from ..outside.digests import file_sha256
from ..outside.model_file import DEFAULT_SIZE, FileModel, open_model_file
from ..outside.reporting import Evaluated, PictureMaker, report_outside
from ..outside.statement import LABELS, SEED, Statement, read_families
from ..outside.weights_file import load_weights
from ..pixel_size import pixel_size_mm
from ..plan import dataset_of, evaluation_cells, known_corruptions
from ..prediction import predict_logits
from ..preflight import check_machine
from ..reporting import split_of
from ..run import device_of, evaluate_model, store_of, text_cache_of
from ..scoring_note import SCORING, scoring_note
from ..threshold import check_validation_cases
from . import options as opt
from .notices import print_advice, print_defects
from .run import show_report

_STATED = ("name", "labels", "seed", "augmented_with")
_STEP = 16
"""The phantom's images have a side that is a multiple of it."""


def evaluate_model_file(path: Path, given: dict[str, Any]) -> None:
    """Score a model from a ``.pt2`` or ``.onnx`` file.

    Parameters
    ----------
    path
        The file.
    given
        The options that were typed, by their names in Python.
    """
    flags = dict(given)
    kind = flags.pop("output_kind", None)
    if kind == "masks":
        raise UserError("--output-kind masks belongs to --predictions: a model file gives logits or probabilities.")
    stated = _statement(path, flags, uses_text=False)
    size = flags.pop("image_size", None)
    device = _device(flags)
    model = open_model_file(path, stated.name, kind and kind.value, device)
    size = _size(path, model, size)
    experiment = opt.resolve_config(None, **(flags | {"image_size": max(32, round(size / _STEP) * _STEP)}))
    cell = OutsideModel(
        model=stated.name,
        labels=LABELS if stated.labels is None else stated.labels,
        seed=SEED if stated.seed is None else stated.seed,
        kind="model file",
        sha256=file_sha256(path),
        output=kind.value if kind else "logits",
        image_size=size,
    )
    _evaluate(experiment, model, cell, stated, path, device)


def evaluate_weights(path: Path, given: dict[str, Any]) -> None:
    """Score a registered model with weights from a file.

    Parameters
    ----------
    path
        The file.
    given
        The options that were typed, by their names in Python.
    """
    flags = dict(given)
    registered = flags.pop("model", None)
    if registered is None:
        raise UserError(f"--weights {path}: name the registered model that they are of with --model.")
    find_model(parse_model(registered))
    experiment = opt.resolve_config(None, **{name: value for name, value in flags.items() if name not in _STATED})
    settings = ModelSettings(
        image_size=experiment.input_size,
        width=experiment.network_width,
        text_encoder=experiment.text_encoder,
        freeze_text=experiment.freeze_text,
        preset="paper" if experiment.preset == "paper" else "benchmark",
    )
    model = load_weights(path, registered, settings)
    keep_text_features(model, text_cache_of(experiment))
    stated = _statement(path, flags, uses_text=model.uses_text)
    cell = OutsideModel(
        model=stated.name,
        labels=LABELS if stated.labels is None else stated.labels,
        seed=SEED if stated.seed is None else stated.seed,
        kind="weights",
        sha256=file_sha256(path),
        output="logits",
        image_size=settings.image_size,
        settings={"model": registered, **asdict(settings)},
    )
    _evaluate(experiment, model, cell, stated, path, _device(flags))


def _statement(path: Path, flags: dict[str, Any], *, uses_text: bool) -> Statement:
    """Take what the user states out of the flags."""
    stated = {name: flags.pop(name, None) for name in _STATED}
    return Statement(
        name=path.stem if stated["name"] is None else stated["name"],
        labels=stated["labels"],
        seed=stated["seed"],
        uses_text=uses_text,
        augmented_with=read_families(stated["augmented_with"]),
    )


def _device(flags: dict[str, Any]) -> torch.device:
    experiment = opt.resolve_config(None, **{key: flags[key] for key in ("accelerator", "output") if key in flags})
    check_machine(experiment)
    return device_of(experiment.accelerator)


def _size(path: Path, model: FileModel, asked: int | None) -> int:
    fixed = model.form.size
    if fixed is not None and asked not in (None, fixed):
        raise UserError(
            f"--image-size {asked}: the model file {path} takes images of {fixed} x {fixed} pixels alone. Leave the "
            "option out, or export the model with another size."
        )
    return fixed or asked or DEFAULT_SIZE


def _evaluate(
    experiment: ExperimentConfig,
    model: SegmentationModel,
    cell: OutsideModel,
    stated: Statement,
    path: Path,
    device: torch.device,
) -> None:
    console = Console()
    corruptions = known_corruptions(experiment)
    console.print(f"biclip-bench, {cell.kind} {path.name}", highlight=False, markup=False)
    with console.status(f"Opening the data set {experiment.dataset}"):
        opened = dataset_of(experiment)
    check_validation_cases(experiment.threshold, opened)
    print_defects(opened, console)
    print_advice(corruptions, opened, console)
    cells = evaluation_cells(cell, corruptions, experiment.severity, opened, experiment.threshold)
    store = store_of(experiment)
    missing = [item for item in cells if not store.has(item)]
    if missing:
        _try(model, cell, opened, device)
        evaluate_model(model, cell, missing, device, opened, store, console, "[1/1]")
    else:
        console.print("Nothing to compute: every cell is in the store.")
    of_class = not isinstance(model, FileModel)
    counts = opened.index["part"].value_counts()
    evaluated = Evaluated(
        model=cell,
        source=path.name,
        stated=stated,
        cells=cells,
        dataset=experiment.dataset,
        data=f"{experiment.dataset} (fingerprint {opened.fingerprint[:12]}); "
        + ", ".join(f"{counts.get(part, 0)} {part} cases" for part in PARTS)
        + ". Which cases the model was trained on is not known here: the test cases must not be among them",
        split=split_of(experiment, opened),
        settings={
            "Model input": f"{cell.image_size} x {cell.image_size} px; bilinear resize with antialiasing",
            **({"Registered model": f"{cell.settings['model']}, width {cell.settings['width']}, text encoder "
                f"{cell.settings['text_encoder']}"} if of_class else {}),
            "Scores": SCORING,
        },
        fingerprint=opened.fingerprint,
        scoring=scoring_note(experiment.threshold, pixel_size_mm(opened)),
        paper=model.paper,
        uses_image=model.uses_image,
        parameters=count_parameters(model, trainable_only=True) if of_class else None,
        frozen_parameters=count_parameters(model) - count_parameters(model, trainable_only=True) if of_class else 0,
    )  # fmt: skip
    notes = corruption_notes(corruptions, opened)
    report = report_outside(evaluated, notes, PictureMaker(opened), store, experiment.output)
    show_report(report, console)


def _try(model: SegmentationModel, cell: OutsideModel, dataset: Dataset, device: torch.device) -> None:
    """Let the model predict one test case, before the corruptions take their time."""
    existing_tests(dataset)
    case = dataset.load(cases_of(dataset, "test")[0])
    images = model_input(torch.from_numpy(case.image)[None], dataset.context.window, cell.image_size)
    model.to(device).eval()
    predict_logits(model, images, [case.text], device, cell.model, [case.id])
