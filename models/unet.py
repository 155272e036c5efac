"""``unet``: the image-only control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from .augmentation import GeometricAugmentation, geometric_augmentation, warp
from .classic_unet import ClassicUNet
from .losses import CrossEntropyOn, segmentation_loss, training_mask
from .options import read_options
from .registry import Batch, ModelSettings, SegmentationModel, register_model
from .views import normalise_image


@dataclass(frozen=True)
class UNetOptions:
    """Options of ``unet``.

    Parameters
    ----------
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    cross_entropy_on: CrossEntropyOn = "logits"


class ImageOnlyModel(SegmentationModel):
    """What image-only models share: normalise, augment, one network, one loss.

    Parameters
    ----------
    network
        Maps normalised images (B, 3, H, W) to logits (B, 1, H, W).
    settings
        The preset in them chooses the augmentation: under ``"paper"`` it is BiCLIP's.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    uses_text: bool = False

    def __init__(self, network: nn.Module, settings: ModelSettings, cross_entropy_on: CrossEntropyOn) -> None:
        super().__init__()
        self.normalise = normalise_image()
        self.network = network
        self.cross_entropy_on: CrossEntropyOn = cross_entropy_on
        self.augmentation = geometric_augmentation(settings.preset, GeometricAugmentation())

    def forward(self, batch: Batch) -> Tensor:
        """Predict logits (B, 1, H, W) from the image alone."""
        logits: Tensor = self.network(self.normalise(batch.image))
        return logits

    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute ``segmentation``: Dice plus cross-entropy on the augmented image."""
        maps = self.augmentation.draw(len(batch.image))
        logits = self.network(self.normalise(warp(batch.image, maps)))
        mask = warp(training_mask(batch), maps, "nearest")
        return {"segmentation": segmentation_loss(logits, mask, self.cross_entropy_on)}


@register_model("unet")
class UNet(ImageOnlyModel):
    """The very U-Net inside BiCLIP and EF-UNet, fed with the image alone.

    Ronneberger, Fischer and Brox, MICCAI 2015. Only its first convolution is narrower than in the text-guided models
    (3 channels in, not 6), so a difference to them is due to the text and the regularisers.

    Faithful: the levels, 64-128-256-512-1024 at width 64, and the transposed-convolution upsampling. Different from
    2015: padded convolutions, batch norm, Dice plus cross-entropy, and affine maps with flips in place of elastic
    deformation.
    """

    options_kind: ClassVar[type | None] = UNetOptions
    paper: ClassVar[str] = "Ronneberger et al., U-Net, MICCAI 2015"

    def __init__(self, settings: ModelSettings) -> None:
        options = read_options(UNetOptions, "unet", settings.options)
        super().__init__(ClassicUNet(in_channels=3, width=settings.width), settings, options.cross_entropy_on)
