"""``smp-unet``, ``unet++``, ``deeplabv3+`` and ``segformer`` from segmentation-models-pytorch (SMP)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import nn

from .options import read_options
from .pretrained_encoders import encoder_normalisation, load_encoder
from .registry import ModelSettings, register_model
from .smp_networks import (
    Encoder,
    SMPOptions,
    build_network,
    mix_transformer_encoder,
    named_encoder,
    residual_encoder,
)
from .unet import ImageOnlyModel


class SMPModel(ImageOnlyModel):
    """What the models from SMP share: an encoder by name, perhaps pretrained; images of any side are padded.

    Parameters
    ----------
    model
        Name of the model, for messages.
    architecture
        Gives the class of SMP; called late, since importing the library takes seconds.
    own_encoder
        The encoder where the user names none.
    settings
        As every model gets them; the options are those of :class:`~biclip_bench.models.smp_networks.SMPOptions`.
    **decoder
        Keyword arguments of the architecture that concern its decoder.
    """

    options_kind: ClassVar[type | None] = SMPOptions
    pretraining: ClassVar[str] = "weights=imagenet, TAG or FILE"

    def __init__(
        self,
        model: str,
        architecture: type[nn.Module],
        own_encoder: Callable[[], Encoder],
        settings: ModelSettings,
        **decoder: Any,
    ) -> None:
        options = read_options(SMPOptions, model, settings.options)
        encoder = named_encoder(model, options.encoder) if options.encoder else own_encoder()
        network = build_network(model, architecture, encoder, settings.image_size, **decoder)
        pretrained = load_encoder(model, network.inside, encoder, options.weights)
        super().__init__(network, settings, options.cross_entropy_on)
        self.normalise = encoder_normalisation(encoder, options.weights)
        self.pretrained = pretrained


def _narrowing(width: int) -> tuple[int, ...]:
    """Channels of the five decoder levels, SMP's default of 256-128-64-32-16 at width 64."""
    return (4 * width, 2 * width, width, width // 2, width // 4)


@register_model("smp-unet")
class SMPUNet(SMPModel):
    """The image-only U-Net that practitioners reach for: ResNet-34 encoder, random initial weights by default.

    The encoder follows He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

    Faithful: the library's defaults at width 64 (24.4 million parameters), its decoder of 256-128-64-32-16 channels.

    Different: ``settings.width`` scales the decoder alone; the encoder keeps its size at every width, so parameter
    counts do not compare with ``unet``. The two presets do not differ but in augmentation. Images whose side is no
    multiple of 32 are padded to one.
    """

    paper: ClassVar[str] = "Iakubovskii, segmentation-models-pytorch, 2019; He et al., ResNet, CVPR 2016"

    def __init__(self, settings: ModelSettings) -> None:
        from segmentation_models_pytorch import Unet

        channels = _narrowing(settings.width)
        super().__init__("smp-unet", Unet, lambda: Encoder("resnet34"), settings, decoder_channels=channels)


@register_model("unet++")
class UNetPlusPlus(SMPModel):
    """U-Net with nested, dense skip connections.

    Zhou et al., "UNet++: A Nested U-Net Architecture for Medical Image Segmentation", DLMIA 2018.

    Faithful: the triangle of convolution nodes between encoder and decoder, each fed by all nodes before it on its
    level and by the upsampled node below. At 224 px and width 64 the library's defaults: ResNet-34, a decoder of
    256-128-64-32-16 channels, 26.1 million parameters.

    Different: a residual encoder (the paper's main experiments use a plain one of 32 to 512 channels), the nodes
    halve the image five times instead of four, nearest-neighbour upsampling, no deep supervision. The width scales
    encoder and decoder alike (see :func:`~biclip_bench.models.smp_networks.residual_encoder`), unless an encoder is
    named.
    """

    paper: ClassVar[str] = "Zhou et al., UNet++, DLMIA 2018"

    def __init__(self, settings: ModelSettings) -> None:
        from segmentation_models_pytorch import UnetPlusPlus

        width = settings.width
        channels = _narrowing(width)
        super().__init__("unet++", UnetPlusPlus, lambda: residual_encoder(width), settings, decoder_channels=channels)


@register_model("deeplabv3+")
class DeepLabV3Plus(SMPModel):
    """Atrous spatial pyramid pooling on an encoder at 1/16, refined with one skip connection at 1/4.

    Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation", ECCV 2018.

    Faithful: output stride 16, separable convolutions with rates 12, 24 and 36 next to a 1x1 convolution and image
    pooling, a skip connection of 48 channels, bilinear upsampling by 4 twice. At width 64 the library's defaults: a
    pyramid of 256 channels, 22.4 million parameters.

    Different: a ResNet-34 in place of Xception or ResNet-101; the rates are the library's, twice those of the paper
    at this stride (6, 12, 18), and below about 400 px they reach past the border; dropout 0.5 behind the pyramid. The
    width scales encoder and pyramid (see :func:`~biclip_bench.models.smp_networks.residual_encoder`), not the skip
    connection. A training batch of one case uses running statistics in the image pooling, where batch norm is not
    defined.
    """

    paper: ClassVar[str] = "Chen et al., DeepLabv3+, ECCV 2018"

    def __init__(self, settings: ModelSettings) -> None:
        from segmentation_models_pytorch import DeepLabV3Plus as Architecture

        width = settings.width
        super().__init__(
            "deeplabv3+", Architecture, lambda: residual_encoder(width), settings, decoder_channels=4 * width
        )


@register_model("segformer")
class SegFormer(SMPModel):
    """A hierarchical transformer without positional codes, and a decoder of linear layers.

    Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", NeurIPS 2021.

    Faithful: overlapping patches, attention with sequence reduction 8-4-2-1, convolutions inside the feed-forward
    layers, all four levels joined at 1/4. Width 64 is MiT-B1 and width 32 is MiT-B0, both with the paper's decoder of
    256 channels; at 224 px and width 64, 13.7 million parameters.

    Different: other widths scale the channels of MiT-B0 and, below 32, those of the decoder (8 times the width);
    bilinear upsampling by 4 at the end is the library's. Images whose side is no multiple of 32 are padded to one.
    """

    paper: ClassVar[str] = "Xie et al., SegFormer, NeurIPS 2021"

    def __init__(self, settings: ModelSettings) -> None:
        from segmentation_models_pytorch import Segformer

        width = settings.width
        super().__init__(
            "segformer",
            Segformer,
            lambda: mix_transformer_encoder(width),
            settings,
            decoder_segmentation_channels=min(8 * width, 256),
        )
