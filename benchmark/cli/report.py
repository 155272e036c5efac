"""The command ``report``: write the report of one or several finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from . import report_options as opt

if TYPE_CHECKING:
    from ...reports.material import Material

Folders = Annotated[
    list[Path], typer.Argument(help="Folders that 'run' or 'evaluate' printed; several are made one report.")
]
Output = Annotated[
    Path | None,
    typer.Option(help="Folder of the report. [default: the run's own; for several, results/merged-HASH]"),
]
Rename = Annotated[
    list[str] | None,
    typer.Option("--rename", help="FOLDER:MODEL=NEW, another name for a model of one folder. Repeated for several."),
]


def report_command(
    folders: Folders,
    output: Output = None,
    rename: Rename = None,
    style: opt.Style = "plain",
    bar: opt.Bar = 70,
    reference: opt.Reference = None,
    published: opt.Published = None,
    level: opt.Level = 95,
    resamples: opt.Resamples = 2000,
) -> None:
    """Write the report of a finished run again, or one report of several runs.

    The folders may come from several machines: a report's folder holds all that its report is made from, and neither
    the data set nor the models are needed.
    """
    from ...reports import write_report
    from ...reports.material import copy_material
    from .run import show_report

    options = opt.report_options(
        style=style, bar=bar, reference=reference, published=published, level=level, resamples=resamples
    )
    console = Console()
    with console.status("Reading the scores"):
        material = merged_material(folders, rename or [])
    again = len(folders) == 1 and not rename
    folder = output or (folders[0] if again else _merged_folder(folders, rename or []))
    _check_output(folder)
    with console.status("Writing the report"):
        if folder.resolve() != folders[0].resolve():
            material = copy_material(material, folder)
        report = write_report(material, folder, options)
    show_report(report, console)


def _check_output(folder: Path) -> None:
    """Refuse a folder that holds other things than a report: its files could be written over."""
    from ...reports.material import has_material

    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder}: this is a file. Give a folder for the report.")
    if folder.is_dir() and any(folder.iterdir()) and not has_material(folder):
        raise UserError(
            f"--output {folder}: the folder is not empty and holds no report, so files of yours could be written over. "
            "Give a new folder."
        )


def merged_material(folders: list[Path], rename: list[str]) -> Material:
    """Read what the report of one or several folders is made from.

    Raises
    ------
    UserError
        If a folder is not that of a report, or their scores cannot stand in one table.
    """
    from ...reports.merging import Part, merge_folders

    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UserError("A folder is given twice: give each once.")
    names: dict[Path, dict[str, str]] = {folder: {} for folder in folders}
    for text in rename:
        place, _, change = text.rpartition(":")
        old, _, new = change.partition("=")
        if Path(place) not in names or not old or not new:
            raise UserError(
                f"--rename {text}: write FOLDER:MODEL=NEW, with one of the folders as you gave it, such as "
                f"--rename '{folders[0]}:unet=unet-wide'."
            )
        names[Path(place)][old] = new
    for folder in folders:
        _make_material(folder)
    return merge_folders([Part(folder, names[folder]) for folder in folders])


def _make_material(folder: Path) -> None:
    """Make what is needed for a report out of a finished run's store, where the folder does not hold it."""
    from ...reports.material import has_material

    if has_material(folder):
        return
    # Only now: with torch and Lightning these take longer to load than a report takes to write.
    from ..config import make_config, read_config
    from ..plan import dataset_of, make_plan
    from ..reporting import CONFIG, keep_material
    from ..run import store_of

    path = folder / CONFIG
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
    keep_material(experiment, opened, plan, store, folder)


def _merged_folder(folders: list[Path], rename: list[str]) -> Path:
    from ..cells import digest

    identity = digest([sorted(str(folder.resolve()) for folder in folders), sorted(rename)])
    return folders[0].resolve().parent / f"merged-{identity[:8]}"
