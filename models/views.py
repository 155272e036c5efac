"""The views of an image that a network sees: normalised (weak) or photometrically disturbed and normalised (strong)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
PSEUDO_IMAGE_MEAN = (0.5, 0.5, 0.5)
PSEUDO_IMAGE_SD = (0.25, 0.25, 0.25)

STRONG_VIEW_FAMILIES = ("motion-blur", "gaussian-noise", "brightness", "contrast", "gamma")
"""The corruption families that :class:`StrongView` shows to a model in training."""


class Normalise(nn.Module):
    """Subtract a mean and divide by a standard deviation, channel by channel.

    Parameters
    ----------
    mean, sd
        One number a channel.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, mean: Sequence[float], sd: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(sd).reshape(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        return (image - self.mean) / self.sd


def normalise_image() -> Normalise:
    """Build the normalisation of images in [0, 1]: ImageNet's statistics."""
    return Normalise(IMAGENET_MEAN, IMAGENET_SD)


def normalise_pseudo_image() -> Normalise:
    """Build the normalisation of pseudo-images in [0, 1]: mean 0.5, standard deviation 0.25 (BiCLIP)."""
    return Normalise(PSEUDO_IMAGE_MEAN, PSEUDO_IMAGE_SD)


@dataclass(frozen=True)
class StrongView:
    """Photometric disturbance of images in [0, 1], drawn for each case on its own; constants from BiCLIP.

    In this order: gamma, noise, brightness (a shift), contrast (a factor), motion blur. The result is clipped to
    [0, 1] after noise, brightness and contrast.

    Parameters
    ----------
    gamma
        The exponent is uniform between these two, for every case.
    noise_sd, noise_probability
        Standard deviation of the Gaussian noise in grey levels of [0, 1], and how often it is added.
    brightness, brightness_probability
        The shift is uniform in [-brightness, brightness].
    contrast, contrast_probability
        The factor is uniform in [1 - contrast, 1 + contrast].
    blur_size, blur_degrees, blur_direction, blur_probability
        Length of the motion-blur kernel in pixels (odd); its angle is uniform in [-blur_degrees, blur_degrees]; its
        weights run linearly along the line, and how unequal the ends are is uniform in
        [-blur_direction, blur_direction] (0: even weights, 1: all weight at one end).
    """

    gamma: tuple[float, float] = (0.9, 1.1)
    noise_sd: float = 0.01
    noise_probability: float = 0.5
    brightness: float = 0.3
    brightness_probability: float = 0.5
    contrast: float = 0.3
    contrast_probability: float = 0.5
    blur_size: int = 5
    blur_degrees: float = 20.0
    blur_direction: float = 0.5
    blur_probability: float = 0.2

    def __call__(self, image: Tensor) -> Tensor:
        """Disturb (B, 3, H, W); random numbers come from torch's default generators."""
        cases = image.shape[0]
        uniform = torch.rand(6, cases)
        signed = 2 * torch.rand(4, cases) - 1
        low, high = self.gamma
        gamma = low + (high - low) * uniform[0]
        noise = self.noise_sd * (uniform[1] < self.noise_probability)
        shift = self.brightness * signed[0] * (uniform[2] < self.brightness_probability)
        factor = 1 + self.contrast * signed[1] * (uniform[3] < self.contrast_probability)
        settings = torch.stack([gamma, noise, shift, factor])[..., None, None, None]
        gamma, noise, shift, factor = settings.to(image, non_blocking=True)
        view: Tensor = (image.clamp(0, 1) ** gamma + noise * torch.randn_like(image)).clamp(0, 1)
        view = ((view + shift).clamp(0, 1) * factor).clamp(0, 1)

        blurred = (uniform[4] < self.blur_probability).nonzero().flatten()
        if len(blurred):
            kernels = motion_blur_kernels(
                self.blur_size, self.blur_degrees * signed[2, blurred], self.blur_direction * signed[3, blurred]
            )
            blurred = blurred.to(image.device)
            # Augmentation keeps its precision when a trainer runs the model in mixed precision.
            with torch.autocast(image.device.type, enabled=False):
                view.index_copy_(0, blurred, convolve_each(view[blurred], kernels.to(image)))
        return view


def strong_view(image_size: int) -> StrongView:
    """Make BiCLIP's strong view for an input size: its 5 px blur at 224 px, scaled to the nearest odd length from 3 px.

    A blur of 5 px in an image a third of the size would be three times as strong, and training would see what the
    severest corruption shows.
    """
    half = round((5 * image_size / 224 - 1) / 2)
    return StrongView(blur_size=2 * max(half, 1) + 1)


def motion_blur_kernels(size: int, degrees: Tensor, direction: Tensor) -> Tensor:
    """Build line kernels of linear weight, rotated with nearest-neighbour sampling.

    Parameters
    ----------
    size
        Side of the kernel in pixels, odd.
    degrees
        Angle of each line, (N,).
    direction
        -1 to 1, (N,): from all weight at the line's end, over even weight (0), to all weight at its beginning.

    Returns
    -------
    Tensor
        (N, size, size), each summing to one.
    """
    position = torch.linspace(0, 1, size)
    share = (direction[:, None] + 1) / 2
    weights = share + (1 - 2 * share) * position
    lines = torch.zeros(len(degrees), 1, size, size)
    lines[:, 0, size // 2] = weights
    angle = torch.deg2rad(degrees)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    maps = torch.stack([cosine, sine, zero, -sine, cosine, zero], dim=1).reshape(-1, 2, 3)
    grid = F.affine_grid(maps, list(lines.shape), align_corners=True)
    rotated = F.grid_sample(lines, grid, mode="nearest", align_corners=True)[:, 0]
    return rotated / rotated.sum(dim=(1, 2), keepdim=True)


def convolve_each(image: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each case (N, C, H, W) with its own kernel (N, k, k), zero outside the image."""
    N, C, H, W = image.shape
    k = kernels.shape[-1]
    weight = kernels.repeat_interleave(C, dim=0)[:, None]
    return F.conv2d(image.reshape(1, N * C, H, W), weight, padding=k // 2, groups=N * C).reshape(N, C, H, W)
