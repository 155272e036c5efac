"""``biclip``: bidirectional fusion of image and text, with a consistency between two views of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .augmentation import GeometricAugmentation, geometric_augmentation, warp
from .classic_unet import ClassicUNet
from .frozen_text import build_text_encoder
from .fusion import (
    ConsistencyProjection,
    ImageEmbedding,
    ImageToTextHead,
    PseudoImageGenerator,
    TextHead,
    TextRefinement,
    text_embedding_width,
)
from .losses import (
    CONSISTENCY_WEIGHT,
    CYCLE_WEIGHT,
    GENERATION_WEIGHT,
    CrossEntropyOn,
    CycleDistance,
    consistency_loss,
    cycle_loss,
    generation_loss,
    segmentation_loss,
    training_mask,
)
from .options import read_options
from .registry import Batch, ModelSettings, SegmentationModel, register_model
from .views import STRONG_VIEW_FAMILIES, normalise_image, normalise_pseudo_image, strong_view


@dataclass(frozen=True)
class BiCLIPOptions:
    """Options of ``biclip``; each switch off removes a part and its parameters.

    Parameters
    ----------
    refinement
        Whether the image refines the text embedding.
    cycle
        Whether the text embedding is read back from the pseudo-image.
    consistency
        Whether two views of the image must agree. Needs the strong view.
    generation
        Whether the pseudo-image is pulled towards the masked image; the pseudo-image itself stays.
    strong_view
        Whether a photometrically disturbed view is made. Without it the two views are the same, the consistency is
        zero whatever the weights, and is left out: training then sees no corruption.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`. The paper preset defaults to ``"probabilities"``.
    cycle_distance
        See :func:`~biclip_bench.models.losses.cycle_loss`.
    """

    refinement: bool = True
    cycle: bool = True
    consistency: bool = True
    generation: bool = True
    strong_view: bool = True
    cross_entropy_on: CrossEntropyOn = "logits"
    cycle_distance: CycleDistance = "l1"

    @property
    def compares_views(self) -> bool:
        """Whether training makes a strong view and compares it with the weak one."""
        return self.consistency and self.strong_view


@register_model("biclip")
class BiCLIP(SegmentationModel):
    """BiCLIP: Talaei, Daneshfar, Abdullah and Oussalah, arXiv 2603.00156, 2026.

    The image refines the text embedding, the text embedding becomes a pseudo-image, both images go through one U-Net;
    a head reads the text back from the pseudo-image, and two views of the image must yield alike features.

    Faithful (paper and reference implementation, which wins where they differ): every module with its sizes at 224 px
    and width 64, the objective ``L_seg + 0.1 L_gen + 0.05 L_IAC + 0.07 L_cycle``, the L1 cycle towards the text
    embedding before refinement, without gradient into it. Under the paper preset also the vertical flips and the
    reference's cross-entropy, which applies the sigmoid twice.

    Different: the text encoder is the benchmark's, not always the frozen CXR-BERT; padding tokens are left out of the
    average over tokens; the benchmark preset takes the cross-entropy of logits and never flips upside down. At other
    widths every module but the generator scales with the U-Net's first level, and the blur of the strong view scales
    with the input size.

    Two passes go through the U-Net, as in the reference: the strong view gets no gradient, so its pass runs without
    autograd and costs a third of the weak view's. Each pass normalises by its own batch statistics, and both move the
    running averages that evaluation uses. One concatenated pass would mix the statistics of the two views, send
    gradients through them, and be slower.
    """

    uses_text: bool = True
    augmented_with: tuple[str, ...] = STRONG_VIEW_FAMILIES
    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder", "text_head", "text_refinement", "generator")
    parts: ClassVar[tuple[str, ...]] = ("refinement", "cycle", "consistency", "generation", "strong_view")
    options_kind: ClassVar[type | None] = BiCLIPOptions
    paper: ClassVar[str] = "Talaei et al., BiCLIP, arXiv 2603.00156, 2026"

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        cross_entropy_on: CrossEntropyOn = "probabilities" if settings.preset == "paper" else "logits"
        options = read_options(BiCLIPOptions, "biclip", settings.options, cross_entropy_on=cross_entropy_on)
        self.options = options
        width = settings.width
        embedding = text_embedding_width(settings.image_size)
        self.text_encoder = build_text_encoder(settings.text_encoder, settings.freeze_text)
        self.text_head = TextHead(self.text_encoder.width, embedding)
        if options.refinement:
            self.image_embedding = ImageEmbedding(hidden=width, embedding=4 * width)
            self.text_refinement = TextRefinement(text=embedding, image=4 * width)
        self.generator = PseudoImageGenerator(settings.image_size)
        if options.cycle:
            self.image_to_text = ImageToTextHead(hidden=width // 2, channels=width, text=embedding)
        self.unet = ClassicUNet(in_channels=6, width=width)
        if options.compares_views:
            self.consistency_projection = ConsistencyProjection(channels=width, projection=4 * width)
        else:
            self.augmented_with = ()
        self.normalise_image = normalise_image()
        self.normalise_pseudo_image = normalise_pseudo_image()
        self.augmentation = geometric_augmentation(settings.preset, GeometricAugmentation())
        self.strong_view = strong_view(settings.image_size)

    def text_embedding(self, batch: Batch) -> Tensor:
        """Embed the texts of a batch as (B, (S/8)^2), before refinement."""
        text: Tensor = self.text_head(self.text_encoder(batch.text).pooled)
        return text

    def pseudo_image(self, text: Tensor, image: Tensor) -> Tensor:
        """Refine text embeddings by the un-augmented image and draw them as (B, 3, H, W) in (0, 1)."""
        if self.options.refinement:
            text = self.text_refinement(text, self.image_embedding(image))
        drawn: Tensor = self.generator(text)
        return drawn

    def decoder_features(self, image: Tensor, pseudo_image: Tensor) -> Tensor:
        """Compute the U-Net's last feature map (B, width, H, W) from image and pseudo-image in [0, 1]."""
        return self.unet.features(
            torch.cat([self.normalise_image(image), self.normalise_pseudo_image(pseudo_image)], dim=1)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, H, W) from the clean view."""
        pseudo_image = self.pseudo_image(self.text_embedding(batch), batch.image)
        logits: Tensor = self.unet.head(self.decoder_features(batch.image, pseudo_image))
        return logits

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation``, ``generation``, ``consistency`` and ``cycle``, less what is switched off."""
        mask = training_mask(batch)
        text = self.text_embedding(batch)
        pseudo_image = self.pseudo_image(text, batch.image)
        maps = self.augmentation.draw(len(batch.image))
        image, moved_pseudo_image = warp(torch.cat([batch.image, pseudo_image.float()], dim=1), maps).chunk(2, dim=1)
        moved_mask = warp(mask, maps, "nearest")

        features = self.decoder_features(image, moved_pseudo_image)
        logits = self.unet.head(features)
        terms = {"segmentation": segmentation_loss(logits, moved_mask, self.options.cross_entropy_on)}
        if self.options.generation:
            terms["generation"] = GENERATION_WEIGHT * generation_loss(pseudo_image, batch.image, mask)
        if self.options.compares_views:
            with torch.no_grad():
                strong_features = self.decoder_features(self.strong_view(image), moved_pseudo_image)
                strong = self.consistency_projection(strong_features)
            weak = self.consistency_projection(features)
            terms["consistency"] = CONSISTENCY_WEIGHT * consistency_loss(weak, strong)
        if self.options.cycle:
            reconstruction = self.image_to_text(pseudo_image)
            terms["cycle"] = CYCLE_WEIGHT * cycle_loss(text, reconstruction, self.options.cycle_distance)
        return terms
