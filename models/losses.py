"""Every term of the objectives, as plain functions of tensors."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from .registry import Batch

CrossEntropyOn = Literal["logits", "probabilities"]
CycleDistance = Literal["l1", "squared-l2"]

GENERATION_WEIGHT = 0.1
"""Weight of the generation term in BiCLIP and EF-UNet."""
CONSISTENCY_WEIGHT = 0.05
"""Weight of the augmentation consistency in BiCLIP."""
CYCLE_WEIGHT = 0.07
"""Weight of the text cycle in BiCLIP."""

_DICE_SMOOTHING = 1e-5
"""Added to both sides of the fraction, as in MONAI's ``DiceLoss``; makes empty against empty cost nothing."""


def training_mask(batch: Batch) -> Tensor:
    """Return the mask of a training batch.

    Raises
    ------
    ValueError
        If the batch has none.
    """
    if batch.mask is None:
        raise ValueError("Training losses need a batch with masks; this one has none.")
    return batch.mask


def dice_loss(probabilities: Tensor, mask: Tensor) -> Tensor:
    """Compute one minus the soft Dice of each case, averaged over cases.

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, without their squares; equals MONAI's ``DiceLoss()``.

    Parameters
    ----------
    probabilities, mask
        (B, 1, H, W) in [0, 1].
    """
    axes = (1, 2, 3)
    overlap = (probabilities * mask).sum(axes)
    total = probabilities.sum(axes) + mask.sum(axes)
    return (1 - (2 * overlap + _DICE_SMOOTHING) / (total + _DICE_SMOOTHING)).mean()


def segmentation_loss(logits: Tensor, mask: Tensor, cross_entropy_on: CrossEntropyOn = "logits") -> Tensor:
    """Compute Dice plus binary cross-entropy.

    Parameters
    ----------
    logits
        (B, 1, H, W), of any floating type; the sums run in float32.
    mask
        (B, 1, H, W), 0 or 1.
    cross_entropy_on
        ``"logits"``: the cross-entropy proper. ``"probabilities"``: BiCLIP's reference behaviour. It hands the
        probabilities to a loss that expects logits, so the cross-entropy sees sigmoid(sigmoid(logit)), which lies in
        (0.5, 0.731): background never becomes free of cost, and the term cannot fall below log 2 there.
    """
    logits = logits.float()
    probabilities = logits.sigmoid()
    scores = probabilities if cross_entropy_on == "probabilities" else logits
    return dice_loss(probabilities, mask) + F.binary_cross_entropy_with_logits(scores, mask)


def generation_loss(pseudo_image: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Compute the L1 distance of the pseudo-image and the image inside its mask, zero elsewhere (BiCLIP, EF-UNet).

    Parameters
    ----------
    pseudo_image, image
        (B, 3, H, W) in [0, 1], neither augmented.
    mask
        (B, 1, H, W).
    """
    return F.l1_loss(pseudo_image.float(), image * mask)


def consistency_loss(weak: Tensor, strong: Tensor) -> Tensor:
    """Compute one minus the mean cosine similarity of two views' projections (B, P); the strong one gets no gradient.

    The image augmentation consistency (IAC) of BiCLIP.
    """
    return 1 - F.cosine_similarity(weak.float(), strong.detach().float(), dim=1).mean()


def cycle_loss(text: Tensor, reconstruction: Tensor, distance: CycleDistance = "l1") -> Tensor:
    """Compute the distance of the text embedding (B, T), which gets no gradient, and its reconstruction (B, T).

    ``"l1"`` is what BiCLIP's implementation does, ``"squared-l2"`` what its paper writes. Both are means over all
    entries, so that the weight of the term means the same at every width.
    """
    measure = F.l1_loss if distance == "l1" else F.mse_loss
    return measure(reconstruction.float(), text.detach().float())
