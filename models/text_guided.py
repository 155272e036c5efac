"""What text-guided models share that fuse image and text inside the network: mirrored texts, one network, one loss."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from .augmentation import GeometricAugmentation, geometric_augmentation, warp
from .frozen_text import build_text_encoder
from .losses import CrossEntropyOn, segmentation_loss, training_mask
from .registry import Batch, ModelSettings, SegmentationModel
from .text_encoders import TextFeatures
from .views import normalise_image

_LEFT_RIGHT = {"left": "right", "right": "left"}
_UP_DOWN = {"upper": "lower", "lower": "upper", "top": "bottom", "bottom": "top"}


def swap_words(text: str, swaps: dict[str, str]) -> str:
    """Replace whole words by their opposites, keeping a capital first letter.

    Examples
    --------
    >>> swap_words("Left lung, upper left", {"left": "right", "right": "left"})
    'Right lung, upper right'
    """

    def opposite(match: re.Match[str]) -> str:
        word = match[0]
        other = swaps[word.lower()]
        return other.capitalize() if word[0].isupper() else other

    return re.sub(rf"\b({'|'.join(swaps)})\b", opposite, text, flags=re.IGNORECASE)


def mirrored_texts(texts: Sequence[str], maps: Tensor) -> list[str]:
    """Say of each mirrored image what its text says of the original: a flip turns left into right.

    A model that flips the image and not the text learns from wrong texts.

    Parameters
    ----------
    texts
        One text a case.
    maps
        (B, 2, 3), as :meth:`~biclip_bench.models.augmentation.GeometricAugmentation.draw` gives them; rotations of at
        most 90 degrees, so that the sign of an axis' own entry tells a flip.
    """
    mirrored = []
    for text, (horizontal, vertical) in zip(texts, maps[:, (0, 1), (0, 1)].tolist(), strict=True):
        if horizontal < 0:
            text = swap_words(text, _LEFT_RIGHT)
        if vertical < 0:
            text = swap_words(text, _UP_DOWN)
        mirrored.append(text)
    return mirrored


class TextGuidedModel(SegmentationModel):
    """A model that fuses text features and image inside its network and learns from Dice plus cross-entropy.

    Subclasses build their modules in ``__init__`` and write :meth:`segment`.

    Parameters
    ----------
    settings
        The text encoder in them becomes ``self.text_encoder``; under the paper preset ``of_paper`` is the augmentation.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    of_paper
        The augmentation of the model's own paper.
    """

    uses_text: bool = True
    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder",)

    def __init__(
        self,
        settings: ModelSettings,
        cross_entropy_on: CrossEntropyOn = "logits",
        of_paper: GeometricAugmentation | None = None,
    ) -> None:
        super().__init__()
        self.text_encoder = build_text_encoder(settings.text_encoder, settings.freeze_text)
        self.normalise = normalise_image()
        self.cross_entropy_on: CrossEntropyOn = cross_entropy_on
        self.augmentation = geometric_augmentation(settings.preset, of_paper or GeometricAugmentation())

    @abstractmethod
    def segment(self, image: Tensor, text: TextFeatures) -> Tensor:
        """Predict logits (B, 1, H, W) from normalised images (B, 3, H, W) and the features of their texts."""

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        return self.segment(self.normalise(batch.image), self.text_encoder(batch.text))

    def augmented(self, batch: Batch) -> Batch:
        """Move image and mask alike, and let the text speak of the moved image."""
        maps = self.augmentation.draw(len(batch.image))
        return Batch(
            warp(batch.image, maps), mirrored_texts(batch.text, maps), warp(training_mask(batch), maps, "nearest")
        )

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation``: Dice plus cross-entropy on the augmented image."""
        moved = self.augmented(batch)
        return {"segmentation": segmentation_loss(self(moved), training_mask(moved), self.cross_entropy_on)}
