"""The commands that list what there is: corruptions and data sets."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

corruptions_app = typer.Typer(help="The image corruptions and their severities.", no_args_is_help=True)
datasets_app = typer.Typer(help="The data sets that can be read or made.", no_args_is_help=True)


@corruptions_app.command("list")
def list_corruptions() -> None:
    """List the corruptions."""
    from ...corruptions import corruption_registry

    table = Table("Corruption", "Family", "Images", "What it models")
    for name in corruption_registry:
        corruption = corruption_registry.get(name)
        table.add_row(name, corruption.family, ", ".join(corruption.modalities) or "any", corruption.summary)
    Console().print(table)


@corruptions_app.command("show")
def show_corruption(
    name: Annotated[
        str, typer.Argument(help="A corruption as --corruption takes it, such as motion or motion:length=9.")
    ],
) -> None:
    """Print a corruption's severity table with units, what may be set, and where it comes from."""
    from ...corruptions import parse_spec

    spec = parse_spec(name)
    console = Console()
    varied = [key for key in spec.units if key not in spec.settings]
    table = Table("Severity", *(f"{key} ({spec.units[key]})" for key in varied), title=spec.name)
    for severity in spec.severities:
        values = spec.values(severity)
        table.add_row(str(severity), *(_text(values[key]) for key in varied))
    console.print(table)
    for part in spec.parts:
        corruption = part.corruption
        settable = Table(
            Column("Parameter", overflow="fold", no_wrap=True), "Allowed", "Unit or meaning", "Default",
            title=f"{corruption.name}:PARAMETER=VALUE",
        )  # fmt: skip
        for key, parameter in corruption.parameters.items():
            default = "by severity" if parameter.default is None else _text(parameter.default)
            settable.add_row(key, parameter.allowed, parameter.unit, default)
        console.print(settable)
        lines = [
            f"{corruption.name}: {corruption.summary}",
            *(f"{corruption.name}:{key}: {preset.note}" for key, preset in corruption.presets.items()),
            f"Family: {corruption.family}. Images: {', '.join(corruption.modalities) or 'any'}. "
            f"Version {corruption.version}.",
            f"Source: {corruption.source}",
        ]
        console.print("\n".join(lines), markup=False, highlight=False)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


@datasets_app.command("list")
def list_datasets() -> None:
    """List the data sets."""
    from ..datasets import dataset_registry

    table = Table("Data set", "What it is")
    for name in dataset_registry:
        described = (dataset_registry.get(name).__doc__ or "").strip()
        table.add_row(name, " ".join(described.split("\n\n")[0].split()))
    Console().print(table)
