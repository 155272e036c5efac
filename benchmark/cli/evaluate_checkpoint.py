"""``evaluate CHECKPOINT``: a model that 'train' or 'run' trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from biclip_bench.errors import UserError

from ..plan import Plan, check_text_encoder, dataset_of, evaluation_cells, known_corruptions
from ..preflight import check_machine
from ..reporting import report_plan, run_folder
from ..run import evaluate_missing, store_of
from ..threshold import check_validation_cases
from ..trained import read_checkpoint
from . import options as opt
from .notices import print_advice, print_defects
from .run import show_report


def evaluate_checkpoint(checkpoint: Path, given: dict[str, Any]) -> None:
    """Score a checkpoint on its own data set or on another one.

    Parameters
    ----------
    checkpoint
        Its folder.
    given
        The options that were typed, by their names in Python.
    """
    flags = dict(given)
    model = flags.pop("model", None)
    cell, trained_with = read_checkpoint(checkpoint)
    if model is not None and model != cell.model:
        raise UserError(
            f"The checkpoint {checkpoint} was trained as model {cell.model!r}, not {model!r}: use "
            f"--model {cell.model}, or give a checkpoint of {model!r}."
        )
    of_training = {
        **trained_with, "model": [cell.model], "labels": [cell.labels], "seed": [cell.seed],
    }  # fmt: skip
    experiment = opt.resolve_config(None, **(of_training | flags))
    console = Console()
    console.print(f"biclip-bench, {experiment.profile}", highlight=False)
    corruptions = known_corruptions(experiment)
    check_text_encoder(experiment, [cell.model])
    check_machine(experiment)
    opened = dataset_of(experiment)
    check_validation_cases(experiment.threshold, opened)
    print_defects(opened, console)
    print_advice(corruptions, opened, console)
    evaluations = evaluation_cells(cell, corruptions, experiment.severity, opened, experiment.threshold)
    plan = Plan((cell.model,), corruptions, (cell,), {cell.key: evaluations})
    store = store_of(experiment)
    missing = [evaluation for evaluation in evaluations if not store.has(evaluation)]
    evaluate_missing(cell, missing, experiment, opened, store, console, "[1/1]", checkpoint)
    report = report_plan(experiment, opened, plan, store, run_folder(experiment, "evaluation"), checkpoint)
    show_report(report, console)
