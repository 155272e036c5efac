"""The command ``reproduce``: a paper's experiment on the user's copy of its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from biclip_bench.errors import UserError

from . import options as opt
from . import report_options as ropt

if TYPE_CHECKING:
    from ..recipes import Recipe

Name = Annotated[str, typer.Argument(help="table1, labels, noise or motion.")]
DataRoots = Annotated[
    list[str] | None,
    typer.Option(
        "--data-root",
        help="DATASET=FOLDER, such as qata-lvit=data/QaTa-COV19. Repeated for several; a data set without a folder is "
        "left out.",
        rich_help_panel=opt.DATA,
    ),
]
Show = Annotated[bool, typer.Option("--show", help="Print the configurations for 'run --config', and stop.")]


def reproduce_command(
    name: Name,
    data_root: DataRoots = None,
    show: Show = False,
    dry_run: opt.DryRun = False,
    model: opt.Model = None,
    labels: opt.Labels = None,
    seed: opt.Seed = None,
    severity: opt.Severity = None,
    preset: opt.Preset = None,
    text_encoder: opt.TextEncoder = None,
    image_size: opt.ImageSize = None,
    width: opt.Width = None,
    epochs: opt.Epochs = None,
    batch_size: opt.BatchSize = None,
    precision: opt.Precision = None,
    accelerator: opt.Accelerator = None,
    allow_issues: opt.AllowIssues = None,
    output: opt.Output = None,
    style: ropt.Style = "plain",
) -> None:
    """Run an experiment of the BiCLIP paper, with the published numbers beside what was measured.

    It takes the data and the paper's text encoder. Every option makes it another experiment than the paper's, and the
    report says so.
    """
    from ..recipes import find_recipe
    from .run import run_experiment

    recipe = find_recipe(name)
    roots = _roots(recipe, data_root or [], required=not show)
    given = opt.given_flags(
        {
            "model": model, "labels": labels, "seed": seed, "severity": severity, "preset": preset,
            "text_encoder": text_encoder, "image_size": image_size, "width": width, "epochs": epochs,
            "batch_size": batch_size, "precision": precision, "accelerator": accelerator, "allow_issues": allow_issues,
            "output": output,
        }
    )  # fmt: skip
    experiments = {
        dataset: opt.resolve_config(None, **_keys(recipe, dataset, roots.get(dataset)) | given)
        for dataset in (recipe.datasets if show else roots)
    }
    console = Console()
    if show:
        for experiment in experiments.values():
            typer.echo(f"# {recipe.title}. {recipe.remark}\n{experiment.to_yaml()}")
        return
    options = ropt.report_options(style=style, published=[ropt.SHIPPED])
    console.print(f"{recipe.title}. {recipe.remark}", highlight=False, markup=False)
    for experiment in experiments.values():
        run_experiment(experiment, console, options, dry_run=dry_run)


def _keys(recipe: Recipe, dataset: str, root: Path | None) -> dict[str, Any]:
    return {**recipe.config, "dataset": dataset, **({"data_root": root} if root else {})}


def _roots(recipe: Recipe, given: list[str], required: bool) -> dict[str, Path]:
    roots: dict[str, Path] = {}
    for text in given:
        dataset, equals, folder = text.partition("=")
        if not equals or dataset not in recipe.datasets:
            raise UserError(
                f"--data-root {text}: write DATASET=FOLDER; {recipe.name} takes {' and '.join(recipe.datasets)}."
            )
        roots[dataset] = Path(folder)
    if required and not roots:
        options = " ".join(f"--data-root {dataset}=FOLDER" for dataset in recipe.datasets)
        raise UserError(
            f"{recipe.name} is measured on {' and '.join(recipe.datasets)}, which you get under their own licences "
            f"('datasets show {recipe.datasets[0]}' says where): biclip-bench reproduce {recipe.name} {options}"
        )
    return {dataset: roots[dataset] for dataset in recipe.datasets if dataset in roots}
