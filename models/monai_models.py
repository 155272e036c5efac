"""``attention-unet`` and ``swin-unetr`` from MONAI."""

from __future__ import annotations

from typing import ClassVar

from .options import read_options
from .padding import Padded
from .registry import ModelSettings, register_model
from .unet import ImageOnlyModel, UNetOptions


@register_model("attention-unet")
class AttentionUNet(ImageOnlyModel):
    """U-Net whose skip connections pass through a gate that the coarser level controls.

    Oktay et al., "Attention U-Net: Learning Where to Look for the Pancreas", MIDL 2018.

    Faithful: five levels, an additive attention gate on each of the four skip connections. At 224 px and width 64 the
    levels are 64-128-256-512-1024 channels wide, 31.7 million parameters. The width scales every level.

    Different: MONAI's network, in two dimensions: strided convolutions in place of pooling; the gating signal is
    upsampled by a transposed convolution before the gate, so that image and signal meet at the finer resolution; one
    convolution, not two, behind each join; no deep supervision.
    """

    options_kind: ClassVar[type | None] = UNetOptions
    paper: ClassVar[str] = "Oktay et al., Attention U-Net, MIDL 2018"

    def __init__(self, settings: ModelSettings) -> None:
        from monai.networks.nets.attentionunet import AttentionUnet

        options = read_options(UNetOptions, "attention-unet", settings.options)
        network = AttentionUnet(
            spatial_dims=2,
            in_channels=3,
            out_channels=1,
            channels=[settings.width * 2**level for level in range(5)],
            strides=[2] * 4,
        )
        super().__init__(network, settings, options.cross_entropy_on)


@register_model("swin-unetr")
class SwinUNETR(ImageOnlyModel):
    """A Swin transformer as encoder, with a residual convolutional decoder.

    Hatamizadeh et al., "Swin UNETR: Swin Transformers for Semantic Segmentation of Brain Tumors in MRI Images",
    BrainLes 2021.

    Faithful: patches of 2 px, windows of 7, two blocks a level, 3-6-12-24 heads, instance norm in the decoder. At
    width 64 the feature size is the paper's 48, in two dimensions 25.1 million parameters.

    Different: two dimensions. The feature size is 3/4 of the width, rounded up to a multiple of 12, because the first
    level has three heads and MONAI asks for it: 12 up to width 16, so that width 4 and 8 are the same network. Images
    are padded to a multiple of 32, at least 64 px: of 32 px one pixel would be left, which instance norm cannot take.
    """

    options_kind: ClassVar[type | None] = UNetOptions
    paper: ClassVar[str] = "Hatamizadeh et al., Swin UNETR, BrainLes 2021"

    def __init__(self, settings: ModelSettings) -> None:
        from monai.networks.nets.swin_unetr import SwinUNETR as Network

        options = read_options(UNetOptions, "swin-unetr", settings.options)
        feature_size = 12 * -(-settings.width // 16)
        network = Network(in_channels=3, out_channels=1, feature_size=feature_size, spatial_dims=2)
        super().__init__(Padded(network, multiple=32, least=64), settings, options.cross_entropy_on)
