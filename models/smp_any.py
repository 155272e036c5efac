"""``smp:ARCHITECTURE``: everything that segmentation-models-pytorch (SMP) can build."""

from __future__ import annotations

import inspect
from typing import ClassVar

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from .registry import ModelSettings, register_model
from .smp_models import SMPModel
from .smp_networks import named_encoder


@register_model("smp")
class SMPArchitecture(SMPModel):
    """Any architecture of SMP on any of its encoders: ``smp:FPN?encoder=mobilenet_v2``.

    Faithful: every setting is the library's default, the encoder included where none is named (ResNet-34; for DPT a
    ViT-B/16), but the initial weights: they are random unless ``weights`` says otherwise.

    Different: ``settings.width`` scales nothing. Images are padded to a multiple of 32, for PAN to at least 128 px. A
    vision transformer of fixed input size is built for the padded image. Under the paper preset only the
    augmentation changes.
    """

    paper: ClassVar[str] = "Iakubovskii, segmentation-models-pytorch, 2019"
    argument: ClassVar[str] = "an architecture of segmentation-models-pytorch"

    def __init__(self, settings: ModelSettings) -> None:
        import segmentation_models_pytorch as smp

        known = {architecture.__name__: architecture for architecture in smp.MODEL_ARCHITECTURES_MAPPING.values()}
        name = {lower.lower(): lower for lower in known}.get(settings.argument.lower())
        if name is None:
            raise UserError(
                f"segmentation-models-pytorch has no architecture {settings.argument!r}. "
                f"{suggest(settings.argument, list(known))}"
            )
        architecture = known[name]
        encoder = inspect.signature(architecture.__init__).parameters["encoder_name"].default
        spec = f"smp:{name}"
        super().__init__(spec, architecture, lambda: named_encoder(spec, encoder), settings)
