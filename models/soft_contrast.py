"""The soft contrast of patch and text features of MedCLIPSeg."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.2
"""Temperature of the soft targets (MedCLIPSeg), and here of the predictions: a lower one there asks for a contrast that
softer targets deny, which training answers by making all texts alike."""


def soft_contrast_loss(patches: Tensor, text: Tensor) -> Tensor:
    """Ask that images and texts resemble each other as their texts do.

    With p_i and t_j of unit length, the targets are ``G = softmax_j(t_i . t_j / 0.2)``, in which cases with like texts
    share, and the loss is the mean of the cross-entropies of ``softmax_j(p_i . t_j / 0.2)`` and
    ``softmax_j(t_i . p_j / 0.2)`` towards G, each averaged over the cases (MedCLIPSeg, section 3.4).

    Parameters
    ----------
    patches
        (B, D): the patch features of each image, averaged over its patches.
    text
        (B, D): text features.
    """
    patches, text = F.normalize(patches.float(), dim=1), F.normalize(text.float(), dim=1)
    # No gradient goes into the targets: texts would otherwise become alike, where the term costs least.
    targets = (text @ text.T / TEMPERATURE).softmax(dim=1).detach()
    similarity = patches @ text.T / TEMPERATURE
    return (F.cross_entropy(similarity, targets) + F.cross_entropy(similarity.T, targets)) / 2
