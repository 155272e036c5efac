"""Parts of LViT's convolutional branch (Li et al., TMI 2023)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classic_unet import double_convolution


class PixelAttention(nn.Module):
    """Weigh the pixels of a skip connection: LViT's pixel-level attention module (PLAM).

    One branch averages over channels and one takes their maximum, each behind a 1x1 convolution with ReLU. Their
    two maps and the sum of both go through a perceptron of 6 hidden units, pixel by pixel; the features are multiplied
    by the result, which is not squashed (reference implementation).

    Parameters
    ----------
    channels
        Of the skip connection.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.average = nn.Sequential(nn.Conv2d(channels, channels, kernel_size=1, bias=False), nn.ReLU(inplace=True))
        self.maximum = nn.Sequential(nn.Conv2d(channels, channels, kernel_size=1, bias=False), nn.ReLU(inplace=True))
        self.mlp = nn.Sequential(nn.Conv2d(3, 6, kernel_size=1), nn.ReLU(inplace=True), nn.Conv2d(6, 1, kernel_size=1))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        average = self.average(features).mean(dim=1, keepdim=True)
        maximum = self.maximum(features).amax(dim=1, keepdim=True)
        weighed: Tensor = features * self.mlp(torch.cat([average, maximum, average + maximum], dim=1))
        return weighed


class AttendedUpBlock(nn.Module):
    """Repeat every cell twice along each side, join the weighed skip connection, convolve twice.

    Parameters
    ----------
    in_channels
        Of the coarse features, and of the skip connection.
    out_channels
        Of the result.
    attention
        Whether the skip connection is weighed.
    """

    def __init__(self, in_channels: int, out_channels: int, attention: bool) -> None:
        super().__init__()
        self.attention = PixelAttention(in_channels) if attention else nn.Identity()
        self.convolutions = double_convolution(2 * in_channels, out_channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Map (B, C, H/2, W/2) and the skip (B, C, H, W) to (B, out_channels, H, W)."""
        fine = F.interpolate(coarse, scale_factor=2, mode="nearest")
        joined: Tensor = self.convolutions(torch.cat([self.attention(skip), fine], dim=1))
        return joined
