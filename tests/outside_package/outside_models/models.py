"""An image-only and a text-guided model, written with nothing but the public names of ``biclip_bench.models``."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from biclip_bench.models import Batch, ModelSettings, SegmentationModel, build_text_encoder, register_model


def _convolutions(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
    )


def _loss(logits: Tensor, batch: Batch) -> dict[str, Tensor]:
    assert batch.mask is not None
    return {"segmentation": F.binary_cross_entropy_with_logits(logits, batch.mask)}


@register_model("outside-thin")
class Thin(SegmentationModel):
    """Two convolutions and a head."""

    uses_text: bool = False
    paper: ClassVar[str] = "Thin, a model of another package"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.features = _convolutions(3, settings.width)
        self.head = nn.Conv2d(settings.width, 1, 1)

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits from the image."""
        logits: Tensor = self.head(self.features(batch.image))
        return logits

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the cross-entropy."""
        return _loss(self(batch), batch)


@register_model("outside-worded")
class Worded(SegmentationModel):
    """The same, its features scaled and shifted by the text."""

    uses_text: bool = True
    paper: ClassVar[str] = "Worded, a model of another package"
    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder",)

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.text_encoder = build_text_encoder(settings.text_encoder, settings.freeze_text)
        self.features = _convolutions(3, settings.width)
        self.modulation = nn.Linear(self.text_encoder.width, 2 * settings.width)
        self.head = nn.Conv2d(settings.width, 1, 1)

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits from image and text."""
        scale, shift = self.modulation(self.text_encoder(batch.text).pooled)[..., None, None].chunk(2, dim=1)
        logits: Tensor = self.head(torch.relu(self.features(batch.image) * (1 + scale) + shift))
        return logits

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the cross-entropy."""
        return _loss(self(batch), batch)
