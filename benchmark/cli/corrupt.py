"""The command ``corrupt``: look at corrupted images, or write them to a folder."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from . import options as opt


def corrupt_command(
    corruption: opt.Corruption = None,
    severity: opt.Severity = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    patients: opt.Patients = None,
    image_size: opt.ImageSize = None,
    cases: Annotated[int, typer.Option(min=1, help="Test cases in the picture grid.")] = 3,
    images: Annotated[
        bool, typer.Option("--images", help="Also write every corrupted test image as a 16-bit PNG, with its mask.")
    ] = False,
    output: opt.Output = None,
) -> None:
    """Write a picture grid of corrupted test images, severity across; with --images also the images themselves."""
    from ..corrupted_set import write_grid, write_images
    from ..plan import dataset_of, known_corruptions
    from .notices import print_advice

    experiment = opt.resolve_config(
        None, corruption=corruption, severity=severity, dataset=dataset, data_root=data_root, patients=patients,
        image_size=image_size, output=output,
    )  # fmt: skip
    console = Console()
    corruptions = known_corruptions(experiment)
    opened = dataset_of(experiment)
    print_advice(corruptions, opened, console)
    folder = experiment.output / f"{experiment.dataset}-corrupted"
    for spec in corruptions:
        severities = spec.chosen(experiment.severity)
        for path in write_grid(opened, spec.name, severities, cases, folder):
            console.print(f"Picture grid: {path}", soft_wrap=True, highlight=False)
        if images:
            count = write_images(opened, spec.name, severities, folder)
            console.print(f"{count} images of {spec.name}: {folder / spec.name}", soft_wrap=True, highlight=False)
