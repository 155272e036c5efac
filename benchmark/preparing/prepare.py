"""Prepare a download: recognise, lay out, open with the data set's loader, write the manifest."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biclip_bench.errors import UserError

from ..datasets import DatasetSettings, open_dataset
from ..datasets.case_files import Defect
from ..datasets.file_dataset import FileDataset
from ..listed_files import MANIFEST
from .prepared_manifest import PreparedFrom, PreparedManifest, describe_folder, read_prepared
from .recipes import check_texts, recipe_of
from .recognise import LOOKED_FOR, recognise, seen_words
from .sources import Source, open_source
from .write import Prepared, arrangement_state, check_target, finish, lay_out


@dataclass(frozen=True)
class Request:
    """What is to be prepared.

    Parameters
    ----------
    name
        The data set.
    download
        Folder or archive.
    target
        The folder to prepare.
    texts
        Tables that came apart from the images.
    inside
        Folder in the download in which to look.
    link
        Whether files become hard links.
    limits
        Multiplies the limits on what an archive may hold.
    cache
        Where the loader keeps what it finds, so that a run need not find it again.
    """

    name: str
    download: Path
    target: Path
    texts: tuple[Path, ...] = ()
    inside: str = ""
    link: bool = False
    limits: float = 1.0
    cache: Path = Path("results/cache")


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Parameters
    ----------
    manifest
        The manifest as it was written.
    recognised
        What the download is.
    files
        What was written; None where all was there, finished, before.
    notes
        What was left out.
    errors
        What the loader found wrong and a run would stop at.
    """

    manifest: PreparedManifest
    recognised: str
    files: Prepared | None
    notes: tuple[str, ...] = ()
    errors: tuple[Defect, ...] = ()


def prepare(request: Request, console: Console) -> Outcome:
    """Prepare a download; interrupted, the same request goes on.

    Raises
    ------
    UserError
        If the download is not recognised or not safe, something is missing, or the folder holds anything else.
    """
    recipe = recipe_of(request.name)
    check_texts(recipe, request.name, request.texts)
    here, there = request.target.resolve(), request.download.resolve()
    if here == there or here.is_relative_to(there) or there.is_relative_to(here):
        raise UserError(
            f"--to {request.target} and --from {request.download} lie in each other, and what was downloaded is never "
            "changed: give --to a folder elsewhere."
        )
    source = open_source(request.download, request.limits)
    found = recognise(source.files, recipe.kinds, request.inside)
    if found is None:
        print_unrecognised(source, request, console)
        raise UserError(
            f"{source.name} holds none of the layouts that the data set {request.name} is prepared from. If it is "
            "right, name the folder in it with --inside; the data set folder reads any folder of images and masks."
        )
    with tempfile.TemporaryDirectory(prefix="biclip-bench-") as passing:
        made = recipe.arrange(source, found, request.texts, Path(passing) / "tables").checked()
    state = arrangement_state(source, made)
    origin = PreparedFrom(
        name=source.name,
        recognised=LOOKED_FOR[found.kind][0],
        inside=found.base,
        texts=tuple(sorted(path.name for path in request.texts)),
        state=state,
    )
    if (request.target / MANIFEST).exists():
        before = read_prepared(request.target)
        if before.source.state == state and before.dataset.name == request.name:
            return Outcome(before, found.words, None, tuple(made.notes))
        raise UserError(
            f"The folder {request.target} holds a prepared data set of another origin ({before.dataset.name} from "
            f"{before.source.name}). Nothing there was changed: give --to the name of a new folder."
        )
    check_target(request.target, state)
    files = lay_out(source, made, request.target, console, link=request.link)
    settings = DatasetSettings(root=request.target, cache=request.cache, options=made.options, allow_issues=True)
    with console.status("Reading every image and mask"):
        dataset = open_dataset(request.name, settings)
        if not isinstance(dataset, FileDataset):
            raise UserError(f"The data set {request.name} does not lie in files that can be listed.")
        manifest = describe_folder(request.target, dataset, made.options, origin)
    finish(request.target, manifest.to_text())
    errors = tuple(defect for defect in dataset.defects if defect.gravity == "error")
    return Outcome(manifest, found.words, files, tuple(made.notes), errors)


def print_unrecognised(source: Source, request: Request, console: Console) -> None:
    """Print what was looked for, and what is there."""
    table = Table("Looked for", "Folders that tell it", title="In this order")
    for kind in LOOKED_FOR:
        if kind in recipe_of(request.name).kinds:
            table.add_row(*LOOKED_FOR[kind])
    console.print(table)
    prefix = f"{request.inside.strip('/')}/" if request.inside else ""
    files = [path for path in source.files if path.startswith(prefix)]
    there = Table("Folder", "Files", title=escape(f"In {source.name}"))
    for row in seen_words(files):
        there.add_row(*map(escape, row))
    console.print(there)


def run_words(manifest: PreparedManifest, folder: Path) -> Sequence[str]:
    """The command line that benchmarks a prepared folder, word by word."""
    words = ["biclip-bench", "run", "--dataset", manifest.dataset.name, "--data-root", str(folder)]
    for key, value in manifest.dataset.options.items():
        words += ["--data-option", f"{key}={value}"]
    return words
