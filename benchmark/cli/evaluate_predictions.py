"""``evaluate --predictions``: masks or probability maps that any tool made for a corrupted set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from biclip_bench.errors import UserError

from ...corruptions.context import Modality
from ..cells import DEFAULT_THRESHOLD, VALIDATION, EvaluationCell, OutsideModel
from ..datasets.base import Case
from ..inputs import apply_window
from ..outside.prediction_folder import Predictions, read_predictions
from ..outside.release_truth import conditions_of, images_are_whole, open_truth, release_folder, released_cells
from ..outside.reporting import Evaluated, PictureMaker, released_note, report_outside
from ..outside.scoring import score_predictions
from ..outside.statement import LABELS, SEED, Statement, read_families
from ..pictures import Seen
from ..pixel_size import pixel_size_mm
from ..release.manifest import Manifest
from ..release.released import ReleasedDataset
from ..scoring_note import EMPTY_RULE, scoring_note
from ..store import Store
from . import options as opt
from .run import show_report


def evaluate_predictions(folder: Path, given: dict[str, Any]) -> None:
    """Score predictions against a release's masks.

    Parameters
    ----------
    folder
        Of the predictions.
    given
        The options that were typed, by their names in Python.
    """
    kind = given.get("output_kind")
    if kind == "logits":
        raise UserError("--output-kind logits belongs to --model-file: predictions are masks or probabilities.")
    console = Console()
    place = release_folder(folder, given.get("release"))
    manifest, release = open_truth(place, console)
    families = [family for condition in manifest.conditions for family in condition.families]
    stated = Statement(
        name=given.get("name", folder.resolve().name),
        labels=given.get("labels"),
        seed=given.get("seed"),
        uses_text=given.get("uses_text"),
        augmented_with=read_families(given.get("augmented_with"), families),
    )
    experiment = opt.resolve_config(None, **{key: given[key] for key in ("output", "threshold") if key in given})
    output = experiment.output
    if experiment.threshold == VALIDATION:
        raise UserError(
            "--threshold validation: predictions come without the model, so none of its validation cases can be "
            "predicted here. Choose the threshold there, and give its number."
        )
    with console.status("Checking the predictions"):
        predictions = read_predictions(folder, release, manifest, kind and kind.value)
    if predictions.output == "masks" and experiment.threshold != DEFAULT_THRESHOLD:
        raise UserError(
            f"--threshold {experiment.threshold:g}: the predictions in {folder} are masks, which leave nothing to a "
            "threshold. Leave the option out, or give probability maps."
        )
    steps = list(predictions.files)
    console.print(
        f"Predictions {folder}: {predictions.output} of {len(release.stems)} cases under {len(steps)} conditions of "
        f"the release {place}",
        highlight=False, soft_wrap=True, markup=False,
    )  # fmt: skip
    model = OutsideModel(
        model=stated.name,
        labels=LABELS if stated.labels is None else stated.labels,
        seed=SEED if stated.seed is None else stated.seed,
        kind="predictions",
        sha256=predictions.sha256,
        output=predictions.output,
    )
    cells = released_cells(model, manifest, steps, experiment.threshold)
    store = Store(output / "cells")
    missing = [cell for cell in cells if not store.has(cell)]
    if missing:
        score_predictions(model, missing, predictions, release, store, console)
    else:
        console.print("Nothing to compute: every cell is in the store.")
    maker = None
    if images_are_whole(place, manifest, list(release.stems), steps, console):
        maker = PictureMaker(release, _seen(release, manifest))
    else:
        console.print("Images of the release are missing or changed: the report has no picture grid.", highlight=False)
    modality = cast(Modality, manifest.context.modality)
    notes = [released_note(condition, modality) for condition in conditions_of(manifest, steps)]
    report = report_outside(
        _evaluated(folder, model, stated, cells, manifest, release, predictions), notes, maker, store, output
    )
    show_report(report, console)


def _evaluated(
    folder: Path,
    model: OutsideModel,
    stated: Statement,
    cells: list[EvaluationCell],
    manifest: Manifest,
    release: ReleasedDataset,
    predictions: Predictions,
) -> Evaluated:
    source = manifest.dataset
    numbers = [f"{stored}: {meaning.what}" for stored, meaning in predictions.meanings.items()]
    return Evaluated(
        model=model,
        source=folder.resolve().name,
        stated=stated,
        cells=cells,
        dataset=source.name,
        data=f"{source.name} (fingerprint {source.fingerprint[:12]}), {source.cases} test cases of "
        f"{release.index['group'].nunique()} patients or studies, as a release of biclip-bench "
        f"{manifest.software.get('biclip-bench')} and version {manifest.suite_version} of its corruptions",
        split="the cases of the release",
        fingerprint=source.fingerprint,
        settings={
            "Release written by": manifest.command,
            "Predictions read as": "; ".join(numbers),
            "Scores": f"on the release's own masks, nothing resized; {EMPTY_RULE}",
        },
        scoring=scoring_note(cells[0].threshold, pixel_size_mm(release)),
    )


def _seen(release: ReleasedDataset, manifest: Manifest) -> Seen:
    """Give the release's images through the window that the benchmark's models see."""
    window = manifest.window if manifest.values.kind == "stored" else (0.0, 1.0)

    def seen(case: Case, condition: str, severity: int) -> NDArray[np.float32]:
        image = torch.from_numpy(release.image(case.id, condition, severity))
        return np.asarray(apply_window(image, window).mean(dim=0).numpy())

    return seen
