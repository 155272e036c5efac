"""The command ``corruptions calibrate``: whether every severity is a real step."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from . import options as opt

CASES = 100
PHANTOM_PATIENTS = "1,1,40"
"""Only the test part is measured: making the others would take longer than the measurement."""


def calibrate_command(
    corruption: opt.Corruption = None,
    severity: opt.Severity = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    image_size: opt.PhantomSize = None,
    cases: Annotated[
        int,
        typer.Option(help="Most test cases to measure; they are spread over the test part.", rich_help_panel=opt.DATA),
    ] = CASES,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with code 1 unless every step is real and nothing saturates.")
    ] = False,
    output: opt.Output = None,
) -> None:
    """Measure what each severity does to the test images (SSIM, PSNR, noise in HU) and judge every step."""
    opt.check_cases(cases)
    from ...reports.audits.calibration import write_calibration
    from ...reports.audits.calibration_table import calibration_table
    from ..calibration_report import calibrate
    from ..plan import dataset_of, known_corruptions
    from .notices import print_advice, print_defects

    experiment = opt.resolve_config(
        None, corruption=corruption, severity=severity, dataset=dataset, data_root=data_root,
        data_option=data_option, split=split, allow_issues=allow_issues,
        patients=patients or PHANTOM_PATIENTS, image_size=image_size or opt.TABLE_SIZE, output=output,
    )  # fmt: skip
    console = Console()
    specs = known_corruptions(experiment)
    opened = dataset_of(experiment)
    print_defects(opened, console)
    print_advice(specs, opened, console)
    with console.status("Measuring"):
        calibration = calibrate(opened, specs, experiment.severity, cases)
    folder = experiment.output / f"{experiment.dataset}-calibration"
    paths = write_calibration(calibration.cases, calibration.levels, calibration.details, folder)
    for verdict in calibration.verdicts:
        console.print(calibration_table(calibration.levels, verdict.corruption))
    console.print(Text(f"{calibration.details.sample} {calibration.details.intervals}"))
    doubtful = [verdict.corruption for verdict in calibration.verdicts if not verdict.holds]
    held = "Every severity of every corruption is a real step."
    console.print(
        Text(f"Not every severity is a real, graded step: {', '.join(doubtful)}." if doubtful else held, style="bold")
    )
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False, markup=False)
    if strict and doubtful:
        raise typer.Exit(1)
