"""The command ``datasets describe``: what a data set holds, and how much its texts give away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from . import options as opt


def describe_command(
    name: Annotated[str, typer.Argument(help="Data set; see 'datasets list'.")],
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    image_size: opt.PhantomSize = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write a page with pictures to this HTML file.", dir_okay=False)
    ] = None,
    output: opt.Output = None,
) -> None:
    """Describe a data set: parts, patients, sizes, lesions, texts, and what the texts say about where the mask lies.

    Mutual information tells how many bits of the mask's coarse place the text gives away; the mean training mask of
    equal texts tells what Dice that is worth without looking at an image.
    """
    from ...reports.audits.description import description_page, terminal_table
    from ..describing.describe import describe_dataset
    from ..patient_split import split_text
    from ..plan import dataset_of

    if html_file is not None and not html_file.parent.is_dir():
        raise UserError(f"There is no folder {html_file.parent} to write {html_file.name} into: make it first.")
    experiment = opt.resolve_config(
        None, dataset=name, data_root=data_root, data_option=data_option, split=split, allow_issues=allow_issues,
        patients=patients, image_size=image_size or opt.TABLE_SIZE, output=output,
    )  # fmt: skip
    console = Console()
    with console.status(f"Opening the data set {name}"):
        dataset = dataset_of(experiment)
    with console.status("Looking at every case"):
        told = describe_dataset(dataset, split_text(dataset, experiment.split), pictures=html_file is not None)
    for key, value in told.facts.items():
        console.print(f"{key}: {value}", highlight=False, markup=False, soft_wrap=True)
    for table in told.tables:
        console.print()
        console.print(terminal_table(table))
        if table.note:
            console.print(table.note, highlight=False, markup=False)
    console.print()
    for finding in told.findings:
        console.print(finding, highlight=False, markup=False)
    if html_file is not None:
        from biclip_bench.files import write_atomically

        try:
            write_atomically(html_file, description_page(told))
        except OSError as error:
            raise UserError(f"{html_file} cannot be written ({error.strerror or error}): name another file.") from error
        console.print(f"  {html_file}", soft_wrap=True, highlight=False, markup=False)
