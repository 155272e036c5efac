"""How BiCLIP and EF-UNet let image and text meet, before the segmentation network.

Sizes in the docstrings are those of the BiCLIP paper (arXiv 2603.00156): 224 x 224 input, width 64. The text embedding
has one entry for each cell of an (S/8) x (S/8) grid, S being the image size, because the generator reads it as a
one-channel map and doubles its side three times.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

GENERATOR_CHANNELS = (1, 16, 8, 3)
"""Channels of the pseudo-image generator (BiCLIP and EF-UNet); the same at every width, as they are few already."""


def text_embedding_width(image_size: int) -> int:
    """Return the width of the text embedding: ``(image_size / 8) ** 2``, that is 784 at 224 pixels."""
    return (image_size // 8) ** 2


def global_average(features: Tensor) -> Tensor:
    """Average (B, C, H, W) over the image to (B, C).

    A plain mean: adaptive average pooling has no deterministic gradient on CUDA.
    """
    return features.mean(dim=(2, 3))


def normalised_mlp(in_features: int, out_features: int) -> nn.Sequential:
    """Build the two-layer perceptron of text head and refinement: Linear, LayerNorm, GELU, Linear."""
    return nn.Sequential(
        nn.Linear(in_features, out_features),
        nn.LayerNorm(out_features),
        nn.GELU(),
        nn.Linear(out_features, out_features),
    )


class TextHead(nn.Module):
    """Project the pooled text features to the text embedding: Linear 768-784, LayerNorm, GELU, Linear 784-784."""

    def __init__(self, encoder_width: int, embedding: int) -> None:
        super().__init__()
        self.mlp = normalised_mlp(encoder_width, embedding)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, encoder_width) to (B, embedding)."""
        out: Tensor = self.mlp(features)
        return out


class ImageEmbedding(nn.Module):
    """Summarise the un-augmented image: conv 3-64, ReLU, conv 64-256, ReLU, global average."""

    def __init__(self, hidden: int, embedding: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, hidden, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, embedding, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map images (B, 3, H, W) in [0, 1] to (B, embedding)."""
        return global_average(self.convolutions(image))


class TextRefinement(nn.Module):
    """Let the image correct the text: ``t' = t + g([t; i])``.

    g is Linear 1040-784, LayerNorm, GELU, Linear 784-784.
    """

    def __init__(self, text: int, image: int) -> None:
        super().__init__()
        self.mlp = normalised_mlp(text + image, text)

    def forward(self, text: Tensor, image: Tensor) -> Tensor:
        """Refine (B, text) by (B, image) to (B, text)."""
        refined: Tensor = text + self.mlp(torch.cat([text, image], dim=1))
        return refined


class PseudoImageGenerator(nn.Module):
    """Draw the text as an image: three transposed 4x4 convolutions of stride 2, ReLU between, sigmoid at the end."""

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.side = image_size // 8
        first, second, third, fourth = GENERATOR_CHANNELS
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(first, second, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(second, third, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(third, fourth, kernel_size=4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, text: Tensor) -> Tensor:
        """Map text embeddings (B, (S/8)^2) to pseudo-images (B, 3, S, S) in (0, 1)."""
        pseudo_image: Tensor = self.layers(text.reshape(-1, 1, self.side, self.side))
        return pseudo_image


class ImageToTextHead(nn.Module):
    """Read the text back from the pseudo-image: conv 3-32, ReLU, conv 32-64, ReLU, global average, Linear 64-784."""

    def __init__(self, hidden: int, channels: int, text: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, hidden, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.linear = nn.Linear(channels, text)

    def forward(self, pseudo_image: Tensor) -> Tensor:
        """Map pseudo-images (B, 3, S, S) to text embeddings (B, text)."""
        text: Tensor = self.linear(global_average(self.convolutions(pseudo_image)))
        return text


class ConsistencyProjection(nn.Module):
    """Project decoder features for the consistency of two views: global average, Linear 64-256, LayerNorm."""

    def __init__(self, channels: int, projection: int) -> None:
        super().__init__()
        self.projection = nn.Sequential(nn.Linear(channels, projection), nn.LayerNorm(projection))

    def forward(self, features: Tensor) -> Tensor:
        """Map decoder features (B, channels, H, W) to (B, projection)."""
        projected: Tensor = self.projection(global_average(features))
        return projected
