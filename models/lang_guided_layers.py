"""Parts of the language-guided decoder: text projection, guided attention, sub-pixel upsampling.

Sizes in the docstrings are those of the paper at 224 pixels (Zhong et al., MICCAI 2023): 768-384-192 channels and
24-12-9 text tokens at 1/32, 1/16 and 1/8 of the image.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classic_unet import UpBlock

CROSS_ATTENTION_HEADS = 4
"""Of the reference implementation; its self-attention has one head."""

INITIAL_SCALE = 1.421
"""What the learned factor on the cross-attention begins with (reference implementation)."""


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """Compute the positions of Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Parameters
    ----------
    length
        Number of positions.
    width
        Even. Entry 2i is ``sin(position / 10000^(2i / width))``, entry 2i + 1 the cosine of the same.

    Returns
    -------
    Tensor
        (length, width) float32.
    """
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


class TextProjection(nn.Module):
    """Mix the tokens of a text to fewer, then fit their features to the image's channels.

    A 1x1 convolution over tokens, GELU, a linear map over features, leaky ReLU.

    Parameters
    ----------
    tokens, text_width
        Length and width of the text features that come in.
    length, channels
        Length and width of what goes out.
    """

    def __init__(self, tokens: int, text_width: int, length: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(tokens, length, kernel_size=1), nn.GELU(), nn.Linear(text_width, channels), nn.LeakyReLU()
        )

    def forward(self, text: Tensor) -> Tensor:
        """Map (B, tokens, text_width) to (B, length, channels)."""
        projected: Tensor = self.layers(text)
        return projected


class GuidedAttention(nn.Module):
    """Let the cells of a feature map look at each other, then at the text; both steps are residual.

    Queries and keys carry sinusoidal positions, values do not. What the text says is scaled by a learned factor.

    Parameters
    ----------
    channels
        Of the feature map and of the projected text; a multiple of 4.
    side
        Of the feature map, in cells.
    length
        Tokens of the projected text.
    """

    image_positions: Tensor
    text_positions: Tensor

    def __init__(self, channels: int, side: int, length: int) -> None:
        super().__init__()
        self.before_self = nn.LayerNorm(channels)
        self.self_attention = nn.MultiheadAttention(channels, num_heads=1, batch_first=True)
        self.after_self = nn.LayerNorm(channels)
        self.before_cross = nn.LayerNorm(channels)
        self.cross_attention = nn.MultiheadAttention(channels, CROSS_ATTENTION_HEADS, batch_first=True)
        self.after_cross = nn.LayerNorm(channels)
        self.scale = nn.Parameter(torch.tensor(INITIAL_SCALE))
        self.register_buffer("image_positions", sinusoidal_positions(side * side, channels), persistent=False)
        self.register_buffer("text_positions", sinusoidal_positions(length, channels), persistent=False)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Guide image features (B, C, side, side) by projected text (B, length, C)."""
        cells = image.flatten(2).transpose(1, 2)
        normed = self.before_self(cells)
        placed = normed + self.image_positions
        cells = cells + self.after_self(self.self_attention(placed, placed, normed, need_weights=False)[0])

        query = self.before_cross(cells) + self.image_positions
        heard = self.cross_attention(query, text + self.text_positions, text, need_weights=False)[0]
        guided: Tensor = cells + self.scale * self.after_cross(heard)
        return guided.transpose(1, 2).reshape(image.shape)


class GuidedStage(nn.Module):
    """Guide the coarse features by the text, then join them with the finer ones, as in a U-Net.

    Parameters
    ----------
    channels
        Of the coarse features; the finer ones have half as many.
    side, length
        See :class:`GuidedAttention`.
    """

    def __init__(self, channels: int, side: int, length: int) -> None:
        super().__init__()
        self.attention = GuidedAttention(channels, side, length)
        self.up = UpBlock(channels, channels // 2)

    def forward(self, coarse: Tensor, skip: Tensor, text: Tensor) -> Tensor:
        """Map (B, C, side, side), a skip (B, C/2, 2 side, 2 side) and text (B, length, C) to the skip's shape."""
        joined: Tensor = self.up(self.attention(coarse, text), skip)
        return joined


class SubpixelUpsample(nn.Module):
    """Enlarge by a 3x3 convolution whose channels become pixels, smoothed by a running mean.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", CVPR 2016; its first weights copy the nearest neighbour and the mean blurs the seams, after Aitken et al.,
    "Checkerboard artifact free sub-pixel convolution", arXiv 1707.02937, 2017. Equals MONAI's ``SubpixelUpsample``.

    Parameters
    ----------
    in_channels, out_channels
        Channels before and after (96 and 24).
    factor
        Magnification of each side (4).
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.convolution = nn.Conv2d(in_channels, out_channels * factor**2, kernel_size=3, padding=1)
        kernels = torch.empty(out_channels, in_channels, 3, 3)
        nn.init.kaiming_normal_(kernels)
        with torch.no_grad():
            self.convolution.weight.copy_(kernels.repeat_interleave(factor**2, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, factor H, factor W)."""
        fine = F.pixel_shuffle(self.convolution(features), self.factor)
        margin = self.factor - 1
        return F.avg_pool2d(F.pad(fine, (margin, 0, margin, 0)), self.factor, stride=1)
