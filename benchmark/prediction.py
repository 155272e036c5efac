"""What a model predicts, held to its contract: the right shape, finite numbers, and who is at fault where not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from biclip_bench.errors import UserError

from ..models import Batch, SegmentationModel


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
    """Predict logits (B, 1, S, S) on the CPU for a model's input (B, 3, S, S) in [0, 1].

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
            logits = checked_shape(model(batch), images, name, together).float().cpu()
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


def native_masks(logits: Tensor, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Bring logits (B, 1, S, S) to the native grid bilinearly and threshold the probability at 0.5."""
    if logits.shape[-2:] != shape:
        logits = F.interpolate(logits, size=shape, mode="bilinear", align_corners=False)
    masks: NDArray[np.bool_] = (logits[:, 0] > 0).numpy()
    return masks
