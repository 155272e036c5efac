"""The command ``compare``: what changed between two runs, and whether it is real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from . import report_options as opt

if TYPE_CHECKING:
    from ...reports.run_comparison import RunComparison

First = Annotated[Path, typer.Argument(metavar="A", help="Folder of a run or of its report.")]
Second = Annotated[Path, typer.Argument(metavar="B", help="Folder of another.")]
ModelA = Annotated[str | None, typer.Option(help="Model of A. [default: every model that both have]")]
ModelB = Annotated[str | None, typer.Option(help="Model of B that it is compared with.")]
Output = Annotated[
    Path | None, typer.Option(help="File for the comparison, .csv or .json, in full precision.", dir_okay=False)
]
FORMATS = (".csv", ".json")


def compare_command(
    a: First,
    b: Second,
    model_a: ModelA = None,
    model_b: ModelB = None,
    output: Output = None,
    level: opt.Level = 95,
    resamples: opt.Resamples = 2000,
) -> None:
    """Say what changed between two runs, and whether the scores differ by more than chance.

    Scores are compared patient by patient, under the conditions that both runs have with the same images.
    """
    from ...reports.changes import changes
    from ...reports.run_comparison import compare_runs, matched_models
    from ...reports.tables.terminal_comparison import changes_table, comparison_table
    from .report import merged_material

    if output is not None and output.suffix not in FORMATS:
        raise UserError(f"--output {output}: the name ends in {' or '.join(FORMATS)}.")
    options = opt.report_options(level=level, resamples=resamples).analysis
    first, second = (merged_material([folder], []) for folder in (a, b))
    found = compare_runs(first, second, matched_models(first, second, model_a, model_b), options)
    console = Console()
    different = changes(first.details, second.details)
    if different:
        console.print(changes_table(different))
    else:
        console.print("Settings, models, versions and digests are the same in both.", highlight=False)
    for name, why in found.skipped.items():
        console.print(f"Not compared: {name} ({why}).", highlight=False, markup=False)
    console.print(comparison_table(found.table, found.cases, options.level))
    if output is not None:
        _write(found, output)
        console.print(f"  {output}", soft_wrap=True, highlight=False)


def _write(found: RunComparison, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        write_atomically(path, found.table.to_csv(index=False, lineterminator="\n"))
        return
    rows = json.loads(found.table.to_json(orient="records", double_precision=15))
    document = {
        "conditions": [{"corruption": name, "severity": severity} for name, severity in found.conditions],
        "skipped": found.skipped,
        "cases": found.cases,
        "comparisons": rows,
    }
    write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
