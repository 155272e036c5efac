"""Geometric augmentation in training: one random affine map a case, for image, pseudo-image and mask alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class GeometricAugmentation:
    """Flips, rotation, scaling and shift, drawn for each case on its own.

    The defaults are BiCLIP's.

    Parameters
    ----------
    horizontal_flip, vertical_flip, affine
        Probability of each flip and of the affine map.
    degrees
        The rotation is uniform in [-degrees, degrees].
    translate
        The shift along each axis is uniform in [-translate, translate], as a fraction of the image's side.
    scale
        The magnification is uniform between these two.
    """

    horizontal_flip: float = 0.5
    vertical_flip: float = 0.5
    affine: float = 0.7
    degrees: float = 20.0
    translate: float = 0.1
    scale: tuple[float, float] = (0.8, 1.2)

    def draw(self, cases: int) -> Tensor:
        """Draw one map a case from torch's default CPU generator: the same maps whatever the batch's device.

        Returns
        -------
        Tensor
            (cases, 2, 3) float32 on the CPU, from output to input coordinates, both in [-1, 1], as
            :func:`torch.nn.functional.affine_grid` takes them.
        """
        uniform = torch.rand(7, cases)
        mirror = 1.0 - 2.0 * torch.stack([uniform[0] < self.horizontal_flip, uniform[1] < self.vertical_flip]).float()
        moved = (uniform[2] < self.affine).float()
        angle = moved * math.radians(self.degrees) * (2 * uniform[3] - 1)
        # Normalised coordinates span two units, so a fraction of the side counts twice.
        shift = moved * 2 * self.translate * (2 * uniform[4:6] - 1)
        low, high = self.scale
        magnification = 1 + moved * (low + (high - low) * uniform[6] - 1)
        cosine, sine = angle.cos() / magnification, angle.sin() / magnification
        rotation = torch.stack([torch.stack([cosine, sine]), torch.stack([-sine, cosine])])  # (2, 2, cases)
        linear = mirror[:, None] * rotation
        offset = -(linear * shift).sum(dim=1, keepdim=True)
        return torch.cat([linear, offset], dim=1).permute(2, 0, 1)


BENCHMARK_AUGMENTATION = GeometricAugmentation(vertical_flip=0.0)
"""Of every model under the benchmark preset, so that a difference between two models is not one of augmentation.

BiCLIP's without the vertical flip: no chest is imaged upside down, and learning it costs a short training dearly.
"""


def geometric_augmentation(
    preset: Literal["benchmark", "paper"], of_paper: GeometricAugmentation
) -> GeometricAugmentation:
    """Choose the augmentation of a preset: the one that all models share, or that of a model's own paper."""
    return of_paper if preset == "paper" else BENCHMARK_AUGMENTATION


def warp(image: Tensor, maps: Tensor, interpolation: Literal["bilinear", "nearest"] = "bilinear") -> Tensor:
    """Apply one affine map a case; what comes from outside the image is zero.

    The gradient of ``grid_sample`` is not deterministic on CUDA. Where PyTorch has been told to be deterministic and
    the image (the pseudo-image, that is) takes a gradient on a CUDA device, the same interpolation is written with
    ``gather``, whose gradient is.

    Parameters
    ----------
    image
        (B, C, H, W), floating.
    maps
        (B, 2, 3) from :meth:`GeometricAugmentation.draw`, on any device.
    interpolation
        ``"nearest"`` for masks.
    """
    maps = maps.to(device=image.device, dtype=image.dtype, non_blocking=True)
    grid = F.affine_grid(maps, list(image.shape), align_corners=False)
    if (
        interpolation == "bilinear"
        and image.is_cuda
        and image.requires_grad
        and torch.are_deterministic_algorithms_enabled()
    ):
        return sample_by_gather(image, grid)
    return F.grid_sample(image, grid, mode=interpolation, padding_mode="zeros", align_corners=False)


def sample_by_gather(image: Tensor, grid: Tensor) -> Tensor:
    """Sample bilinearly with a gradient that is deterministic on every device.

    Equals ``grid_sample(image, grid, padding_mode="zeros", align_corners=False)`` up to rounding.

    Parameters
    ----------
    image
        (B, C, H, W).
    grid
        (B, H', W', 2), x before y, in [-1, 1]; no gradient flows into it.
    """
    B, C, H, W = image.shape
    flat = image.flatten(2)
    x = ((grid[..., 0] + 1) * W - 1) / 2
    y = ((grid[..., 1] + 1) * H - 1) / 2
    left, top = x.floor(), y.floor()
    out = torch.zeros_like(flat[:, :, :1])
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        inside = (column >= 0) & (column < W) & (row >= 0) & (row < H)
        weight = (1 - (x - column).abs()) * (1 - (y - row).abs()) * inside
        index = (row.clamp(0, H - 1) * W + column.clamp(0, W - 1)).long()
        taken = flat.gather(2, index.reshape(B, 1, -1).expand(-1, C, -1))
        out = out + taken * weight.reshape(B, 1, -1)
    return out.reshape(B, C, *grid.shape[1:3])
