"""``text-only``: the control that never sees the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from .frozen_text import build_text_encoder
from .interpolation import FixedUpsampling
from .losses import CrossEntropyOn, segmentation_loss, training_mask
from .options import read_options
from .registry import Batch, ModelSettings, SegmentationModel, register_model
from .text_guided import mirrored_texts

HIDDEN = 256
"""Width of the head's hidden layer: the best of 128, 256 and 512 on the phantom at 80 pixels."""

PRIOR_LOGIT = -3.0
"""Logit that every place starts with, a probability of 0.05: lesions cover a few percent of an image."""

MIRRORED = 0.5
"""How often a training mask is mirrored: the horizontal flip of the augmentation that all models share."""


@dataclass(frozen=True)
class TextOnlyOptions:
    """Options of ``text-only``.

    Parameters
    ----------
    mirror
        Whether training mirrors half of the masks left to right, and their texts with them.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    mirror: bool = True
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("text-only")
class TextOnly(SegmentationModel):
    """The text-only control: how much of the answer the report gives away.

    The pooled text features become an (S/8) x (S/8) map of logits (Linear 128-256, LayerNorm, GELU, Linear 256-784 at
    224 px), which is interpolated to the image size. The image's values change nothing. A network that learns from
    this loss can at best know, for each thing that a text can say, the region that scores best on average over the
    training masks of such texts. A text-guided model that scores no higher has learnt nothing from the image.

    Faithful: it is trained as every other model, with the same loss, optimiser and text encoder.

    Different: nothing geometric is drawn but a left-right mirroring, in which the words change sides too; a mask that
    is turned or shifted no longer fits what its text says. Without any (``mirror=false``) the score is the same with
    many labels and lower with few, and a control should be as strong as it can be. ``settings.width`` scales nothing,
    and the two presets do not differ.
    """

    uses_text: bool = True
    uses_image: bool = False
    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder",)
    options_kind: ClassVar[type | None] = TextOnlyOptions
    paper: ClassVar[str] = "a control of this benchmark"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.options = read_options(TextOnlyOptions, "text-only", settings.options)
        self.side = settings.image_size // 8
        self.text_encoder = build_text_encoder(settings.text_encoder, settings.freeze_text)
        to_map = nn.Linear(HIDDEN, self.side**2)
        nn.init.constant_(to_map.bias, PRIOR_LOGIT)
        self.head = nn.Sequential(nn.Linear(self.text_encoder.width, HIDDEN), nn.LayerNorm(HIDDEN), nn.GELU(), to_map)
        self.upsampling = FixedUpsampling(self.side, settings.image_size)

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, H, W) from the texts; the images are not looked at."""
        logits = self.head(self.text_encoder(batch.text).pooled)
        enlarged: Tensor = self.upsampling(logits.float().reshape(-1, 1, self.side, self.side))
        return enlarged

    def mirrored(self, batch: Batch) -> Batch:
        """Mirror the masks of half the cases, drawn from torch's default CPU generator, and their texts."""
        flipped = torch.rand(len(batch.text)) < MIRRORED
        maps = torch.eye(2, 3).repeat(len(flipped), 1, 1)
        maps[flipped, 0, 0] = -1
        mask = training_mask(batch)
        moved = torch.where(flipped.to(mask.device)[:, None, None, None], mask.flip(-1), mask)
        return Batch(batch.image, mirrored_texts(batch.text, maps), moved)

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation``: Dice plus cross-entropy."""
        moved = self.mirrored(batch) if self.options.mirror else batch
        return {"segmentation": segmentation_loss(self(moved), training_mask(moved), self.options.cross_entropy_on)}
