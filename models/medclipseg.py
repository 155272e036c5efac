"""``medclipseg``: image patches and words attend to each other, both ways and with stated confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fusion import global_average
from .interpolation import FixedUpsampling
from .losses import CrossEntropyOn, segmentation_loss, training_mask
from .options import read_options
from .probabilistic_attention import BidirectionalAdapter
from .registry import Batch, ModelSettings, register_model
from .soft_contrast import soft_contrast_loss
from .text_encoders import TextFeatures
from .text_guided import TextGuidedModel

SEGMENTATION_WEIGHT = 0.5
"""Weight of Dice plus cross-entropy in MedCLIPSeg."""
CONTRAST_WEIGHT = 0.1
"""Weight of the soft contrast in MedCLIPSeg."""

PATCH = 8
"""Side of a patch in pixels; 16 in MedCLIPSeg, which has larger images at hand than the quick profile."""
BLOCKS = 4
"""Transformer blocks of the image encoder, an adapter behind each."""
HEADS = 4
TEMPERATURE = 0.07
"""Temperature of a similarity, where the one that is learnt starts (CLIP, Radford et al. 2021, section 2.5)."""
LARGEST_SCALE = 100.0
"""The inverse of the lowest temperature that training may reach (CLIP, same place)."""
PRIOR_LOGIT = -2.0
"""Logit that every pixel starts near, a probability of 0.12: lesions are smaller than the rest of an image."""


@dataclass(frozen=True)
class MedCLIPSegOptions:
    """Options of ``medclipseg``; each switch off removes a part and its parameters.

    Parameters
    ----------
    probabilistic
        Whether keys and values of the adapters are Gaussians.
    bidirectional
        Whether words query patches, too.
    contrast
        Whether the soft contrast of patch and text features is trained on.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    probabilistic: bool = True
    bidirectional: bool = True
    contrast: bool = True
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("medclipseg")
class MedCLIPSeg(TextGuidedModel):
    """After MedCLIPSeg: Koleilat et al., CVPR 2026, arXiv 2602.20423, as its abstract and two readers' notes have it.

    Between the blocks of an image encoder, patches query words and words query patches through adapters that know how
    sure they are; a pixel is lesion where its feature resembles the text's.

    Faithful (to those texts; neither the paper nor its code was at hand): keys and values with mean and variance,
    attention lowered by 2.35 standard deviations of a score, values drawn in training, gates, a narrow space that both
    directions share, adapters in several layers; logits as the similarity of upscaled patch features and the projected
    text, interpolated to pixels; the soft contrast with its temperature of 0.2; the weights 0.5 and 0.1 of the terms.

    Different: nothing is pretrained or frozen. Three strided convolutions and four transformer blocks, 384 wide at
    width 64, stand in for CLIP's vision tower, with an adapter behind each block; the words come from the finished
    text encoder and change in the adapters alone, and their mean stands in for CLIP's end mark. Evaluation takes the
    means of the values, so that it repeats its bits, and draws no uncertainty map. The similarity has a learnt scale
    and offset. What the texts leave open is chosen here: four attention heads, the contrast on features averaged over
    the whole image with a fixed temperature of 0.07, no gradient into its targets. ``settings.width`` scales the
    convolutions, the tokens (6 x width, never below 64) and the joint space (never below 16).
    """

    parts: ClassVar[tuple[str, ...]] = ("probabilistic", "bidirectional", "contrast")
    options_kind: ClassVar[type | None] = MedCLIPSegOptions
    paper: ClassVar[str] = "Koleilat et al., MedCLIPSeg, CVPR 2026"

    def __init__(self, settings: ModelSettings) -> None:
        from open_clip.transformer import ResidualAttentionBlock

        options = read_options(MedCLIPSegOptions, "medclipseg", settings.options)
        super().__init__(settings, options.cross_entropy_on)
        self.options = options
        width = settings.width
        tokens = max(6 * width, 64) // 8 * 8
        embedding = max(width, 16)
        side = settings.image_size // PATCH
        self.stem = nn.Sequential(
            *_halving(3, width),
            *_halving(width, 2 * width),
            nn.Conv2d(2 * width, tokens, kernel_size=3, stride=2, padding=1),
        )
        # As large as a patch's own feature: from the usual 0.02, a short training never learns where "upper left" is.
        self.positions = nn.Parameter(torch.randn(side**2, tokens))
        self.blocks = nn.ModuleList(ResidualAttentionBlock(tokens, HEADS) for _ in range(BLOCKS))
        self.adapters = nn.ModuleList(
            BidirectionalAdapter(
                tokens, self.text_encoder.width, tokens // 2, HEADS, options.probabilistic, options.bidirectional
            )
            for _ in range(BLOCKS)
        )
        self.patch_norm = nn.LayerNorm(tokens)
        self.text_norm = nn.LayerNorm(self.text_encoder.width)
        self.upscale = nn.Sequential(
            nn.ConvTranspose2d(tokens, 2 * embedding, kernel_size=2, stride=2),
            nn.GELU(),
            nn.ConvTranspose2d(2 * embedding, embedding, kernel_size=2, stride=2),
        )
        self.text_projection = nn.Sequential(
            nn.Linear(self.text_encoder.width, 2 * embedding), nn.GELU(), nn.Linear(2 * embedding, embedding)
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))
        self.offset = nn.Parameter(torch.tensor(PRIOR_LOGIT))
        self.upsampling = FixedUpsampling(4 * side, settings.image_size)

    def embed(self, image: Tensor, text: TextFeatures) -> tuple[Tensor, Tensor]:
        """Embed normalised images and texts in one space, as (B, E, S/2, S/2) and (B, E), neither of unit length."""
        grid = self.stem(image)
        side = grid.shape[-1]
        patches = grid.flatten(2).transpose(1, 2) + self.positions
        words = text.tokens
        for block, adapter in zip(self.blocks, self.adapters, strict=True):
            patches, words = adapter(block(patches), words, text.own)
        own = text.own[..., None]
        sentence = self.text_projection((self.text_norm(words) * own).sum(dim=1) / own.sum(dim=1))
        grid = self.patch_norm(patches).transpose(1, 2).unflatten(-1, (side, side))
        return self.upscale(grid), sentence

    def similarity(self, pixels: Tensor, sentence: Tensor) -> Tensor:
        """Compare embedded pixels (B, E, S/2, S/2) with their texts (B, E): logits (B, 1, S, S)."""
        pixels, sentence = F.normalize(pixels.float(), dim=1), F.normalize(sentence.float(), dim=1)
        cosine = (pixels * sentence[..., None, None]).sum(dim=1, keepdim=True)
        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        logits: Tensor = self.upsampling(scale * cosine + self.offset)
        return logits

    def segment(self, image: Tensor, text: TextFeatures) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        return self.similarity(*self.embed(image, text))

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation`` and, unless switched off, ``contrast``."""
        moved = self.augmented(batch)
        pixels, sentence = self.embed(self.normalise(moved.image), self.text_encoder(moved.text))
        logits = self.similarity(pixels, sentence)
        segmentation = segmentation_loss(logits, training_mask(moved), self.cross_entropy_on)
        terms = {"segmentation": SEGMENTATION_WEIGHT * segmentation}
        if self.options.contrast:
            contrast = soft_contrast_loss(global_average(pixels), sentence)
            terms["contrast"] = CONTRAST_WEIGHT * contrast
        return terms


def _halving(in_channels: int, out_channels: int) -> list[nn.Module]:
    """A 3x3 convolution of stride 2 with batch norm and ReLU."""
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]
