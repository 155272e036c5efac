"""A model that lies in a file: exported with ``torch.export`` (``.pt2``) or as ONNX (``.onnx``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from biclip_bench.errors import UserError

from ...models import Batch, SegmentationModel
from ..prediction import ImageRefusal

Network = Callable[[Tensor], Tensor]
"""Maps images (B, C, S, S) to what the file's model gives for them."""

Output = Literal["logits", "probabilities"]

SUFFIXES = (".pt2", ".onnx")
DEFAULT_SIZE = 224
"""Side of the input in pixels where the file takes any."""

ROUNDING = 1e-4
"""How far a probability may lie outside [0, 1]: rounding of an arithmetic in 16 bits and more."""


@dataclass(frozen=True)
class InputForm:
    """What a file says about its model's input.

    Parameters
    ----------
    batch
        Images in a batch, or None for any number.
    channels
        3, or 1 for grey images.
    size
        Side of the square image in pixels, or None where the file takes several.
    """

    batch: int | None
    channels: int
    size: int | None


class FileModel(SegmentationModel):
    """Wraps what a file holds in the benchmark's contract.

    Parameters
    ----------
    network
        The file's model, on the device where it runs.
    form
        Its input.
    output
        ``"probabilities"``, ``"logits"``, or None for logits that must not look like probabilities.
    name
        Under which it is reported.
    """

    uses_text: bool = False
    paper: ClassVar[str] = "not stated"

    def __init__(self, network: Network, form: InputForm, output: Output | None, name: str) -> None:
        super().__init__()
        self._network = [network]  # a list hides it from torch's module tree: an exported module has no eval()
        self.form = form
        self.output = output
        self.name = name

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, S, S), or probabilities less 0.5: both cross zero where the mask begins."""
        images = batch.image
        if self.form.channels == 1:
            images = _grey(images)
        step = self.form.batch or len(images)
        outputs = torch.cat([self._run(images[first : first + step]) for first in range(0, len(images), step)])
        if outputs.shape != (len(images), 1, *images.shape[-2:]):
            return outputs  # whoever asked holds every model to its shape
        values = outputs.float()
        if self.output == "probabilities":
            return _checked_probabilities(values) - 0.5
        if self.output is None and bool(((values >= 0) & (values <= 1)).all()):
            raise UserError(
                f"Model {self.name!r} gave numbers between {values.min():.3g} and {values.max():.3g} for all pixels "
                "of a batch: these look like probabilities, and logits are expected. Give --output-kind probabilities "
                "for a model that ends in a sigmoid or softmax, or --output-kind logits if they are logits indeed."
            )
        return values

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Refuse: the file's model is not trained here."""
        raise NotImplementedError("A model from a file is not trained.")

    def _run(self, images: Tensor) -> Tensor:
        count, fixed = len(images), self.form.batch
        if fixed is not None and count < fixed:
            images = torch.cat([images, images[-1:].expand(fixed - count, -1, -1, -1)])
        try:
            return self._network[0](images.contiguous())[:count]
        except UserError:
            raise
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(
                f"Model {self.name!r} cannot take images of shape {tuple(images.shape)}: {first} Export it with "
                "images of the size that it is to be tested at, or give that size with --image-size."
            ) from error


def _grey(images: Tensor) -> Tensor:
    differs = (images != images[:, :1]).flatten(1).any(dim=1)
    if differs.any():
        raise ImageRefusal(int(differs.nonzero()[0]), "takes grey images, and was given one in colour")
    return images[:, :1]


def _checked_probabilities(values: Tensor) -> Tensor:
    outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
    if outside.any():
        first = int(outside.flatten(1).any(dim=1).nonzero()[0])
        low, high = values[first].min().item(), values[first].max().item()
        raise ImageRefusal(
            first,
            f"returned numbers from {low:.3g} to {high:.3g} where --output-kind probabilities says [0, 1]; for logits "
            "leave that option out",
        )
    return values


def open_model_file(path: Path, name: str, output: Output | None, device: torch.device) -> FileModel:
    """Open a model file on a device.

    Parameters
    ----------
    path
        A ``.pt2`` or ``.onnx`` file.
    name
        Under which it is reported.
    output
        What its numbers mean.
    device
        Where it runs.

    Raises
    ------
    UserError
        If the file is missing, damaged, not safe to load or of another kind, its input is not one float32 tensor
        (B, 3, S, S) or (B, 1, S, S), or it has several outputs.
    """
    if not path.is_file():
        raise UserError(f"There is no model file {path}: give one that ends in {' or '.join(SUFFIXES)}.")
    if path.suffix not in SUFFIXES:
        raise UserError(
            f"The model file {path} ends in none of {', '.join(SUFFIXES)}: export the model with torch.export.save or "
            "torch.onnx.export. Weights alone are given with --weights FILE --model NAME."
        )
    if path.suffix == ".onnx":
        from .onnx_file import open_onnx

        network, form = open_onnx(path, device)
    else:
        from .exported_file import open_exported

        network, form = open_exported(path, device)
    return FileModel(network, form, output, name)


def input_form(path: Path, shape: tuple[int | None, ...], dtype: str) -> InputForm:
    """Read what a file says about its input.

    Parameters
    ----------
    path
        For messages.
    shape
        One entry a dimension, None where it may vary.
    dtype
        ``"float32"`` is right.

    Raises
    ------
    UserError
        If it is not float32 (B, 3, S, S) or (B, 1, S, S).
    """
    written = ", ".join("any" if side is None else str(side) for side in shape)
    right = "an input of float32 (B, 3, S, S) in [0, 1], or (B, 1, S, S) for grey images, is right"
    if dtype != "float32" or len(shape) != 4:
        raise UserError(f"The model file {path} takes {dtype} ({written}): {right}.")
    batch, channels, height, width = shape
    if channels not in (None, 1, 3) or height != width:
        raise UserError(f"The model file {path} takes images of shape ({written}): {right}.")
    return InputForm(batch, channels or 3, height)
