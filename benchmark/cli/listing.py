"""The commands that list what there is: corruptions and data sets."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
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
    """List the data sets: what they are, their images, texts and published numbers of cases."""
    from ..datasets import dataset_registry
    from ..datasets.base import notes_of

    table = Table(Column("Data set", no_wrap=True), "What it is", "Images", "Training / validation / test", "Texts")
    for name in dataset_registry:
        notes = notes_of(name)
        told = [notes.images, notes.cases, notes.texts] if notes else ["", "", ""]
        table.add_row(name, *map(escape, [paragraphs(dataset_registry.get(name))[0], *told]))
    console = Console()
    console.print(table)
    console.print("'datasets show NAME' tells layout, options, source, licence and papers.", highlight=False)


@datasets_app.command("show")
def show_dataset(name: Annotated[str, typer.Argument(help="A data set as --dataset takes it, such as qata.")]) -> None:
    """Print a data set's layout and options, where to get it, on what terms, and what to cite."""
    from ...models.option_notes import option_notes
    from ..datasets import dataset_registry
    from ..datasets.base import notes_of, options_kind

    console = Console()
    console.print("\n\n".join(paragraphs(dataset_registry.get(name))), markup=False, highlight=False)
    notes = notes_of(name)
    if notes is not None:
        console.print(f"\n{notes.layout}", markup=False, highlight=False, soft_wrap=True)
    table = Table(Column("Option", no_wrap=True), "Allowed", "Default", "What it does")
    table.title = "--data-option OPTION=VALUE"
    for option in option_notes(options_kind(name)):
        table.add_row(*map(escape, (option.name, option.allowed, option.default, option.meaning)))
    console.print()
    console.print(table if table.row_count else "It has no options for --data-option.")
    if notes is not None:
        lines = [
            f"Images: {notes.images}.",
            f"Training / validation / test: {notes.cases}.",
            f"Texts: {notes.texts}.",
            f"Source: {notes.source}",
            f"Licence: {notes.licence}",
            *(f"Cite: {paper}." for paper in notes.cite),
        ]
        console.print("\n" + "\n".join(lines), markup=False, highlight=False)


def paragraphs(documented: object) -> list[str]:
    """A docstring's paragraphs as the terminal wraps them, without markup; one empty one where there is none."""
    texts = (inspect.getdoc(documented) or "").replace("``", "").split("\n\n")
    return [" ".join(text.split()) for text in texts]
