"""Options that several commands share, and how flags and a configuration file become one configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from biclip_bench.errors import UserError

from ..config import ExperimentConfig, make_config, read_config

DATA = "Data"
GRID = "Grid"
TRAINING = "Training"
RUNNING = "Running"

Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with any of the flags as keys; flags given here win.", dir_okay=False),
]
Dataset = Annotated[
    str | None, typer.Option(help="Data set; see 'datasets list'. [default: phantom]", rich_help_panel=DATA)
]
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder of the data set, in its published layout.", rich_help_panel=DATA)
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data-option",
        help="KEY=VALUE, an option of the data set; 'datasets show NAME' lists them. Repeated for several.",
        rich_help_panel=DATA,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="official: the parts as published; patient: whole patients dealt anew, where file names tell them. "
        "[default: official]",
        rich_help_panel=DATA,
    ),
]
AllowIssues = Annotated[
    bool | None,
    typer.Option(
        "--allow-issues",
        help="Leave out the cases whose files have errors and go on. 'datasets check' lists them.",
        rich_help_panel=DATA,
    ),
]
Patients = Annotated[
    str | None,
    typer.Option(
        help="Patients of the phantom for training, validation and test, such as 100,20,40.", rich_help_panel=DATA
    ),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        "--model", help="Model, repeated or separated by commas, or all. [default: biclip,unet]", rich_help_panel=GRID
    ),
]
Corruption = Annotated[
    list[str] | None,
    typer.Option(
        "--corruption",
        help="Corruption, repeated or separated by commas, all or none; motion:length=9 sets a parameter, "
        "motion+low-dose-ct applies both. [default: motion,low-dose-ct]",
        rich_help_panel=GRID,
    ),
]
Severity = Annotated[
    str | None, typer.Option(help="Severities, such as 3, 1,3,5 or 1-5. [default: 1-5]", rich_help_panel=GRID)
]
Labels = Annotated[
    str | None,
    typer.Option(help="Share of the training labels in percent, such as 1,5,100. [default: 100]", rich_help_panel=GRID),
]
LabelDraws = Annotated[
    int | None,
    typer.Option(
        help="Draws of the labelled cases at each fraction below 100, each trained with every seed. "
        "[default: one a seed]",
        rich_help_panel=GRID,
    ),
]
LabelsFile = Annotated[
    Path | None,
    typer.Option(
        help="CSV file of the labelled cases, such as a run's labels.csv, in place of --labels.",
        dir_okay=False,
        rich_help_panel=GRID,
    ),
]
ValPolicy = Annotated[
    str | None,
    typer.Option(
        help="full: the best epoch is chosen on the whole validation part, as the papers do; scaled: on the same "
        "share of it as of the labels. [default: full]",
        rich_help_panel=GRID,
    ),
]
Seed = Annotated[
    str | None, typer.Option(help="Training seeds, such as 0, 0,1 or 0-4. [default: 0]", rich_help_panel=GRID)
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="quick (minutes on a laptop), standard (224 px, for a GPU) or paper (the BiCLIP paper's sizes and "
        "hyper-parameters). [default: quick]",
        rich_help_panel=TRAINING,
    ),
]
Ablate = Annotated[
    list[str] | None,
    typer.Option(
        "--ablate",
        help="Add each model without this part, such as cycle, cycle+refinement or all; 'models show' lists the parts.",
        rich_help_panel=GRID,
    ),
]
TextEncoder = Annotated[
    str | None,
    typer.Option(
        help="Text encoder: tiny, hf:NAME or open_clip:MODEL; see 'models encoders'. [default: tiny]",
        rich_help_panel=TRAINING,
    ),
]
FreezeText = Annotated[
    bool | None,
    typer.Option(
        "--freeze-text/--train-text",
        help="Whether training leaves the text encoder as it is. [default: freeze if pretrained]",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
MatchAugmentation = Annotated[
    bool | None,
    typer.Option(
        "--match-augmentation",
        help="Train every model on the same photometrically disturbed images, BiCLIP's strong view.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
ImageSize = Annotated[
    int | None, typer.Option(help="Side of the models' input in pixels, a multiple of 16.", rich_help_panel=TRAINING)
]
TABLE_SIZE = 224
"""Side, in pixels, of the images for which the severity tables are stated: what the corruptions are looked at on."""

PhantomSize = Annotated[
    int | None,
    typer.Option(
        "--image-size",
        help=f"Side of the phantom's images in pixels, a multiple of 16. [default: {TABLE_SIZE}, for which the "
        "severity tables are stated]",
        rich_help_panel=DATA,
    ),
]
Width = Annotated[int | None, typer.Option(help="Channels of the networks' first level.", rich_help_panel=TRAINING)]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training cases.", rich_help_panel=TRAINING)]
BatchSize = Annotated[int | None, typer.Option(help="Cases in a training step.", rich_help_panel=TRAINING)]
LearningRate = Annotated[float | None, typer.Option(help="Peak learning rate of AdamW.", rich_help_panel=TRAINING)]
Threshold = Annotated[
    str | None,
    typer.Option(
        help="Probability above which a pixel is lesion, between 0 and 1; or validation, the one with the best mean "
        "Dice on each model's clean validation cases. [default: 0.5]",
        rich_help_panel=GRID,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Lightning's precision, such as 32-true or bf16-mixed. [default: 32-true]", rich_help_panel=TRAINING
    ),
]
Accelerator = Annotated[
    str | None, typer.Option(help="auto, cpu, cuda or another of Lightning's. [default: auto]", rich_help_panel=RUNNING)
]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Folder for results; what it already holds is not computed again. [default: results]",
        rich_help_panel=RUNNING,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print the grid and an estimate of the time, and stop.", rich_help_panel=RUNNING),
]


def check_cases(count: int) -> None:
    """Check a number of cases to show or measure.

    Raises
    ------
    UserError
        If it is below 1.
    """
    if count < 1:
        raise UserError(f"--cases {count}: give the number of test cases, 1 or more.")


def given_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """Keep the flags that were typed: one that was not is None or an empty list."""
    return {name: value for name, value in flags.items() if value is not None and value != []}


def resolve_config(config: Path | None, **flags: Any) -> ExperimentConfig:
    """Merge a configuration file with the flags that were given; flags win.

    Raises
    ------
    UserError
        Names the file and key, or the flag, that is wrong.
    """
    given = given_flags(flags)
    if isinstance(given.get("patients"), str):
        given["patients"] = given["patients"].split(",")
    if config is None:
        return make_config(given, "The command line")
    values = read_config(config)
    make_config(values, f"The configuration {config}")
    return make_config(values | given, "The command line")
