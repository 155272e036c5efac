"""Weights alone, for a model that is registered here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ...models import ModelSettings, SegmentationModel, build_model
from ...models.weights import load_into, misfits, read_weights

LIGHTNING_PREFIX = "model."
"""What Lightning puts before the names of a module that is called ``self.model``."""


def load_weights(path: Path, model: str, settings: ModelSettings) -> SegmentationModel:
    """Build a registered model and load its weights from a file.

    Parameters
    ----------
    path
        A ``.safetensors`` file, or a ``.pt``, ``.pth``, ``.ckpt`` or ``.bin`` that holds tensors alone.
    model, settings
        What the weights are of. A frozen text encoder's weights are not among them: it must be the one that the model
        was trained with.

    Raises
    ------
    UserError
        If the file is missing, damaged or holds more than tensors, or the weights are of another model or settings.
    """
    weights = read_weights(path)
    built = build_model(model, settings)
    what = (
        f"model {model!r} at image size {settings.image_size}, width {settings.width} and text encoder "
        f"{settings.text_encoder!r} (give those of the training with --image-size, --width, --text-encoder and "
        "--freeze-text)"
    )
    load_into(built, _without_prefix(weights, built.state_dict()), path, what)
    return built


def _without_prefix(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if misfits(expected, weights) and all(name.startswith(LIGHTNING_PREFIX) for name in weights):
        return {name.removeprefix(LIGHTNING_PREFIX): tensor for name, tensor in weights.items()}
    return weights
