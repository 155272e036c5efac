"""What a model predicts, held to its contract: the right shape, finite numbers, and who is at fault where not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from biclip_bench.errors import UserError

from ..models import Batch, SegmentationModel
from .cells import DEFAULT_THRESHOLD


class ImageRefusal(Exception):  # noqa: N818  (told as a UserError, with the case's name)
    """A model says of one image of a batch what is wrong.

    Parameters
    ----------
    position
        Of the image in the batch.
    what
        Predicate of a sentence whose subject is the model.
    """

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position
        self.what = what


def predict_logits(
    model: SegmentationModel,
    images: Tensor,
    texts: Sequence[str],
    device: torch.device,
    name: str,
    cases: Sequence[str] = (),
) -> Tensor:
    """Predict logits (B, 1, S, S) for a model's input (B, 3, S, S) in [0, 1].

    They stay on a CUDA device. From any other they come to the CPU: not every device has the arithmetic of the scores.

    Parameters
    ----------
    model
        On ``device``, in evaluation mode.
    images, texts
        What it sees.
    device
        Where it runs.
    name, cases
        The model's name and the ids of the cases, for messages.

    Raises
    ------
    UserError
        If the model returns another shape or values that are not finite; the message names the first such case.
    """

    def where(position: int) -> str:
        return f"case {cases[position]!r}" if cases else f"image {position + 1} of a batch of {len(images)}"

    together = f" for the batch that begins with case {cases[0]!r}" if cases else ""
    batch = Batch(images.to(device, memory_format=torch.channels_last), list(texts))
    try:
        with torch.inference_mode():
            logits = checked_shape(model(batch), images, name, together).float()
            logits = logits if logits.is_cuda else logits.cpu()
    except ImageRefusal as refusal:
        raise UserError(f"Model {name!r} {refusal.what}: {where(refusal.position)}.") from refusal
    finite = torch.isfinite(logits).flatten(1)
    if not finite.all():
        first = int((~finite.all(dim=1)).nonzero()[0])
        count = int((~finite[first]).sum())
        raise UserError(
            f"Model {name!r} returned values that are not finite for {where(first)}: {count} of {finite.shape[1]} are "
            "NaN or infinite. Its weights may hold such values, or its arithmetic may overflow on this image."
        )
    return logits


def checked_shape(logits: object, images: Tensor, name: str, together: str = "") -> Tensor:
    """Return what a model gave for images (B, 3, S, S) if it is a tensor of shape (B, 1, S, S).

    Parameters
    ----------
    logits
        What the model gave.
    images
        What it was given.
    name, together
        The model's name, and words that say which cases these are, for messages.

    Raises
    ------
    UserError
        Says what came, and what would be right.
    """
    if not isinstance(logits, Tensor):
        raise UserError(
            f"Model {name!r} returned {type(logits).__name__}{together}, not a tensor: its forward returns the logits "
            "(B, 1, H, W) alone."
        )
    expected = (len(images), 1, *images.shape[-2:])
    found = tuple(logits.shape)
    if found == expected:
        return logits
    message = f"Model {name!r} returned an output of shape {found}, not {expected}{together}"
    if len(found) == 4 and (found[0], *found[2:]) == (expected[0], *expected[2:]):
        raise UserError(
            f"{message}: {found[1]} classes where one is asked for. The benchmark segments one lesion class against "
            "background, so return that class's logit alone; of a softmax over background and lesion it is "
            "logits[:, 1:2] - logits[:, 0:1]."
        )
    raise UserError(f"{message}: one logit for every pixel of the input is right.")


def native_values(logits: Tensor, shape: tuple[int, int]) -> Tensor:
    """Bring what a model gave (B, 1, S, S) to the native grid (B, H, W) bilinearly."""
    if logits.shape[-2:] != shape:
        logits = F.interpolate(logits, size=shape, mode="bilinear", align_corners=False)
    return logits[:, 0]


def masks_above(values: Tensor, threshold: float = DEFAULT_THRESHOLD, output: str = "logits") -> Tensor:
    """Mark, bool of shape (B, H, W), where the probability that values stand for exceeds a threshold in (0, 1).

    Probabilities come less 0.5 (see :class:`~biclip_bench.benchmark.outside.model_file.FileModel`).
    """
    return values > (threshold - 0.5 if output == "probabilities" else math.log(threshold / (1 - threshold)))


def probabilities_of(values: Tensor, output: str = "logits") -> Tensor:
    """Turn values (B, H, W) into the probabilities in [0, 1] that they stand for."""
    if output == "probabilities":
        return (values + 0.5).clamp(0.0, 1.0)
    # One by one: the last bits of a vectorised sigmoid depend on where in the memory of a batch a pixel lies.
    return torch.stack([torch.sigmoid(case) for case in values])
