"""``biclip-plus``: a change of BiCLIP that did not earn a place among the models; README.md says why.

It is a model from outside: importing this file registers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from biclip_bench.models.augmentation import GeometricAugmentation, geometric_augmentation, warp
from biclip_bench.models.classic_unet import ClassicUNet
from biclip_bench.models.frozen_text import build_text_encoder
from biclip_bench.models.fusion import TextHead, global_average, text_embedding_width
from biclip_bench.models.interpolation import FixedUpsampling
from biclip_bench.models.losses import CrossEntropyOn, segmentation_loss, training_mask
from biclip_bench.models.options import read_options
from biclip_bench.models.registry import Batch, ModelSettings, SegmentationModel, register_model
from biclip_bench.models.views import PSEUDO_IMAGE_SD, normalise_image

PRIOR_SHRINKAGE = 8
"""Pixels of the image along the side of one cell of the prior, as in BiCLIP's text embedding."""


@dataclass(frozen=True)
class BiCLIPPlusOptions:
    """Options of ``biclip-plus``; each switch off removes a part and its parameters.

    Parameters
    ----------
    presence
        Whether text and image say together if there is anything to segment, and so gate every pixel.
    deep_supervision
        Whether the three coarser levels of the decoder predict the mask, too.
    text_dropout
        Whether the text of some cases is replaced by a learned null text, which then stands for an empty text.
    prior
        Whether the text draws a coarse map of where the mask may lie, learned from the mask itself, which joins the
        image as a fourth channel. Off unless asked for: it helps where many texts state the place, and harms where
        they do not.
    presence_weight, deep_weight, prior_weight
        Weights of these parts' loss terms.
    text_dropout_rate
        Probability that a case loses its text.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    presence: bool = True
    deep_supervision: bool = True
    text_dropout: bool = True
    prior: bool = False
    presence_weight: float = 0.2
    deep_weight: float = 0.4
    prior_weight: float = 0.5
    text_dropout_rate: float = 0.1
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("biclip-plus")
class BiCLIPPlus(SegmentationModel):
    """What this project would change in BiCLIP (Talaei et al., arXiv 2603.00156, 2026). There is no paper of it.

    Text and image say together whether there is anything to segment, which gates every pixel; the coarser levels of
    the decoder predict the mask, too; some texts are dropped. Training sees no corruption and makes one pass a step.
    At 224 px, width 64 and 768-wide text the gate is a perceptron of 1792-512-1.

    Faithful: the pooled text, the geometric augmentation, the U-Net with its widths, and the segmentation loss.

    Different, and each a part that can be switched off:

    - ``presence``: the pooled text and the mean of the bottleneck's features give the probability that there is a
      mask at all; a pixel's probability is multiplied by it. After the classification-guided module of Huang et al.,
      "UNet 3+", ICASSP 2020, which looks at the image alone and decides hard. BiCLIP has no means to hear "no
      infection" but through single pixels, and one false pixel makes a normal case worth nothing.
    - ``deep_supervision``: as in Lee et al., "Deeply-Supervised Nets", AISTATS 2015, at 1/2, 1/4 and 1/8, on the share
      of mask in a pixel.
    - ``text_dropout``: a tenth of the cases is learned with a learned null text, which then stands for empty texts.

    Also different: refinement, pseudo-image, generation, cycle and consistency are left out, and the presets differ in
    augmentation alone. The text says only whether there is something, not where; without ``presence`` it is not read
    at all. With ``prior=true`` BiCLIP's text embedding is a map of logits of the share of mask in each of its cells.
    BiCLIP pulls its pseudo-image towards the masked image by an L1 term, whose best answer is the median, nearly
    everywhere zero; the cross-entropy used here is least at the mean mask of all cases with this text, so the map
    cannot collapse while the text says anything of the place. It is enlarged bilinearly, without parameters, and moves
    with the image.
    """

    uses_text: bool = True
    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder", "text_head", "null_text")
    parts: ClassVar[tuple[str, ...]] = ("presence", "deep_supervision", "text_dropout")
    options_kind: ClassVar[type | None] = BiCLIPPlusOptions
    paper: ClassVar[str] = "biclip-bench's own, after Talaei et al., BiCLIP, arXiv 2603.00156, 2026"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.options = options = read_options(BiCLIPPlusOptions, "biclip-plus", settings.options)
        width, size = settings.width, settings.image_size
        self.uses_text = options.presence or options.prior
        text = 0
        if self.uses_text:
            self.text_encoder = build_text_encoder(settings.text_encoder, settings.freeze_text)
            text = self.text_encoder.width
        if self.uses_text and options.text_dropout:
            self.null_text = nn.Parameter(0.02 * torch.randn(text))
        if options.prior:
            self.text_head = TextHead(text, text_embedding_width(size))
            self.prior_side = size // PRIOR_SHRINKAGE
            self.enlarge = FixedUpsampling(self.prior_side, size)
        self.unet = ClassicUNet(in_channels=4 if options.prior else 3, width=width)
        if options.presence:
            self.presence_head = nn.Sequential(
                nn.Linear(text + 16 * width, 8 * width), nn.LayerNorm(8 * width), nn.GELU(), nn.Linear(8 * width, 1)
            )
        if options.deep_supervision:
            self.deep_heads = nn.ModuleList(nn.Conv2d(width * 2**k, 1, kernel_size=1) for k in (1, 2, 3))
        self.normalise_image = normalise_image()
        self.augmentation = geometric_augmentation(settings.preset, GeometricAugmentation())

    def read_texts(self, batch: Batch) -> Tensor:
        """Encode the texts of a batch as (B, text); an empty text, and in training a dropped one, is the null text.

        Where no part reads texts, (B, 0).
        """
        if not self.uses_text:
            return batch.image.new_zeros(len(batch.text), 0)
        pooled: Tensor = self.text_encoder(batch.text).pooled
        if not self.options.text_dropout:
            return pooled
        silent = torch.tensor([not text.strip() for text in batch.text])
        if self.training:
            silent |= torch.rand(len(batch.text)) < self.options.text_dropout_rate
        return torch.where(silent.to(pooled.device)[:, None], self.null_text, pooled)

    def prior_logits(self, text: Tensor) -> Tensor | None:
        """Draw texts (B, text) as float32 logits (B, 1, S/8, S/8) of the share of mask in each cell, or nothing."""
        if not self.options.prior:
            return None
        cells: Tensor = self.text_head(text)
        return cells.reshape(-1, 1, self.prior_side, self.prior_side).float()

    def prior_channel(self, logits: Tensor) -> Tensor:
        """Enlarge the prior's probabilities to (B, 1, S, S), in units of the pseudo-image's standard deviation.

        No mean is subtracted, so that what augmentation moves in from outside, zero, is what is surely no mask.
        """
        enlarged: Tensor = self.enlarge(logits.sigmoid()) / PSEUDO_IMAGE_SD[0]
        return enlarged.float()

    def predict(self, image: Tensor, prior: Tensor | None, text: Tensor) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Segment images (B, 3, H, W) in [0, 1], given the prior's channel and the texts.

        Returns
        -------
        logits : Tensor
            (B, 1, H, W), gated.
        presence : Tensor or None
            (B,), the logits of the gate; None without that part.
        levels : list of Tensor
            See :meth:`~biclip_bench.models.classic_unet.ClassicUNet.levels`.
        """
        seen = self.normalise_image(image)
        levels = self.unet.levels(seen if prior is None else torch.cat([seen, prior], dim=1))
        logits = self.unet.head(levels[0]).float()
        if not self.options.presence:
            return logits, None, levels
        presence = self.presence_head(torch.cat([text, global_average(levels[-1])], dim=1)).float()
        return gated(logits, presence[..., None, None]), presence[:, 0], levels

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        text = self.read_texts(batch)
        drawn = self.prior_logits(text)
        return self.predict(batch.image, None if drawn is None else self.prior_channel(drawn), text)[0]

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation``, ``presence``, ``deep`` and ``prior``, less what is switched off."""
        options, mask = self.options, training_mask(batch)
        text = self.read_texts(batch)
        maps = self.augmentation.draw(len(batch.image))
        image, moved_mask = warp(batch.image, maps), warp(mask, maps, "nearest")
        drawn = self.prior_logits(text)
        prior = None if drawn is None else warp(self.prior_channel(drawn), maps)
        logits, presence, levels = self.predict(image, prior, text)

        terms = {"segmentation": segmentation_loss(logits, moved_mask, options.cross_entropy_on)}
        if presence is not None:
            present = moved_mask.flatten(1).amax(dim=1)
            terms["presence"] = options.presence_weight * F.binary_cross_entropy_with_logits(presence, present)
        if drawn is not None:
            terms["prior"] = options.prior_weight * prior_loss(drawn, mask)
        if options.deep_supervision:
            coarse = [head(level) for head, level in zip(self.deep_heads, levels[1:-1], strict=True)]
            terms["deep"] = options.deep_weight * deep_loss(coarse, moved_mask)
        return terms


def gated(logits: Tensor, presence: Tensor) -> Tensor:
    """Return the logit of a product of two probabilities, given as logits a and b that broadcast.

    A pixel belongs to the mask if there is one and if, then, the pixel is in it. With p and q the probabilities,
    ``pq / (1 - pq) = 1 / (exp(-a) + exp(-b) + exp(-a - b))``.
    """
    logits, presence = torch.broadcast_tensors(logits, presence)
    return -torch.logsumexp(torch.stack([-logits, -presence, -logits - presence]), dim=0)


def prior_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Compute the cross-entropy of logits (B, 1, S/8, S/8) with the share of mask (B, 1, S, S) in each cell."""
    return F.binary_cross_entropy_with_logits(logits.float(), F.avg_pool2d(mask, PRIOR_SHRINKAGE))


def deep_loss(logits: list[Tensor], mask: Tensor) -> Tensor:
    """Add up the segmentation losses of coarser and coarser levels, each weighing half of the one before it.

    Parameters
    ----------
    logits
        (B, 1, S / 2**k, S / 2**k) for k = 1, 2, ...
    mask
        (B, 1, S, S). A pixel's target is the share of mask in it.
    """
    losses = [segmentation_loss(level, F.avg_pool2d(mask, 2**k)) for k, level in enumerate(logits, start=1)]
    return torch.stack([0.5**k * loss for k, loss in enumerate(losses)]).sum()
