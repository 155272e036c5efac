"""ConvNeXt-Tiny as an encoder, and its published weights under whichever library's names they were saved."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from .weights import load_into, read_weights

DEPTHS = (3, 3, 9, 3)
"""Blocks of the four stages (Liu et al., "A ConvNet for the 2020s", CVPR 2022, ConvNeXt-T)."""

_BLOCK = r"stages_\1.blocks.\2"
_TO_TIMM = (
    # timm, whole classifier
    (r"stem\.(\d)\.", r"stem_\1."),
    (r"stages\.(\d)\.(blocks|downsample)\.", r"stages_\1.\2."),
    # Meta's release
    (r"downsample_layers\.0\.(\d)\.", r"stem_\1."),
    (r"downsample_layers\.(\d)\.(\d)\.", r"stages_\1.downsample.\2."),
    (r"stages\.(\d)\.(\d+)\.", _BLOCK + "."),
    # transformers
    (r"(?:convnext\.)?embeddings\.patch_embeddings\.", "stem_0."),
    (r"(?:convnext\.)?embeddings\.layernorm\.", "stem_1."),
    (r"(?:convnext\.)?encoder\.stages\.(\d)\.layers\.(\d+)\.", _BLOCK + "."),
    (r"(?:convnext\.)?encoder\.stages\.(\d)\.downsampling_layer\.(\d)\.", r"stages_\1.downsample.\2."),
)
_INSIDE_A_BLOCK = {
    "layer_scale_parameter": "gamma",
    "layer_scale": "gamma",
    "dwconv": "conv_dw",
    "block.0": "conv_dw",
    "layernorm": "norm",
    "block.2": "norm",
    "pwconv1": "mlp.fc1",
    "block.3": "mlp.fc1",
    "pwconv2": "mlp.fc2",
    "block.5": "mlp.fc2",
}
_CLASSIFIER = re.compile(r"(head|norm|classifier|(convnext\.)?layernorm)\.")


def stage_channels(width: int) -> tuple[int, int, int, int]:
    """Return the channels at 1/4, 1/8, 1/16 and 1/32 of the image: 96-192-384-768 at width 64, in proportion to it."""
    first = 3 * width // 2
    return first, 2 * first, 4 * first, 8 * first


def convnext_tiny(width: int) -> nn.Module:
    """Build timm's ConvNeXt-Tiny without its classifier, with random initial weights.

    Parameters
    ----------
    width
        Even. Scales the channels, not the depths.

    Returns
    -------
    nn.Module
        Maps images (B, 3, H, W), H and W multiples of 32, to a list of the four stages' maps (:func:`stage_channels`).
    """
    import timm

    encoder: nn.Module = timm.create_model(
        "convnext_tiny", pretrained=False, features_only=True, depths=DEPTHS, dims=stage_channels(width)
    )
    return encoder


def timm_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a ConvNeXt to those of :func:`convnext_tiny` and leave the classifier out.

    Parameters
    ----------
    weights
        As timm, torchvision, transformers or Meta's own release name them. A name of none of these stays as it is.
    """
    renamed = {}
    for name, tensor in weights.items():
        if _CLASSIFIER.match(name):
            continue
        name = _torchvision_name(name)
        for pattern, replacement in _TO_TIMM:
            name, found = re.subn(f"^{pattern}", replacement, name)
            if found:
                break
        head, block, tail = re.split(r"(\.blocks\.\d+\.)", name, maxsplit=1) if ".blocks." in name else (name, "", "")
        for theirs, ours in _INSIDE_A_BLOCK.items():
            if tail == theirs or tail.startswith(f"{theirs}."):
                tail = ours + tail.removeprefix(theirs)
                break
        renamed[head + block + tail] = tensor.flatten() if tail == "gamma" else tensor
    return renamed


def load_convnext(encoder: nn.Module, path: Path, width: int) -> str:
    """Load published weights into :func:`convnext_tiny`.

    Parameters
    ----------
    encoder
        Takes the weights.
    path
        See :func:`~biclip_bench.models.weights.read_weights`.
    width
        That of the encoder, for the message.

    Returns
    -------
    str
        Which weights these are: the file's name and the first 16 digits of its SHA-256.

    Raises
    ------
    UserError
        If the file cannot be read, or its tensors are not those of this encoder.
    """
    channels = "-".join(str(channels) for channels in stage_channels(width))
    what = f"the ConvNeXt-Tiny of width {width} ({channels} channels; published weights fit width 64)"
    load_into(encoder, timm_names(read_weights(path)), path, what)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"ConvNeXt-Tiny weights {path.name} (SHA-256 {digest[:16]})"


def _torchvision_name(name: str) -> str:
    """Rename torchvision's ``features.0`` to ``features.7``: stem, then stages and the downsamplings between them."""
    found = re.match(r"features\.(\d)\.(\d+)\.(.+)", name)
    if not found:
        return name
    part, item, rest = int(found[1]), found[2], found[3]
    if part == 0:
        return f"stem_{item}.{rest}"
    stage = part // 2
    return f"stages_{stage}.downsample.{item}.{rest}" if part % 2 == 0 else f"stages_{stage}.blocks.{item}.{rest}"
