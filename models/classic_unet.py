"""The classic U-Net: the segmentation network that every compared model shares."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def double_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Build two 3x3 convolutions, each followed by batch norm and ReLU.

    The convolutions carry no bias: the batch norm behind each would subtract it again.
    """
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [
            nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class UpBlock(nn.Module):
    """Double the resolution by a transposed convolution, join the skip connection, convolve twice."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(in_channels, out_channels, kernel_size=2, stride=2)
        self.convolutions = double_convolution(2 * out_channels, out_channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Map (B, 2C, H/2, W/2) and the skip (B, C, H, W) to (B, C, H, W)."""
        joined: Tensor = self.convolutions(torch.cat([skip, self.upsample(coarse)], dim=1))
        return joined


class ClassicUNet(nn.Module):
    """U-Net with batch norm and transposed-convolution upsampling.

    Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
    with padded convolutions and batch norm. At ``width=64`` the five levels are 64-128-256-512-1024 channels wide.
    MONAI's ``BasicUNet`` is close but keeps twice the channels in its last upsampling, so its size is not the papers'.

    Parameters
    ----------
    in_channels
        Channels of the input.
    width
        Channels of the first level; each of the four deeper levels doubles them.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        levels = [width * 2**level for level in range(5)]
        self.stem = double_convolution(in_channels, width)
        self.encoder = nn.ModuleList(double_convolution(fine, coarse) for fine, coarse in pairwise(levels))
        self.decoder = nn.ModuleList(UpBlock(coarse, fine) for coarse, fine in pairwise(reversed(levels)))
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(width, 1, kernel_size=1)

    def levels(self, x: Tensor) -> list[Tensor]:
        """Compute the feature maps of the decoder, finest first, and last the bottleneck that it starts from.

        Parameters
        ----------
        x
            (B, in_channels, H, W), H and W multiples of 16.

        Returns
        -------
        list of Tensor
            (B, width * 2**k, H / 2**k, W / 2**k) for k = 0, 1, 2, 3, 4, non-negative.
        """
        skips = [self.stem(x)]
        for level in self.encoder:
            skips.append(level(self.pool(skips[-1])))
        decoded = [skips.pop()]
        for level in self.decoder:
            decoded.append(level(decoded[-1], skips.pop()))
        return decoded[::-1]

    def features(self, x: Tensor) -> Tensor:
        """Compute the last decoder feature map (B, width, H, W) from (B, in_channels, H, W)."""
        return self.levels(x)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        logits: Tensor = self.head(self.features(x))
        return logits
