"""Networks of segmentation-models-pytorch (SMP): choose an encoder, build, say clearly what the library refuses."""

from __future__ import annotations

import difflib
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from biclip_bench.errors import UserError

from .batch_norm import tolerate_single_values
from .losses import CrossEntropyOn
from .padding import Padded, padded_side

TIMM = "tu-"
"""What SMP writes before the name of a timm model that serves as encoder."""

_LEAST_SIDE = {"PAN": 128}
"""PAN pools its deepest map (1/16) three times more: 8 pixels, which 128 px of the image give."""


@dataclass(frozen=True)
class SMPOptions:
    """Options of every model from segmentation-models-pytorch.

    Parameters
    ----------
    encoder
        Name of an encoder of the library, such as ``resnet50``, or ``tu-`` and the name of a timm model; empty for the
        model's own.
    weights
        What the encoder begins with: ``none`` (random weights), ``imagenet`` or another tag of the library
        (downloaded), or a file. See :func:`~biclip_bench.models.pretrained_encoders.load_encoder`.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    encoder: str = ""
    weights: str = "none"
    cross_entropy_on: CrossEntropyOn = "logits"


@dataclass(frozen=True)
class Encoder:
    """An encoder as SMP builds it.

    Parameters
    ----------
    name
        In SMP.
    settings
        Keyword arguments for timm that change its channels.
    instead_of
        The published encoder from which it differs in its channels, so that no published weights fit; else empty.
    chosen
        Whether the user named it, so that nobody has tried it yet.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    instead_of: str = ""
    chosen: bool = False


def residual_encoder(width: int) -> Encoder:
    """Choose ResNet-34 (He et al., CVPR 2016) with ``width`` channels in its first level, 64 in the paper.

    At any other width all channels are scaled alike, and three 3x3 convolutions take the place of the 7x7 stem
    (ResNet-D), because timm keeps the latter 64 channels wide.
    """
    if width == 64:
        return Encoder("resnet34")
    channels = tuple(width * 2**level for level in range(4))
    settings = {"channels": channels, "stem_type": "deep", "stem_width": width // 2}
    return Encoder(f"{TIMM}resnet34", settings, instead_of="resnet34")


def mix_transformer_encoder(width: int) -> Encoder:
    """Choose the mix transformer of SegFormer (Xie et al., NeurIPS 2021) with ``width`` channels in its first level.

    Width 32 is MiT-B0 and width 64 is MiT-B1: two blocks a level, 1-2-5-8 heads, channels in the same proportion. Any
    other width is registered with SMP as an encoder of its own, the way the library documents.
    """
    from segmentation_models_pytorch.encoders import encoders

    if width in (32, 64):
        return Encoder("mit_b0" if width == 32 else "mit_b1")
    name = f"mit_width{width}"
    if name not in encoders:
        b0 = encoders["mit_b0"]
        channels = [width * heads for heads in b0["params"]["num_heads"]]
        params = {**b0["params"], "embed_dims": channels, "out_channels": [3, 0, *channels]}
        encoders[name] = {"encoder": b0["encoder"], "pretrained_settings": {}, "params": params}
    return Encoder(name, instead_of="mit_b0")


def named_encoder(model: str, name: str) -> Encoder:
    """Look an encoder up by the name that a user gave.

    Raises
    ------
    UserError
        If neither SMP nor timm has it.
    """
    import timm
    from segmentation_models_pytorch.encoders import get_encoder_names

    known: list[str] = get_encoder_names()
    if name in known or (name.startswith(TIMM) and timm.is_model(name.removeprefix(TIMM))):
        return Encoder(name, chosen=True)
    close = difflib.get_close_matches(name, [*known, *(TIMM + other for other in timm.list_models())], n=5, cutoff=0.5)
    hint = f"Did you mean {', '.join(map(repr, close))}? " if close else ""
    raise UserError(
        f"Model {model!r} has no encoder {name!r}. {hint}Known are the encoders of segmentation-models-pytorch "
        f"({', '.join(known[:3])}, ...) and, with '{TIMM}' in front, the models of timm."
    )


def build_network(
    model: str, architecture: type[nn.Module], encoder: Encoder, image_size: int, **decoder: Any
) -> Padded:
    """Build a network with random weights, and try it once where the user chose the encoder.

    Parameters
    ----------
    model
        Name of the model, for messages.
    architecture
        A class of SMP.
    encoder
        See above.
    image_size
        Side of the input in pixels.
    **decoder
        Keyword arguments of the architecture that concern its decoder.

    Raises
    ------
    UserError
        If SMP or timm refuses the combination.
    """
    name = architecture.__name__
    least = _LEAST_SIDE.get(name, 0)
    try:
        settings = {**encoder.settings, **_fixed_size(encoder.name, padded_side(image_size, 32, least))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = architecture(
                encoder_name=encoder.name, encoder_weights=None, in_channels=3, classes=1, **decoder, **settings
            )
        tolerate_single_values(network)
        padded = Padded(network, math.lcm(32, int(network.encoder.output_stride)), least)  # type: ignore[union-attr, arg-type]
        if encoder.chosen:
            _try_once(padded, image_size)
    except Exception as error:  # the libraries raise whatever comes to hand
        raise UserError(
            f"Model {model!r}: {name} of segmentation-models-pytorch does not work with the encoder {encoder.name!r} "
            f"at {image_size} px ({type(error).__name__}: {' '.join(str(error).split())}). Choose another encoder."
        ) from error
    return padded


def timm_facts(encoder: str) -> Any:
    """What timm knows of a ``tu-`` encoder's published weights (its ``PretrainedCfg``); None for any other encoder."""
    import timm

    return timm.get_pretrained_cfg(encoder.removeprefix(TIMM)) if encoder.startswith(TIMM) else None


def _fixed_size(encoder: str, side: int) -> dict[str, Any]:
    """The image size for timm models that are built for one, such as vision transformers."""
    facts = timm_facts(encoder)
    return {"img_size": side} if facts is not None and facts.fixed_input_size else {}


def _try_once(network: nn.Module, image_size: int) -> None:
    network.eval()
    with torch.no_grad():
        shape = tuple(network(torch.zeros(1, 3, image_size, image_size)).shape)
    network.train()
    if shape != (1, 1, image_size, image_size):
        raise ValueError(f"it predicts {shape}")
