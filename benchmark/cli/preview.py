"""The command ``corruptions preview``: the corruptions side by side, as a paper prints them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from . import options as opt

PHANTOM_PATIENTS = "1,1,20"
"""Only the test part is looked at: making the others would take longer than the figure."""


def preview_command(
    corruption: Annotated[
        list[str] | None,
        typer.Option(
            "--corruption",
            help="Corruption, repeated or separated by commas; each is a row. [default: all]",
            rich_help_panel=opt.GRID,
        ),
    ] = None,
    severity: opt.Severity = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    image_size: opt.PhantomSize = None,
    cases: Annotated[int, typer.Option(help="Typical test cases, a figure each.", rich_help_panel=opt.DATA)] = 1,
    contour: Annotated[bool, typer.Option("--contour", help="Outline the true lesion in every panel.")] = False,
    output: opt.Output = None,
) -> None:
    """Draw a test case under every corruption: a row a corruption, clean and severities across (PDF and PNG)."""
    opt.check_cases(cases)
    from ..plan import dataset_of, known_corruptions
    from ..preview import write_previews
    from .notices import print_advice, print_defects

    experiment = opt.resolve_config(
        None, corruption=corruption or ["all"], severity=severity, dataset=dataset, data_root=data_root,
        data_option=data_option, split=split, allow_issues=allow_issues,
        patients=patients or PHANTOM_PATIENTS, image_size=image_size or opt.TABLE_SIZE, output=output,
    )  # fmt: skip
    console = Console()
    specs = known_corruptions(experiment)
    opened = dataset_of(experiment)
    print_defects(opened, console)
    print_advice(specs, opened, console)
    folder = experiment.output / f"{experiment.dataset}-preview"
    with console.status("Drawing"):
        paths = write_previews(opened, specs, experiment.severity, cases, folder, contour=contour)
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False, markup=False)
