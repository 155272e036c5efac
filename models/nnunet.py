"""``nnunet``: the 2D network of nnU-Net with its deep supervision, from MONAI's blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from .augmentation import warp
from .losses import CrossEntropyOn, segmentation_loss, training_mask
from .options import read_options
from .padding import pad_to_multiple
from .registry import Batch, ModelSettings, register_model
from .unet import ImageOnlyModel, UNetOptions

SMALLEST_MAP = 4
"""nnU-Net halves the image as long as the halved side is at least this long."""
PAPER_FILTERS, MOST_FILTERS = 32, 512
"""Channels of the first level, and the most that a level of a 2D network has (nnU-Net)."""


@dataclass(frozen=True)
class Topology:
    """The shape of a network.

    Parameters
    ----------
    halvings
        How often the image is halved.
    filters
        Channels of each level, one more than there are halvings.
    """

    halvings: int
    filters: tuple[int, ...]


def plan_topology(image_size: int, width: int) -> Topology:
    """Plan the network for a square image, as nnU-Net does for a 2D patch of equal pixel spacing.

    Isensee et al., Nature Methods 2021, supplementary note 2: halve while the side is at least twice
    :data:`SMALLEST_MAP`, rounding up; 32 channels in the first level, doubled at each halving up to 512.

    Parameters
    ----------
    image_size
        In pixels, at least 32.
    width
        Scales all channels by ``width / 64``.
    """
    halvings, side = 0, image_size
    while side >= 2 * SMALLEST_MAP:
        side = -(-side // 2)
        halvings += 1
    filters = (min(PAPER_FILTERS * 2**level, MOST_FILTERS) * width // 64 for level in range(halvings + 1))
    return Topology(halvings, tuple(filters))


def supervision_weights(scales: int) -> list[float]:
    """Return the weights of the losses at 1, 1/2, 1/4, ... of the resolution: halved each time, with sum one."""
    weights = [0.5**scale for scale in range(scales)]
    return [weight / sum(weights) for weight in weights]


def deep_supervision_loss(
    scales: Sequence[Tensor], mask: Tensor, cross_entropy_on: CrossEntropyOn = "logits"
) -> Tensor:
    """Sum Dice plus cross-entropy over the scales, with nnU-Net's weights.

    Parameters
    ----------
    scales
        Logits (B, 1, ceil(H / 2^k), ceil(W / 2^k)) for k = 0, 1, ...
    mask
        (B, 1, H, W), 0 or 1. At a coarser scale the pixel at a cell's centre stands for the cell.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """
    total = mask.new_zeros(())
    for scale, (logits, weight) in enumerate(zip(scales, supervision_weights(len(scales)), strict=True)):
        whole = pad_to_multiple(mask, 2**scale)
        target = F.interpolate(whole, size=logits.shape[-2:], mode="nearest-exact")
        total = total + weight * segmentation_loss(logits, target, cross_entropy_on)
    return total


class DeeplySupervisedUNet(nn.Module):
    """MONAI's ``DynUNet``, whose auxiliary predictions stay at their own resolution.

    The layers, their names and their initial weights are MONAI's. The way through them is written here: MONAI enlarges
    the auxiliary predictions to full size, computes them at evaluation too, keeps the last ones alive, and lists every
    weight twice, which safetensors refuses to save.

    Parameters
    ----------
    topology
        At least three halvings.
    in_channels
        Channels of the input.
    """

    def __init__(self, topology: Topology, in_channels: int = 3) -> None:
        super().__init__()
        from monai.networks.nets.dynunet import DynUNet

        halvings = topology.halvings
        network = DynUNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=1,
            kernel_size=[3] * (halvings + 1),
            strides=[1] + [2] * halvings,
            upsample_kernel_size=[2] * halvings,
            filters=topology.filters,
            norm_name=("INSTANCE", {"affine": True}),
            act_name=("leakyrelu", {"inplace": True, "negative_slope": 0.01}),
            deep_supervision=True,
            deep_supr_num=halvings - 2,
        )
        self.halvings = halvings
        self.input_block = network.input_block
        self.downsamples = network.downsamples
        self.bottleneck = network.bottleneck
        self.upsamples = network.upsamples
        self.output_block = network.output_block
        self.deep_supervision_heads = network.deep_supervision_heads

    def features(self, image: Tensor) -> list[Tensor]:
        """Compute the decoder's maps, the finest first: (B, filters[k], H / 2^k, W / 2^k)."""
        skips = [self.input_block(image)]
        for block in self.downsamples:
            skips.append(block(skips[-1]))
        maps = [self.bottleneck(skips[-1])]
        for block, skip in zip(self.upsamples, reversed(skips), strict=True):
            maps.append(block(maps[-1], skip))
        return maps[:0:-1]

    def scales(self, image: Tensor) -> list[Tensor]:
        """Predict at every supervised scale: (B, 1, ceil(H / 2^k), ceil(W / 2^k)) for k = 0, 1, ..."""
        H, W = image.shape[-2:]
        maps = self.features(pad_to_multiple(image, 2**self.halvings))
        heads = [self.output_block, *self.deep_supervision_heads]
        return [
            head(features)[..., : -(-H // 2**scale), : -(-W // 2**scale)]
            for scale, (head, features) in enumerate(zip(heads, maps, strict=False))
        ]

    def forward(self, image: Tensor) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        H, W = image.shape[-2:]
        logits: Tensor = self.output_block(self.features(pad_to_multiple(image, 2**self.halvings))[0])
        return logits[..., :H, :W]


@register_model("nnunet")
class NNUNet(ImageOnlyModel):
    """The network and the loss that nnU-Net would plan for a two-dimensional data set of this image size.

    Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation", Nature
    Methods 2021.

    Faithful: the image is halved by strided convolutions until its side is below 8; two 3x3 convolutions a level with
    instance norm and leaky ReLU (slope 0.01), He initialisation, transposed convolutions; deep supervision at all
    levels but the two coarsest, weights 1, 1/2, 1/4, ... with sum one. At 224 px and width 64: five halvings (7x7 at
    the bottom), 32-64-128-256-512-512 channels, losses at 224, 112, 56 and 28 px, 20.6 million parameters.

    Different: this is nnU-Net's network inside the benchmark, not the pipeline. Whole images at the benchmark's size
    take the place of planned patches, resampling and intensity normalisation; augmentation, optimiser and schedule
    are those of every other model; one cross-validation fold, no ensemble, no mirroring at test time, no
    postprocessing. The Dice is averaged over cases, not pooled over the batch. Convolutions carry no bias. The width
    scales all channels, the first level having half of it.
    """

    options_kind: ClassVar[type | None] = UNetOptions
    paper: ClassVar[str] = "Isensee et al., nnU-Net, Nature Methods 2021"
    network: DeeplySupervisedUNet

    def __init__(self, settings: ModelSettings) -> None:
        options = read_options(UNetOptions, "nnunet", settings.options)
        network = DeeplySupervisedUNet(plan_topology(settings.image_size, settings.width))
        super().__init__(network, settings, options.cross_entropy_on)

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation``: Dice plus cross-entropy on the augmented image, at every supervised scale."""
        maps = self.augmentation.draw(len(batch.image))
        scales = self.network.scales(self.normalise(warp(batch.image, maps)))
        mask = warp(training_mask(batch), maps, "nearest")
        return {"segmentation": deep_supervision_loss(scales, mask, self.cross_entropy_on)}
