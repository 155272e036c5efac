"""The command ``corrupt``: write the corrupted test set as a release, or check one."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from . import options as opt

if TYPE_CHECKING:
    from ...corruptions import CorruptionSpec
    from ..config import ExperimentConfig
    from ..datasets import Dataset
    from ..release.manifest import Manifest
    from ..release.pixels import FileFormat

RELEASE = "Release"
CHECKING = "Checking a release"


class Format(StrEnum):
    """Kinds of image files."""

    PNG = "png"
    NPZ = "npz"


def corrupt_command(
    corruption: opt.Corruption = None,
    severity: opt.Severity = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    image_size: Annotated[
        int | None, typer.Option(help="Side of the phantom's images in pixels.", rich_help_panel=opt.DATA)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the release, a new or empty one.", rich_help_panel=RELEASE)
    ] = None,
    file_format: Annotated[
        Format | None,
        typer.Option(
            "--format", help="16-bit PNG, or NumPy's NPZ. [default: png]", show_default=False, rich_help_panel=RELEASE
        ),
    ] = None,
    windowed: Annotated[
        bool | None,
        typer.Option(
            "--windowed/--stored",
            help="Write what the models see through the data set's intensity window, or the whole stored range. "
            "[default: stored]",
            show_default=False,
            rich_help_panel=RELEASE,
        ),
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(help="Check that a release is whole and unchanged; write nothing.", rich_help_panel=CHECKING),
    ] = None,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute", help="With --verify: also make its images again and compare them.", rich_help_panel=CHECKING
        ),
    ] = False,
) -> None:
    """Write the corrupted test images, with masks and texts, as a folder that other tools read and anyone can check.

    Interrupted, the same command goes on. 'corruptions preview' only shows what a corruption does.
    """
    of_data = {
        "dataset": dataset, "data_root": data_root, "data_option": data_option, "split": split,
        "allow_issues": allow_issues, "patients": patients, "image_size": image_size,
    }  # fmt: skip
    of_release = {
        "corruption": corruption, "severity": severity, "output": output, "format": file_format, "windowed": windowed,
    }  # fmt: skip
    if verify is not None:
        given = opt.given_flags(of_release)
        if given:
            raise UserError(f"--verify reads what a release holds from its manifest: leave --{next(iter(given))} out.")
        _verify(verify, opt.given_flags(of_data), recompute=recompute)
        return
    if recompute:
        raise UserError("--recompute checks a release: name its folder with --verify.")
    if output is None:
        raise UserError("A release needs a folder of its own: name a new one with --output.")
    experiment = opt.resolve_config(None, corruption=corruption, severity=severity, **of_data)
    _write(experiment, output, Format(file_format or Format.PNG).value, windowed=bool(windowed))


def _write(experiment: ExperimentConfig, folder: Path, file_format: FileFormat, *, windowed: bool) -> None:
    from ..listed_files import MANIFEST, file_digest
    from ..plan import known_corruptions
    from ..release.content import Request, lay_out
    from ..release.folder import check_folder
    from ..release.write import write_release
    from .notices import print_advice, print_defects

    console = Console()
    corruptions = known_corruptions(experiment)
    if experiment.output.resolve().is_relative_to(folder.resolve()):
        inside = folder / "release"
        raise UserError(f"The folder {folder} also holds results and caches: choose one inside, --output {inside}.")
    check_folder(folder)
    opened = _open(experiment, console)
    print_defects(opened, console)
    print_advice(corruptions, opened, console)
    options = _options(experiment)
    request = Request(
        values="windowed" if windowed else "stored",
        file_format=file_format,
        options=options,
        command=_command(experiment, corruptions, options, file_format, windowed=windowed),
    )
    with console.status("Looking at every test case"):
        content = lay_out(opened, corruptions, experiment.severity, request)
    manifest, is_new = write_release(opened, content, folder, console)
    size = sum(file.bytes for file in manifest.files) / 1e6
    if is_new:
        console.print(f"{len(manifest.files)} files, {size:.1f} MB", highlight=False)
    else:
        console.print("Nothing to do: the folder holds this release, finished. --verify checks it.", highlight=False)
    console.print(f"Release: {folder}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"SHA-256 of its manifest: {file_digest(folder / MANIFEST)}", soft_wrap=True, highlight=False)


def _verify(folder: Path, of_data: dict[str, Any], *, recompute: bool) -> None:
    from ..listed_files import verify_listed
    from ..release.manifest import read_manifest
    from ..release.verify import print_verification

    if of_data and not recompute:
        raise UserError("--verify alone needs no data set: add --recompute, or leave the data set's options out.")
    console = Console()
    manifest = read_manifest(folder)
    print_verification(folder, manifest, verify_listed(folder, manifest.files, console), console)
    if not recompute:
        return
    from ..release.recompute import check_versions, clean_source, print_recomputation
    from ..release.recompute import recompute as make_again

    check_versions(manifest)
    source = clean_source(folder, manifest, _opener(manifest, of_data, console))
    print_recomputation(manifest, make_again(folder, manifest, source, console), console)


def _opener(manifest: Manifest, of_data: dict[str, Any], console: Console) -> Callable[[], Dataset] | None:
    """Open the data set that is named, or one that is made; None leaves the release's own clean images."""
    made = manifest.dataset.options
    if not of_data and not made:
        return None
    flags = {"dataset": manifest.dataset.name, **made, **of_data}
    return lambda: _open(opt.resolve_config(None, **flags), console)


def _open(experiment: ExperimentConfig, console: Console) -> Dataset:
    from ..plan import dataset_of

    with console.status(f"Opening the data set {experiment.dataset}"):
        return dataset_of(experiment)


def _options(experiment: ExperimentConfig) -> dict[str, Any]:
    """The options that make a made data set again; none for one that is read from files."""
    if experiment.data_root is not None:
        options: dict[str, Any] = {"data_option": experiment.data_option} if experiment.data_option else {}
        return options if experiment.split == "official" else options | {"split": experiment.split}
    return {"patients": list(experiment.phantom_patients), "image_size": experiment.input_size}


def _command(
    experiment: ExperimentConfig,
    corruptions: Sequence[CorruptionSpec],
    options: dict[str, Any],
    file_format: str,
    *,
    windowed: bool,
) -> str:
    """The command of this release; places of this machine are named DATA and FOLDER."""
    words = ["biclip-bench", "corrupt", "--dataset", experiment.dataset]
    if "patients" in options:
        patients = ",".join(map(str, options["patients"]))
        words += ["--patients", patients, "--image-size", str(options["image_size"])]
    else:
        words += ["--data-root", "DATA"]
        if experiment.split != "official":
            words += ["--split", experiment.split]
        for key, value in experiment.data_option.items():
            words += ["--data-option", f"{key}={value}"]
    for spec in corruptions:
        words += ["--corruption", spec.name]
    words += ["--severity", ",".join(map(str, experiment.severity)), "--format", file_format]
    words += ["--windowed" if windowed else "--stored", "--output", "FOLDER"]
    return shlex.join(words)
