"""The options of ``evaluate`` that say which model it is about, and which options go with which source."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from biclip_bench.errors import UserError

from . import options as opt

SOURCE = "Source: exactly one"
STATED = "A model of other origin: what you state about it"


class OutputKind(StrEnum):
    """What the numbers that a model gives mean."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    MASKS = "masks"


Checkpoint = Annotated[Path | None, typer.Argument(help="Folder of a checkpoint, as 'train' prints it.")]
ModelFile = Annotated[
    Path | None,
    typer.Option(
        help="A model from elsewhere: .pt2 (torch.export) or .onnx. Images (B, 3, S, S) in [0, 1] in, logits "
        "(B, 1, S, S) out.",
        rich_help_panel=SOURCE,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Weights alone, .safetensors, .pt, .pth, .ckpt or .bin, of the registered model that --model names.",
        rich_help_panel=SOURCE,
    ),
]
Predictions = Annotated[
    Path | None,
    typer.Option(
        help="Folder of masks or probability maps that any tool made for a corrupted set of 'corrupt'.",
        rich_help_panel=SOURCE,
    ),
]
Release = Annotated[
    Path | None,
    typer.Option(
        help="With --predictions: folder of that corrupted set. [default: 'release' beside the predictions]",
        rich_help_panel=SOURCE,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Refuse a checkpoint of any other model; with --weights the registered model that they are of.",
        rich_help_panel=SOURCE,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Name in the report. [default: the file's or folder's, without its ending]", rich_help_panel=STATED
    ),
]
Labels = Annotated[
    float | None,
    typer.Option(help="Percentage of the training labels that it saw. [default: 100]", rich_help_panel=STATED),
]
Seed = Annotated[int | None, typer.Option(help="Seed of its training. [default: 0]", rich_help_panel=STATED)]
Kind = Annotated[
    OutputKind | None,
    typer.Option(
        "--output-kind",
        help="What its numbers are: logits or probabilities of a model file, masks or probabilities of predictions. "
        "[default: logits; predictions as their numbers tell]",
        show_default=False,
        rich_help_panel=STATED,
    ),
]
UsesText = Annotated[
    bool | None,
    typer.Option(
        "--uses-text/--image-only",
        help="Whether predictions were made with the texts. [default: not stated]",
        show_default=False,
        rich_help_panel=STATED,
    ),
]
AugmentedWith = Annotated[
    list[str] | None,
    typer.Option(
        help="Corruption families that its training saw, or none; 'corruptions list' names them. [default: not stated]",
        rich_help_panel=STATED,
    ),
]

_DATA = {
    "dataset",
    "data_root",
    "data_option",
    "allow_issues",
    "split",
    "patients",
    "corruption",
    "severity",
    "threshold",
    "accelerator",
    "output",
}
_STATED = {"name", "labels", "seed", "augmented_with"}
_TAKEN: Mapping[str, set[str]] = {
    "CHECKPOINT": {"model", *_DATA},
    "--model-file": {"image_size", "output_kind", *_DATA, *_STATED},
    "--weights": {"model", "image_size", "width", "preset", "text_encoder", "freeze_text", *_DATA, *_STATED},
    "--predictions": {"release", "output_kind", "uses_text", "threshold", "output", *_STATED},
}
"""The options that each source takes."""


def one_source(sources: Mapping[str, Path | None], flags: dict[str, Any]) -> str:
    """Find the one source that was given, and refuse options that do not go with it.

    Parameters
    ----------
    sources
        What was given for each source, in its spelling on the command line.
    flags
        Every other option by its name in Python.

    Raises
    ------
    UserError
        If none or several were given, or an option belongs to another source.
    """
    given = [name for name, path in sources.items() if path is not None]
    if len(given) != 1:
        found = f"{' and '.join(given)} were given" if given else "none was given"
        raise UserError(
            f"'evaluate' needs exactly one source, and {found}: the folder of a CHECKPOINT, --model-file FILE, "
            "--weights FILE with --model NAME, or --predictions FOLDER."
        )
    (source,) = given
    for name in opt.given_flags(flags):
        if name not in _TAKEN[source]:
            takers = [other for other, taken in _TAKEN.items() if name in taken]
            raise UserError(f"{_spelling(name)} does not go with {source}: it belongs to {' and '.join(takers)}.")
    return source


def _spelling(name: str) -> str:
    return "--uses-text/--image-only" if name == "uses_text" else f"--{name.replace('_', '-')}"
