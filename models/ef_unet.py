"""``ef-unet``: early fusion of image and text, without refinement, cycle and consistency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .augmentation import GeometricAugmentation, geometric_augmentation, warp
from .classic_unet import ClassicUNet
from .frozen_text import build_text_encoder
from .fusion import PseudoImageGenerator, TextHead, text_embedding_width
from .losses import GENERATION_WEIGHT, CrossEntropyOn, generation_loss, segmentation_loss, training_mask
from .options import read_options
from .registry import Batch, ModelSettings, SegmentationModel, register_model
from .views import normalise_image, normalise_pseudo_image

PAPER_AUGMENTATION = GeometricAugmentation(affine=0.5, degrees=90.0, translate=0.125, scale=(0.5, 1.5))
"""EF-UNet's own augmentation, used under the paper preset."""


@dataclass(frozen=True)
class EFUNetOptions:
    """Options of ``ef-unet``.

    Parameters
    ----------
    generation
        Whether the pseudo-image is pulled towards the masked image.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    generation: bool = True
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("ef-unet")
class EFUNet(SegmentationModel):
    """EF-UNet (2025), the strongest rival in the BiCLIP paper.

    The text becomes a three-channel pseudo-image that joins the image on the channel axis before augmentation.

    Faithful: pooled outputs of text layers 1, 2 and last; the head, the generator and the U-Net with their sizes at
    224 px and width 64; Dice plus cross-entropy plus 0.1 times the L1 distance of pseudo-image and masked image; under
    the paper preset also its augmentation (affine maps of up to 90 degrees).

    Different: the text encoder is the benchmark's, not always the frozen CXR-BERT; padding tokens are left out of the
    average; image and pseudo-image are normalised as BiCLIP does, since no source at hand states EF-UNet's own.
    """

    uses_text: bool = True
    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder", "text_head", "generator")
    parts: ClassVar[tuple[str, ...]] = ("generation",)
    options_kind: ClassVar[type | None] = EFUNetOptions
    paper: ClassVar[str] = "EF-UNet, early fusion, 2025"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.options = read_options(EFUNetOptions, "ef-unet", settings.options)
        embedding = text_embedding_width(settings.image_size)
        self.text_encoder = build_text_encoder(settings.text_encoder, settings.freeze_text)
        self.text_head = TextHead(self.text_encoder.width, embedding)
        self.generator = PseudoImageGenerator(settings.image_size)
        self.unet = ClassicUNet(in_channels=6, width=settings.width)
        self.normalise_image = normalise_image()
        self.normalise_pseudo_image = normalise_pseudo_image()
        self.augmentation = geometric_augmentation(settings.preset, PAPER_AUGMENTATION)

    def pseudo_image(self, batch: Batch) -> Tensor:
        """Draw the texts of a batch as images (B, 3, H, W) in (0, 1)."""
        pseudo_image: Tensor = self.generator(self.text_head(self.text_encoder(batch.text).pooled))
        return pseudo_image

    def segment(self, image: Tensor, pseudo_image: Tensor) -> Tensor:
        """Predict logits (B, 1, H, W) from image and pseudo-image, both (B, 3, H, W) in [0, 1]."""
        fused = torch.cat([self.normalise_image(image), self.normalise_pseudo_image(pseudo_image)], dim=1)
        logits: Tensor = self.unet(fused)
        return logits

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        return self.segment(batch.image, self.pseudo_image(batch))

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation`` and, unless switched off, ``generation``."""
        mask = training_mask(batch)
        pseudo_image = self.pseudo_image(batch)
        maps = self.augmentation.draw(len(batch.image))
        image, moved_pseudo_image = warp(torch.cat([batch.image, pseudo_image.float()], dim=1), maps).chunk(2, dim=1)
        logits = self.segment(image, moved_pseudo_image)
        moved_mask = warp(mask, maps, "nearest")
        terms = {"segmentation": segmentation_loss(logits, moved_mask, self.options.cross_entropy_on)}
        if self.options.generation:
            terms["generation"] = GENERATION_WEIGHT * generation_loss(pseudo_image, batch.image, mask)
        return terms
