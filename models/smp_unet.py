"""``smp-unet``: a U-Net decoder on a residual encoder, from segmentation-models-pytorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from .losses import CrossEntropyOn
from .options import read_options
from .registry import ModelSettings, register_model
from .unet import ImageOnlyModel


@dataclass(frozen=True)
class SMPUNetOptions:
    """Options of ``smp-unet``.

    Parameters
    ----------
    encoder
        Name of an encoder of segmentation-models-pytorch.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    encoder: str = "resnet34"
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("smp-unet")
class SMPUNet(ImageOnlyModel):
    """The image-only U-Net that practitioners reach for: ResNet-34 encoder, random initial weights.

    The encoder follows He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. Nothing pretrained is
    loaded. ``settings.width`` scales the decoder alone (256-128-64-32-16 at width 64, the library's default); the
    encoder keeps its size at every width, so parameter counts do not compare with ``unet``. The two presets do not
    differ. The image size must be a multiple of 32 and at least 64.
    """

    options_kind: ClassVar[type | None] = SMPUNetOptions
    paper: ClassVar[str] = "Iakubovskii, segmentation-models-pytorch, 2019; He et al., CVPR 2016"

    def __init__(self, settings: ModelSettings) -> None:
        import segmentation_models_pytorch as smp

        options = read_options(SMPUNetOptions, "smp-unet", settings.options)
        if settings.image_size % 32 or settings.image_size < 64:
            raise UserError(
                f"Model 'smp-unet' halves the image five times: its image size must be a multiple of 32 and at least "
                f"64, not {settings.image_size}."
            )
        known = smp.encoders.get_encoder_names()
        if options.encoder not in known:
            raise UserError(f"Model 'smp-unet' has no encoder {options.encoder!r}. {suggest(options.encoder, known)}")
        width = settings.width
        network = smp.Unet(
            encoder_name=options.encoder,
            encoder_weights=None,
            decoder_channels=(4 * width, 2 * width, width, width // 2, width // 4),
            in_channels=3,
            classes=1,
        )
        super().__init__(network, settings, options.cross_entropy_on)
