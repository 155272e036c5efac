"""The commands that tell about models and text encoders."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from . import options as opt

if TYPE_CHECKING:
    from ...models import ModelSettings

models_app = typer.Typer(help="The models that can be benchmarked.", no_args_is_help=True)

SMALL = 64
"""Side, in pixels, of the images from which the loss terms are read off."""

OPERATIONS = (
    "GFLOPs: one prediction, a multiply-add counted as two; a frozen text encoder runs once a text and is left out."
)


def _settings(image_size: int | None, width: int | None, text_encoder: str | None) -> ModelSettings:
    from ...models import ModelSettings
    from ...models.build import PAPER_IMAGE_SIZE, PAPER_WIDTH

    return ModelSettings(image_size or PAPER_IMAGE_SIZE, width or PAPER_WIDTH, text_encoder or "tiny")


@models_app.command("list")
def list_models(
    image_size: Annotated[int | None, typer.Option(help="Side of the input in pixels. [default: 224]")] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the first level. [default: 64]")] = None,
) -> None:
    """List the models: text or not, size, cost, pretrained weights, what their training sees, and their paper."""
    from ...models import listed_models, model_registry

    settings = _settings(image_size, width, None)
    console = Console()
    table = Table(
        Column("Model", no_wrap=True), "Text", Column("Size (M)", justify="right"),
        Column("GFLOPs", justify="right"), "Pretrained",
        Column("Seen in training", min_width=14),
        title=f"Models at {settings.image_size} px, width {settings.width}, text encoder {settings.text_encoder}",
    )  # fmt: skip
    papers = Table(Column(no_wrap=True), "", box=None, show_header=False, title="Papers")
    with console.status("Counting parameters and operations"):
        for name in model_registry:
            model = model_registry.get(name)
            row = [name, "yes" if model.uses_text else "no"]
            if name in listed_models():
                row += _size_and_operations(name, settings)
            else:
                row[0] += ":NAME"
                row += ["-", "-"]
            table.add_row(
                *row, "no" if model.pretraining == "no" else "weights=", ", ".join(model.augmented_with) or "-"
            )
            papers.add_row(row[0], model.paper)
    console.print(table)
    console.print(papers)
    console.print(OPERATIONS, highlight=False)
    console.print("'models show NAME' tells more; 'models encoders' lists the text encoders.", highlight=False)


def _size_and_operations(name: str, settings: ModelSettings) -> list[str]:
    from ...models.cost import model_cost

    try:
        cost = model_cost(name, settings)
    except Exception:
        return [
            "?",
            "?",
        ]  # a model from elsewhere that cannot be built must not hide the others; 'models show' tells why
    return [f"{cost.trained / 1e6:.2f}", "?" if cost.gflops is None else f"{cost.gflops:.3g}"]


@models_app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="A model as --model takes it, such as biclip or smp:Unet.")],
    image_size: opt.ImageSize = None,
    width: opt.Width = None,
    text_encoder: opt.TextEncoder = None,
) -> None:
    """Print a model's modules, loss terms and options, and what is faithful to its paper."""
    from ...models import build_model, parse_model
    from ...models.cost import loss_terms, model_cost, module_sizes
    from ...models.option_notes import option_notes

    settings = _settings(image_size, width, text_encoder)
    cost = model_cost(name, settings)
    model = build_model(name, settings)
    console = Console()
    table = Table(
        "Module", "Class", Column("Parameters", justify="right"),
        title=f"{name} at {settings.image_size} px, width {settings.width}, text encoder {settings.text_encoder}",
    )  # fmt: skip
    for part, (kind, size) in module_sizes(model).items():
        table.add_row(part, kind, f"{size:,}")
    table.add_section()
    table.add_row("all", "", f"{cost.trained:,}" + (f" and {cost.frozen:,} frozen" if cost.frozen else ""))
    console.print(table)
    settable = Table(Column("Option", no_wrap=True), "Allowed", "Default", "What it does")
    settable.title = f"{parse_model(name).name}?OPTION=VALUE"
    for option in option_notes(model.options_kind):
        settable.add_row(option.name, option.allowed, option.default, option.meaning)
    if settable.row_count:
        console.print(settable)
    terms = loss_terms(build_model(name, _settings(SMALL, 8, text_encoder)), SMALL)
    lines = [
        f"Loss terms: {', '.join(terms)}.",
        f"Parts that --ablate switches off: {', '.join(model.parts) or 'none'}.",
        f"Corruption families that its training sees: {', '.join(model.augmented_with) or 'none'}.",
        f"Pretrained: {model.pretrained or model.pretraining}.",
        "Operations cannot be counted." if cost.gflops is None else f"{cost.gflops:.1f} GFLOPs. {OPERATIONS}",
        f"Paper: {model.paper}",
        "",
        _paragraphs(type(model)),
    ]
    console.print("\n".join(lines), markup=False, highlight=False)


def _paragraphs(documented: object) -> str:
    """A docstring as paragraphs that the terminal wraps, without markup."""
    paragraphs = (inspect.getdoc(documented) or "").replace("``", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


@models_app.command("encoders")
def list_encoders() -> None:
    """List the text encoders and how each is written."""
    from ...models import text_encoder_registry

    table = Table("Text encoder", "What it is")
    for name in text_encoder_registry:
        table.add_row(name, _paragraphs(text_encoder_registry.get(name)).split("\n\n")[0])
    console = Console()
    console.print(table)
    console.print(
        "--text-encoder takes one. A pretrained encoder is frozen, any other learns; --train-text and --freeze-text "
        "say otherwise. The features of a frozen one are computed once for each text.",
        highlight=False,
    )
