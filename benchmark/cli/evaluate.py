"""The command ``evaluate``: score a checkpoint that was trained before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from . import options as opt


def evaluate_command(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a checkpoint, as 'train' prints it.")],
    corruption: opt.Corruption = None,
    severity: opt.Severity = None,
    model: Annotated[str | None, typer.Option(help="Refuse a checkpoint of any other model.")] = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    patients: opt.Patients = None,
    accelerator: opt.Accelerator = None,
    output: opt.Output = None,
) -> None:
    """Score a trained checkpoint on corrupted test images, of its own data set or of another one."""
    from ..plan import Plan, check_text_encoder, dataset_of, evaluation_cells, known_corruptions
    from ..preflight import check_machine
    from ..reporting import report_plan, run_folder
    from ..run import evaluate_missing, store_of
    from ..trained import read_checkpoint
    from .notices import print_advice
    from .run import show_report

    cell, trained_with = read_checkpoint(checkpoint)
    if model is not None and model != cell.model:
        raise UserError(
            f"The checkpoint {checkpoint} was trained as model {cell.model!r}, not {model!r}: use "
            f"--model {cell.model}, or give a checkpoint of {model!r}."
        )
    flags = {
        "corruption": corruption, "severity": severity, "dataset": dataset, "data_root": data_root,
        "patients": patients, "accelerator": accelerator, "output": output,
    }  # fmt: skip
    of_training = {
        **trained_with, "model": [cell.model], "labels": [cell.labels], "seed": [cell.seed],
    }  # fmt: skip
    experiment = opt.resolve_config(None, **(of_training | opt.given_flags(flags)))
    console = Console()
    console.print(f"biclip-bench, {experiment.profile}", highlight=False)
    corruptions = known_corruptions(experiment)
    check_text_encoder(experiment, [cell.model])
    check_machine(experiment)
    opened = dataset_of(experiment)
    print_advice(corruptions, opened, console)
    evaluations = evaluation_cells(cell, corruptions, experiment.severity, opened)
    plan = Plan((cell.model,), corruptions, (cell,), {cell.key: evaluations})
    store = store_of(experiment)
    missing = [evaluation for evaluation in evaluations if not store.has(evaluation)]
    evaluate_missing(cell, missing, experiment, opened, store, console, "[1/1]", checkpoint)
    report = report_plan(experiment, opened, plan, store, run_folder(experiment, "evaluation"), checkpoint)
    show_report(report, experiment, console)
