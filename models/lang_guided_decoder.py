"""``lang-guided-decoder``: the text guides three stages of a decoder on a ConvNeXt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from .augmentation import GeometricAugmentation
from .convnext import convnext_tiny, load_convnext, stage_channels
from .lang_guided_layers import GuidedStage, SubpixelUpsample, TextProjection
from .losses import CrossEntropyOn
from .options import read_options
from .padding import pad_to_multiple, padded_side
from .registry import ModelSettings, register_model
from .text_encoders import TextFeatures
from .text_guided import TextGuidedModel

TOKENS = 24
"""Tokens of a text that the reference implementation reads."""
TEXT_LENGTHS = (24, 12, 9)
"""Tokens to which the text is projected at 1/32, 1/16 and 1/8 (reference implementation)."""
DEEPEST = 32
"""The encoder's last map has this fraction of the image's side."""

PAPER_AUGMENTATION = GeometricAugmentation(
    horizontal_flip=0.0, vertical_flip=0.0, affine=0.1, degrees=0.0, translate=0.0, scale=(0.95, 1.2)
)
"""The reference implementation's: a magnification in one case of ten."""


@dataclass(frozen=True)
class LangGuidedDecoderOptions:
    """Options of ``lang-guided-decoder``.

    Parameters
    ----------
    weights
        File with the weights of a ConvNeXt-Tiny trained on ImageNet, as timm, torchvision, transformers or Meta's
        release save it (.safetensors, .pth and the like; a classifier in it is left out). They fit width 64. With
        ``none`` the encoder begins with random weights.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    weights: str = "none"
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("lang-guided-decoder")
class LangGuidedDecoder(TextGuidedModel):
    """LanGuideMedSeg: Zhong et al., "Ariadne's Thread", MICCAI 2023.

    A ConvNeXt-Tiny sees the image alone. At 1/32, 1/16 and 1/8 of the image the decoder's features look at themselves
    and then at the tokens of the text, before they are enlarged and joined with the encoder's.

    Faithful (paper and reference implementation): the encoder, 96-192-384-768 channels at width 64 and 3-3-9-3 blocks;
    24 tokens of the last text layer, projected to 24-12-9 at the three stages; one head of self-attention, four of
    cross-attention, sinusoidal positions, norms before and after each, the learned factor that begins with 1.421;
    transposed convolutions and skips; sub-pixel upsampling by 4 to 24 channels; Dice plus cross-entropy; under the
    paper preset also its augmentation. At width 64 and with a 768-wide text encoder 42.2 million parameters without
    that encoder. Published with AdamW at 3e-4, cosine annealing and batches of 32: a pooled Dice of 89.78 on QaTa.

    Different: the paper begins with ImageNet's weights and a frozen CXR-BERT; here the encoder begins with random
    weights unless the option ``weights`` names a file, and the text encoder is the benchmark's. Padding tokens are
    zero here, while a BERT's carry features into the mix over tokens. The reference equalises the image's histogram;
    here the image is normalised as for every model. The blocks that join the skips are those of ``unet``, with ReLU
    and a bias in the transposed convolution in place of leaky ReLU (slope 0.01) and none. The projections of image
    and text that the reference builds and never uses are left out. Texts are mirrored with the image. Sides that are
    no multiple of 32 are padded.

    ``settings.width`` scales the channels of encoder and decoder, not the depth, the tokens or the heads.
    """

    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder", "text_projections")
    options_kind: ClassVar[type | None] = LangGuidedDecoderOptions
    pretraining: ClassVar[str] = "weights=FILE"
    paper: ClassVar[str] = "Zhong et al., Ariadne's Thread (LanGuideMedSeg), MICCAI 2023"

    def __init__(self, settings: ModelSettings) -> None:
        options = read_options(LangGuidedDecoderOptions, "lang-guided-decoder", settings.options)
        super().__init__(settings, options.cross_entropy_on, PAPER_AUGMENTATION)
        self.options = options
        channels = stage_channels(settings.width)
        self.encoder = convnext_tiny(settings.width)
        if options.weights != "none":
            self.pretrained = load_convnext(self.encoder, Path(options.weights), settings.width)
        coarse_first = channels[:0:-1]
        self.text_projections = nn.ModuleList(
            TextProjection(TOKENS, self.text_encoder.width, length, wide)
            for length, wide in zip(TEXT_LENGTHS, coarse_first, strict=True)
        )
        deepest = padded_side(settings.image_size, DEEPEST) // DEEPEST
        self.stages = nn.ModuleList(
            GuidedStage(wide, deepest * 2**stage, length)
            for stage, (length, wide) in enumerate(zip(TEXT_LENGTHS, coarse_first, strict=True))
        )
        fine = channels[0] // 4
        self.upsample = SubpixelUpsample(channels[0], fine, factor=4)
        self.head = nn.Conv2d(fine, 1, kernel_size=1)

    def segment(self, image: Tensor, text: TextFeatures) -> Tensor:
        """Predict logits (B, 1, H, W) from normalised images (B, 3, H, W) and the features of their texts."""
        H, W = image.shape[-2:]
        *skips, features = self.encoder(pad_to_multiple(image, DEEPEST))
        tokens = text.tokens[:, :TOKENS]
        for project, stage in zip(self.text_projections, self.stages, strict=True):
            features = stage(features, skips.pop(), project(tokens))
        logits: Tensor = self.head(self.upsample(features))
        return logits[..., :H, :W]
