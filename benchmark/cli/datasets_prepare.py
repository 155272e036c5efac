"""The command ``datasets prepare``: from a download to a folder that a run can read; it never downloads anything."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biclip_bench.errors import UserError

from . import options as opt

if TYPE_CHECKING:
    from ..preparing.prepare import Outcome

_SHOWN = 3


def prepare_command(
    name: Annotated[str | None, typer.Argument(help="Data set; see 'datasets list'.", show_default=False)] = None,
    download: Annotated[
        Path | None, typer.Option("--from", help="What was downloaded: a folder, or a zip or tar archive.")
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--to", help="Folder to prepare, a new or empty one. [default: data/NAME]")
    ] = None,
    texts: Annotated[
        list[Path] | None,
        typer.Option(
            "--texts", help="Table that came apart from the images, or a folder of such; repeated for several."
        ),
    ] = None,
    inside: Annotated[str, typer.Option(help="Folder in the download in which to look.")] = "",
    link: Annotated[
        bool, typer.Option("--link", help="Link the files of a folder (hard links) and copy none: no room is needed.")
    ] = False,
    raise_limits: Annotated[
        float, typer.Option(help="Multiply the limits on what an archive may hold: 100 GB, 500,000 files, 100 to 1.")
    ] = 1.0,
    verify: Annotated[
        Path | None, typer.Option(help="Compare a prepared folder with its manifest; write nothing.")
    ] = None,
    output: opt.Output = None,
) -> None:
    """Lay out a download so that a run can read it, and write down what it holds.

    Without --from it tells where to get the data, on what terms, and what to do then; nothing is ever downloaded, and
    what was downloaded is never changed. Interrupted, the same command goes on.
    """
    console = Console()
    if verify is not None:
        given = opt.given_flags({"name": name, "from": download, "to": target, "texts": texts})
        if given or link:
            raise UserError("--verify reads what a folder should hold from its manifest: give nothing else with it.")
        _verify(verify, console)
        return
    if name is None:
        from ..preparing.recipes import RECIPES

        raise UserError(f"Name a data set to prepare: {', '.join(RECIPES)}. Without --from it tells how to get it.")
    if download is None:
        if target is not None or texts or link or inside:
            raise UserError("Give what was downloaded with --from; without it nothing is prepared.")
        _tell(name, console)
        return
    if not raise_limits >= 1:
        raise UserError(f"--raise-limits {raise_limits:g}: give a factor of 1 or more.")
    from ..preparing.prepare import Request, prepare

    folder = target or Path("data") / name
    cache = (output or Path("results")) / "cache"
    request = Request(name, download, folder, tuple(texts or ()), inside, link, raise_limits, cache)
    _print_outcome(prepare(request, console), folder, console)


def _tell(name: str, console: Console) -> None:
    from ..datasets import dataset_registry
    from ..datasets.base import notes_of
    from ..preparing.recipes import recipe_of
    from ..preparing.recognise import LOOKED_FOR

    dataset_registry.get(name)
    recipe, notes = recipe_of(name), notes_of(name)
    layouts = [LOOKED_FOR[kind] for kind in recipe.kinds]
    table = Table(show_header=False, box=None, pad_edge=False)
    told = {
        "Where": notes.source if notes else "",
        "Licence": notes.licence if notes else "",
        "Size": f"{recipe.size}.",
        "Cite": "\n".join(f"{paper}." for paper in notes.cite) if notes else "",
        "Prepared from": "; ".join(f"{title} ({folders})" for title, folders in layouts),
        "--texts": f"{recipe.texts}." if recipe.texts else "",
    }
    for key, value in told.items():
        if value:
            table.add_row(f"[bold]{key}[/bold]", escape(value))
    console.print(table, highlight=False)
    words = f"biclip-bench datasets prepare {name} --from DOWNLOAD" + (" [--texts FILE ...]" if recipe.texts else "")
    console.print("\nNothing is downloaded from here. When you have it:", highlight=False)
    console.print(f"  {words} --to FOLDER", soft_wrap=True, highlight=False, markup=False)


def _print_outcome(outcome: Outcome, folder: Path, console: Console) -> None:
    from ..listed_files import MANIFEST, file_digest
    from ..preparing.prepare import run_words

    manifest = outcome.manifest
    told, made = manifest.dataset, outcome.files
    console.print(f"Recognised: {outcome.recognised}.", highlight=False, markup=False)
    for note in outcome.notes:
        console.print(f"Note: {note}", highlight=False, markup=False)
    if made is None:
        console.print("Nothing to do: the folder is prepared. --verify checks it.", highlight=False)
    else:
        size = sum(file.bytes for file in manifest.files) / 1e6
        before = f", {made.kept} of them there before" if made.kept else ""
        console.print(f"{len(manifest.files)} files, {size:.1f} MB{before}.", highlight=False)
    cases = ", ".join(f"{count} {part}" for part, count in told.cases.items())
    console.print(f"Cases: {cases}. Fingerprint {told.fingerprint[:16]}.", highlight=False)
    for defect in outcome.errors[:_SHOWN]:
        console.print(f"Error: {defect.message}", highlight=False, markup=False)
    if told.errors:
        check = shlex.join(["biclip-bench", "datasets", "check", told.name, "--data-root", str(folder)])
        counted = f"{told.errors} error{'s' * (told.errors != 1)}"
        message = f"A run would stop at {counted}: '{check}' lists all; --allow-issues leaves such cases out."
        console.print(message, soft_wrap=True, highlight=False, markup=False)
    console.print(f"SHA-256 of the manifest: {file_digest(folder / MANIFEST)}", soft_wrap=True, highlight=False)
    console.print("Run:", highlight=False)
    console.print(f"  {shlex.join(run_words(manifest, folder))}", soft_wrap=True, highlight=False, markup=False)


def _verify(folder: Path, console: Console) -> None:
    from ..listed_files import MANIFEST, file_digest, print_findings, verify_listed
    from ..preparing.prepared_manifest import read_prepared

    manifest = read_prepared(folder)
    found = verify_listed(folder, manifest.files, console)
    told = manifest.dataset
    table = Table("Prepared data set", escape(str(folder)), show_edge=False)
    table.add_row("Data set", escape(f"{told.name}, from {manifest.source.name} ({manifest.source.recognised})"))
    table.add_row("Its fingerprint", told.fingerprint[:16])
    table.add_row("Cases", ", ".join(f"{count} {part}" for part, count in told.cases.items()))
    table.add_row("Made by", f"biclip-bench {manifest.software.get('biclip-bench')}")
    table.add_row("Files as listed", f"{found.whole} of {len(manifest.files)}")
    for kind, paths in found.findings.items():
        table.add_row(f"Files {kind}", str(len(paths)))
    console.print(table, highlight=False)
    console.print(f"SHA-256 of the manifest: {file_digest(folder / MANIFEST)}", soft_wrap=True, highlight=False)
    print_findings(folder, found, "prepared data set", console)
