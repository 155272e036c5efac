"""The command ``datasets check``: every finding about a data set that lies in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from . import options as opt

MADE = "phantom"


def check_command(
    name: Annotated[str, typer.Argument(help="Data set; see 'datasets list'.")],
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every finding to this JSON file.", dir_okay=False)
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page with pictures of the cases to this HTML file.", dir_okay=False),
    ] = None,
    output: opt.Output = None,
) -> None:
    """List all that is wrong with a data set's files, masks, texts and split.

    Errors stop a run unless it has --allow-issues, warnings do not. Exit code 0: no errors; 1: errors were found; 2:
    the command was wrong, or the folder does not have the data set's layout.
    """
    from ..datasets import DatasetSettings, dataset_registry

    dataset_registry.get(name)
    console = Console()
    if name == MADE:
        console.print(f"The data set {name} is made, not read from files: there is nothing to check.", highlight=False)
        return
    from ...reports.audits.check import check_table, counted
    from ..data_check import check_dataset, check_json, kinds_found

    for file in (json_file, html_file):
        if file is not None and not file.parent.is_dir():
            raise UserError(f"There is no folder {file.parent} to write {file.name} into: make it first.")
    given = opt.resolve_config(None, dataset=name, data_root=data_root, data_option=data_option, output=output)
    settings = DatasetSettings(root=data_root, cache=given.output / "cache", options=given.data_option)
    with console.status(f"Reading the files of {name}"):
        check = check_dataset(name, settings)
    if check is None:
        console.print(
            f"The data set {name} reads its files in a way of its own, which cannot be checked from here.",
            highlight=False,
        )
        return
    kinds = kinds_found(check)
    if kinds:
        console.print(check_table(kinds))
    cases = ", ".join(f"{count} {part}" for part, count in check.counts.items())
    console.print(f"{counted(kinds)}. Sound cases: {cases}.", highlight=False)
    if json_file is not None:
        _write(json_file, check_json(check, data_root), console)
    if html_file is not None:
        from ...reports.audits.check_page import check_page

        facts = {"Folder": str(data_root), "Sound cases": cases, **given.data_option}
        _write(html_file, check_page(name, facts, kinds_found(check, pictures=True)), console)
    if check.errors:
        raise typer.Exit(1)


def _write(file: Path, content: str, console: Console) -> None:
    from biclip_bench.files import write_atomically

    try:
        write_atomically(file, content)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror or error}): name another file.") from error
    console.print(f"  {file}", soft_wrap=True, highlight=False, markup=False)
