"""The command ``export``: a run's scores as leaderboard rows or as the metadata of a model card."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from biclip_bench.files import write_atomically

from . import report_options as opt


class ExportFormat(StrEnum):
    """What is written."""

    json = "json"
    hf = "hf"


Format = Annotated[
    ExportFormat,
    typer.Option(
        "--format", help="json: a row per model and label fraction; hf: metadata of a Hugging Face model card."
    ),
]
Model = Annotated[str | None, typer.Option(help="With hf: the model that the card is about, where there are several.")]
Output = Annotated[Path | None, typer.Option(help="File to write. [default: the terminal]", dir_okay=False)]


def export_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders that 'run' or 'evaluate' printed.")],
    kind: Format = ExportFormat.json,
    model: Model = None,
    output: Output = None,
    bar: opt.Bar = 70,
    reference: opt.Reference = None,
) -> None:
    """Write scores with their full provenance: data, settings, corruptions, versions."""
    from ...reports.inference.analysis import analyse
    from ...reports.leaderboard import leaderboard_rows, model_card
    from .report import merged_material

    options = opt.report_options(bar=bar, reference=reference)
    material = merged_material(folders, [])
    analysis = analyse(material.frame, options.analysis)
    if kind is ExportFormat.hf:
        text = model_card(analysis, material.details, model)
    else:
        text = json.dumps(leaderboard_rows(analysis, material.details), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(output, text)
    Console().print(f"  {output}", soft_wrap=True, highlight=False)
