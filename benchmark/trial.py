"""One batch through a model before the work begins: a wrong shape shows in seconds and not after an epoch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from biclip_bench.errors import UserError

from ..models import Batch, SegmentationModel
from .prediction import checked_shape

CASES = 2


def try_model(model: SegmentationModel, name: str, image_size: int, texts: Sequence[str]) -> None:
    """Let a model that is to be trained predict a batch and compute its losses, and hold both to the contract.

    Its running statistics may change: build another one to train.

    Parameters
    ----------
    model
        On the CPU.
    name
        As registered, for messages.
    image_size
        Side of its input in pixels.
    texts
        At least as many as the batch has cases.

    Raises
    ------
    UserError
        Names the model, and says what came and what would be right.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(CASES, 3, image_size, image_size, generator=generator)
    images = images.to(memory_format=torch.channels_last)
    masks = (images[:, :1] > 0.5).float()
    what = "predict"
    try:
        with torch.inference_mode():
            logits = model.eval()(Batch(images, list(texts[:CASES])))
        checked_shape(logits, images, name)
        what = "compute the losses of"
        with torch.no_grad():
            losses = model.train().training_losses(Batch(images, list(texts[:CASES]), masks))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"Model {name!r} cannot {what} a batch of {CASES} images of {image_size} x {image_size} pixels: "
            f"{type(error).__name__}: {error} (--debug shows where)."
        ) from error
    _check_losses(losses, name)


def _check_losses(losses: object, name: str) -> None:
    right = "training_losses returns a dict of named scalar tensors, whose sum is minimised"
    if not isinstance(losses, dict) or not losses:
        raise UserError(f"Model {name!r} gave {type(losses).__name__} for its losses: {right}.")
    for term, value in losses.items():
        if not isinstance(value, Tensor) or value.shape != ():
            came = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise UserError(f"Model {name!r} gave the loss {term!r} as {came}: {right}.")
