"""The command ``report``: write a finished run's report again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from ..config import make_config, read_config


def report_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a run: the one with config.yaml in it.")],
) -> None:
    """Write the report of a finished run again, from the scores in the store."""
    from ..outside.reporting import EVALUATION
    from ..plan import dataset_of, make_plan
    from ..reporting import CONFIG, report_plan
    from ..run import store_of
    from .run import show_report

    path = folder / CONFIG
    if (folder / EVALUATION).is_file():
        raise UserError(
            f"{folder} is the report of a model of other origin: the 'evaluate' command that wrote it writes it again, "
            "and computes nothing twice."
        )
    if not path.is_file():
        raise UserError(
            f"{folder} is not the folder of a run: there is no {CONFIG} in it. Give the folder that 'run' printed."
        )
    experiment = make_config(read_config(path), f"The configuration {path}")
    opened = dataset_of(experiment)
    plan = make_plan(experiment, opened)
    store = store_of(experiment)
    missing = [cell for cell in plan.all_evaluations if not store.has(cell)]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(plan.all_evaluations)} conditions of {folder} are not in {store.root}. "
            f"Finish the run first: biclip-bench run --config {path}"
        )
    show_report(report_plan(experiment, opened, plan, store, folder), Console())
