"""Build a model by name from checked settings."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from biclip_bench.errors import UserError

from .frozen_text import frozen_text_encoders
from .registry import ModelSettings, SegmentationModel, model_registry
from .spec import ModelSpec, parse_model

PAPER_IMAGE_SIZE = 224
PAPER_WIDTH = 64


def find_model(spec: ModelSpec) -> type[SegmentationModel]:
    """Look the class of a model up.

    Raises
    ------
    UserError
        If no model has this name (the message suggests a close one), or its argument is missing or not taken.
    """
    model = model_registry.get(spec.name)
    if spec.argument and not model.argument:
        raise UserError(f"Model {spec.name!r} takes nothing behind a colon: write {spec.name}, not {spec.text}.")
    if model.argument and not spec.argument:
        raise UserError(f"Model {spec.name!r} needs {model.argument} behind a colon: {spec.name}:NAME.")
    return model


def listed_models() -> list[str]:
    """Names of the models that need no argument, which is what ``all`` stands for."""
    return [name for name in model_registry if not model_registry.get(name).argument]


def build_model(name: str, settings: ModelSettings) -> SegmentationModel:
    """Build a model; its weights come from torch's default generator.

    Parameters
    ----------
    name
        A registered name, or a specification such as ``smp:Unet?encoder=resnet34``; its options win over those of
        the settings. ``biclip-bench models list`` and ``model_registry.names()`` list the names.
    settings
        Image size (a multiple of 16, at least 32), width (a multiple of 4, at least 4), preset and options.

    Raises
    ------
    UserError
        If no model has this name, or a setting or option is not one that the model takes.
    """
    spec = parse_model(name)
    model = find_model(spec)
    size, width = settings.image_size, settings.width
    if size < 32 or size % 16:
        raise UserError(
            f"The image size is {size}, but the networks halve the image four times: give a multiple of 16 that is at "
            f"least 32, such as 96, 128 or 224."
        )
    if width < 4 or width % 4:
        raise UserError(
            f"The width is {width}, but must be a multiple of 4 that is at least 4, such as 16 or {PAPER_WIDTH}."
        )
    if settings.preset not in ("benchmark", "paper"):
        raise UserError(f"The preset is {settings.preset!r}, but must be 'benchmark' or 'paper'.")
    if settings.preset == "paper" and (size, width) != (PAPER_IMAGE_SIZE, PAPER_WIDTH):
        raise UserError(
            f"The preset 'paper' means image size {PAPER_IMAGE_SIZE} and width {PAPER_WIDTH}, not {size} and {width}: "
            f"leave them out, or use the preset 'benchmark' and set single options such as cross_entropy_on."
        )
    options = {**settings.options, **spec.options}
    return model(replace(settings, options=options, argument=spec.argument))


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """Count the numbers in a model's parameters, frozen ones included unless ``trainable_only``."""
    own = sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)
    if trainable_only:
        return own
    # Frozen text encoders stand outside the module tree.
    return own + sum(count_parameters(frozen.encoder) for frozen in frozen_text_encoders(model))
