"""The commands that list what there is: models, corruptions, data sets."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

models_app = typer.Typer(help="The models that can be benchmarked.", no_args_is_help=True)
corruptions_app = typer.Typer(help="The image corruptions and their severities.", no_args_is_help=True)
datasets_app = typer.Typer(help="The data sets that can be read or made.", no_args_is_help=True)


@models_app.command("list")
def list_models() -> None:
    """List the models: whether they read the text, and which corruption families their training has seen."""
    from ...models import model_registry

    table = Table("Model", "Text", "Seen in training", "Paper")
    for name in model_registry:
        model = model_registry.get(name)
        table.add_row(name, "yes" if model.uses_text else "no", ", ".join(model.augmented_with) or "-", model.paper)
    Console().print(table)


@corruptions_app.command("list")
def list_corruptions() -> None:
    """List the corruptions."""
    from ...corruptions import corruption_registry

    table = Table("Corruption", "Family", "What it models")
    for name in corruption_registry:
        corruption = corruption_registry.get(name)
        table.add_row(name, corruption.family, corruption.summary)
    Console().print(table)


@corruptions_app.command("show")
def show_corruption(name: Annotated[str, typer.Argument(help="Name of a corruption.")]) -> None:
    """Print a corruption's severity table with units, and where it comes from."""
    from ...corruptions import corruption_registry

    corruption = corruption_registry.get(name)
    table = Table("Severity", *(f"{parameter} ({unit})" for parameter, unit in corruption.units.items()), title=name)
    for severity, level in enumerate(corruption.levels, start=1):
        table.add_row(str(severity), *(f"{level[parameter]:g}" for parameter in corruption.units))
    console = Console()
    console.print(corruption.summary)
    console.print(table)
    console.print(
        f"Family: {corruption.family}. Version {corruption.version}.\nSource: {corruption.source}", markup=False
    )


@datasets_app.command("list")
def list_datasets() -> None:
    """List the data sets."""
    from ..datasets import dataset_registry

    table = Table("Data set", "What it is")
    for name in dataset_registry:
        described = (dataset_registry.get(name).__doc__ or "").strip()
        table.add_row(name, " ".join(described.split("\n\n")[0].split()))
    Console().print(table)
