"""Build a model by name from checked settings."""

from __future__ import annotations

from torch import nn

from biclip_bench.errors import UserError

from .registry import ModelSettings, SegmentationModel, model_registry

PAPER_IMAGE_SIZE = 224
PAPER_WIDTH = 64


def build_model(name: str, settings: ModelSettings) -> SegmentationModel:
    """Build a model; its weights come from torch's default generator.

    Parameters
    ----------
    name
        As registered; ``biclip-bench models`` and ``model_registry.names()`` list them.
    settings
        Image size (a multiple of 16, at least 32), width (a multiple of 4, at least 4), preset and options.

    Raises
    ------
    UserError
        If no model has this name, or a setting or option is not one that the model takes.
    """
    model = model_registry.get(name)
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
    return model(settings)


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """Count the numbers in a model's parameters, frozen ones included unless ``trainable_only``."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)
