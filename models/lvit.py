"""``lvit``: a U-shaped CNN and a transformer side by side; the text enters the transformer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from .augmentation import GeometricAugmentation
from .classic_unet import double_convolution
from .losses import CrossEntropyOn
from .lvit_cnn import AttendedUpBlock
from .lvit_transformer import PatchEmbedding, Reconstruction, TransformerBlock, merging_convolution
from .options import read_options
from .registry import ModelSettings, register_model
from .text_encoders import TextFeatures
from .text_guided import TextGuidedModel

TOKENS = 10
"""Word vectors of a text that the reference implementation reads."""
PATCHES = (16, 8, 4, 2)
"""Side of a patch at the four levels, in cells: the same number of patches at each."""

PAPER_AUGMENTATION = GeometricAugmentation(
    horizontal_flip=0.25, vertical_flip=0.25, affine=0.25, degrees=20.0, translate=0.0, scale=(1.0, 1.0)
)
"""The reference implementation's flips and rotations, as often as there, without its quarter turns."""


@dataclass(frozen=True)
class LViTOptions:
    """Options of ``lvit``.

    Parameters
    ----------
    pixel_attention
        Whether the skip connections are weighed pixel by pixel (PLAM).
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    pixel_attention: bool = True
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("lvit")
class LViT(TextGuidedModel):
    """LViT-T, supervised: Li et al., IEEE Transactions on Medical Imaging, 2023.

    A U-shaped CNN and a transformer run in parallel. At each of four levels the transformer cuts the CNN's features
    into the same grid of patches and merges them with those of the level above; the text joins at the first level. On
    its way back up, each level is merged with the one below, and the result is added to the CNN's skip connections,
    whose pixels are then weighed.

    Faithful (paper and reference implementation): 64-128-256-512 channels at width 64 and 512 at the bottom; patches of
    16, 8, 4 and 2 cells; two transformer blocks of 8 heads a level, one on the way down and one back; the text's word
    vectors, 768 wide, narrowed to 512-256-128-64 by convolutions over tokens, and spread over the patches at the first
    level; the pixel-level attention. At 224 px, width 64 and with a 768-wide text encoder 29.90 million parameters
    without that encoder: the published 29.7 million and the positions of the patches (0.19 million). 52.7 GFLOPs, the
    products inside attention counted and a multiply-add as two: the published 54 less what the reconstructions save,
    whose convolutions run before the cells are repeated and not behind.

    Different: the semi-supervised part, that is the exponential pseudo-label iteration and the language-vision loss, is
    left out. Modules that the reference builds and never runs are too, and so are the convolutions' biases before a
    batch norm. The word vectors are the first ten tokens of the benchmark's text encoder, its start mark among
    them, and zero at padding; the reference's come from a frozen BERT. Dice plus cross-entropy are the benchmark's; the
    reference weighs fore- and background alike in the cross-entropy. Under the paper preset its flips and rotations are
    used without the quarter turns. Texts are mirrored with the image.

    ``settings.width`` scales all channels of both branches; each head stays at least 8 wide, so that there are fewer.
    """

    text_branch: ClassVar[tuple[str, ...]] = ("text_encoder", "text_levels", "text_to_patches")
    parts: ClassVar[tuple[str, ...]] = ("pixel_attention",)
    options_kind: ClassVar[type | None] = LViTOptions
    paper: ClassVar[str] = "Li et al., LViT, IEEE TMI 2023"

    def __init__(self, settings: ModelSettings) -> None:
        options = read_options(LViTOptions, "lvit", settings.options)
        super().__init__(settings, options.cross_entropy_on, PAPER_AUGMENTATION)
        self.options = options
        width = settings.width
        levels = [width * 2**level for level in range(4)]
        self.side = settings.image_size // PATCHES[0]
        patches = self.side**2

        self.stem = nn.Sequential(
            nn.Conv2d(3, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.encoder = nn.ModuleList(double_convolution(*channels) for channels in pairwise([*levels, levels[-1]]))
        self.pool = nn.MaxPool2d(2)
        self.decoder = nn.ModuleList(
            AttendedUpBlock(coarse, fine, options.pixel_attention)
            for coarse, fine in pairwise([*reversed(levels), width])
        )
        self.head = nn.Conv2d(width, 1, kernel_size=1)

        self.text_levels = nn.ModuleList(
            nn.Conv1d(wide, narrow, kernel_size=3, padding=1)
            for wide, narrow in pairwise([self.text_encoder.width, *reversed(levels)])
        )
        self.text_to_patches = merging_convolution(TOKENS, patches)
        self.embeddings = nn.ModuleList(
            PatchEmbedding(channels, patch, patches) for channels, patch in zip(levels, PATCHES, strict=True)
        )
        self.down_blocks = nn.ModuleList(TransformerBlock(channels) for channels in levels)
        self.up_blocks = nn.ModuleList(TransformerBlock(channels) for channels in levels)
        self.merge_down = nn.ModuleList(merging_convolution(coarse, fine) for fine, coarse in pairwise(levels))
        self.merge_up = nn.ModuleList(merging_convolution(coarse, fine) for fine, coarse in pairwise(levels))
        self.reconstructions = nn.ModuleList(
            Reconstruction(channels, patch) for channels, patch in zip(levels, PATCHES, strict=True)
        )

    def text_patches(self, text: TextFeatures) -> Tensor:
        """Spread the first word vectors of the texts over the patches: (B, patches, width)."""
        words = text.tokens[:, :TOKENS].transpose(1, 2)
        for narrow in self.text_levels:
            words = narrow(words)
        spread: Tensor = self.text_to_patches(words.transpose(1, 2))
        return spread

    def transformer(self, maps: list[Tensor], text: Tensor) -> list[Tensor]:
        """Run the transformer down the levels and back.

        Parameters
        ----------
        maps
            The CNN's features, from (B, width, H, W) to (B, 8 width, H/8, W/8).
        text
            (B, patches, width), added to the patches of the first level.

        Returns
        -------
        list of Tensor
            (B, patches, C) a level, C being that level's channels.
        """
        first, *deeper = (embed(features) for embed, features in zip(self.embeddings, maps, strict=True))
        down = [self.down_blocks[0](first + text)]
        for embedded, block, merge in zip(deeper, self.down_blocks[1:], self.merge_down, strict=True):
            narrowed = merge(block(embedded).transpose(1, 2)).transpose(1, 2)
            down.append(torch.cat([narrowed, down[-1]], dim=2))
        up = [self.up_blocks[-1](down.pop())]
        for block, merge in zip(reversed(self.up_blocks[:-1]), reversed(self.merge_up), strict=True):
            up.append(block(down.pop()) + merge(up[-1].transpose(1, 2)).transpose(1, 2))
        return up[::-1]

    def segment(self, image: Tensor, text: TextFeatures) -> Tensor:
        """Predict logits (B, 1, H, W) from normalised images (B, 3, H, W) and the features of their texts."""
        maps = [self.stem(image)]
        for level in self.encoder:
            maps.append(level(self.pool(maps[-1])))
        *skips, out = maps
        patches = self.transformer(skips, self.text_patches(text))
        for up, skip, patch, back in reversed(
            list(zip(reversed(self.decoder), skips, patches, self.reconstructions, strict=True))
        ):
            out = up(out, skip + back(patch, self.side))
        logits: Tensor = self.head(out)
        return logits
