"""Parts of LViT's transformer branch (Li et al., TMI 2023): patches, blocks, merging convolutions, the way back.

Sizes in the docstrings are those at 224 pixels and width 64: 196 patches at every level, each 64, 128, 256 or 512 wide.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DROPOUT = 0.1
"""On patch embeddings and inside the perceptrons (reference implementation)."""


def attention_heads(width: int) -> int:
    """Return the heads of self-attention: 8, as in the reference, and fewer where each would be less than 8 wide."""
    return next(heads for heads in (8, 4, 2, 1) if width % heads == 0 and (width >= 8 * heads or heads == 1))


def merging_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Build the convolution that merges and narrows sequences: 3 wide, batch norm, ReLU.

    It maps (B, in_channels, L) to (B, out_channels, L).
    """
    return nn.Sequential(
        nn.Conv1d(in_channels, out_channels, kernel_size=3, padding=1),
        nn.BatchNorm1d(out_channels),
        nn.ReLU(inplace=True),
    )


class PatchEmbedding(nn.Module):
    """Cut a feature map into patches, embed each as wide as the map, add learned positions, drop a tenth.

    Parameters
    ----------
    channels
        Of the feature map.
    patch
        Side of a patch in cells.
    patches
        How many there are.
    """

    def __init__(self, channels: int, patch: int, patches: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, channels, kernel_size=patch, stride=patch)
        self.positions = nn.Parameter(torch.zeros(1, patches, channels))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, patches, C)."""
        embedded: Tensor = self.dropout(self.projection(features).flatten(2).transpose(1, 2) + self.positions)
        return embedded


class TransformerBlock(nn.Module):
    """Self-attention and a perceptron, each behind a layer norm and residual.

    As in the reference implementation the perceptron, four times as wide inside, ends in a second GELU.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, attention_heads(width), batch_first=True)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(4 * width, width),
            nn.GELU(),
            nn.Dropout(DROPOUT),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Map (B, patches, width) to the same shape."""
        normed = self.before_attention(patches)
        patches = patches + self.attention(normed, normed, normed, need_weights=False)[0]
        out: Tensor = patches + self.mlp(self.before_mlp(patches))
        return out


class Reconstruction(nn.Module):
    """Bring patches back to the feature map from which they were cut: nearest neighbour, 1x1 convolution, ReLU.

    Parameters
    ----------
    channels
        Width of a patch, and of the map.
    patch
        Side of a patch in cells.
    """

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.convolution = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, patches: Tensor, side: int) -> Tensor:
        """Map (B, side^2, C) to (B, C, patch side, patch side)."""
        grid = patches.transpose(1, 2).reshape(len(patches), -1, side, side)
        # A 1x1 convolution and its batch statistics are the same before the cells are repeated, and cheaper.
        return F.interpolate(self.convolution(grid), scale_factor=self.patch, mode="nearest")
