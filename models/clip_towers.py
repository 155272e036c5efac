"""The towers of an open_clip model: a vision transformer read at three depths, and its text tower as an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from .open_clip_source import tag_place, tag_weights
from .text_encoders import CONTEXT_LENGTH, TextEncoder, TextFeatures, tokenizer_hash
from .tiny_text_encoder import tokenise
from .weights import read_weights

HUB_FILE = "open_clip_model.safetensors"
"""The weights in a repository of open_clip, where a tag names no other file."""


class VisionTower(nn.Module):
    """An open_clip vision transformer that gives the tokens after three of its blocks; blocks behind them are dropped.

    Parameters
    ----------
    tower
        An ``open_clip.transformer.VisionTransformer``.
    blocks
        Numbers of the three blocks, from 0, rising.
    frozen
        Whether the tower stays as it is: no gradient, and evaluation mode whatever the model's.
    """

    def __init__(self, tower: Any, blocks: Sequence[int], frozen: bool) -> None:
        super().__init__()
        tower.prune_intermediate_layers(list(blocks), prune_norm=True, prune_head=True)
        self.tower = tower
        self.blocks = list(blocks)
        self.frozen = frozen
        self.width: int = tower.conv1.out_channels
        self.patch: int = tower.patch_size[0]
        if frozen:
            self.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> VisionTower:
        """Set training mode, unless the tower is frozen."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map images (B, 3, H, W) to the tokens after each block, (B, 1 + P, width), the class token first."""
        with torch.no_grad() if self.frozen else nullcontext():
            output = self.tower.forward_intermediates(
                image, indices=self.blocks, intermediates_only=True, output_fmt="NLC", output_extra_tokens=True
            )
        levels = zip(output["image_intermediates_prefix"], output["image_intermediates"], strict=True)
        return [torch.cat(level, dim=1) for level in levels]


class CLIPTextEncoder(TextEncoder):
    """The text tower of a CLIP: its pooled features are CLIP's projected text embedding, not a mean over layers.

    Parameters
    ----------
    tower
        An ``open_clip.transformer.TextTransformer`` that reads CLIP's own tokens.
    pretrained
        Whether its weights were trained.
    """

    def __init__(self, tower: Any, pretrained: bool) -> None:
        super().__init__()
        self.tower = tower
        self.pretrained = pretrained
        self.width = tower.output_dim

    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts, each cut to 32 tokens, in the joint space of image and text."""
        rows = [tokenise(text) for text in texts]
        device = self.tower.positional_embedding.device
        # CLIP pads with zeros; its attention looks back only, so what stands behind the end mark changes nothing.
        padded = torch.tensor([row + (0,) * (self.tower.context_length - len(row)) for row in rows]).to(device)
        output = self.tower.forward_intermediates(padded, indices=1, normalize_intermediates=True, output_fmt="NLC")
        lengths = torch.tensor([len(row) for row in rows], device=device)
        own = torch.arange(CONTEXT_LENGTH, device=device) < lengths[:, None]
        projection = self.tower.text_projection
        tokens = output["text_intermediates"][0][:, :CONTEXT_LENGTH]
        tokens = projection(tokens) if isinstance(projection, nn.Module) else tokens @ projection
        return TextFeatures(output["text_features"], tokens * own[..., None], own)

    def tokenizer_identity(self) -> str:
        """Hash what the tokenizer makes of a difficult text."""
        return tokenizer_hash({}, tokenise)


def create_clip(name: str, weights: str, image_size: int) -> Any:
    """Build an open_clip model for an input size, on the CPU in float32.

    Parameters
    ----------
    name
        An open_clip model with a plain vision transformer and open_clip's own text transformer, such as ``ViT-B-16``.
    weights
        A pretrained tag of that model, a file with its weights, or empty for random ones.
    image_size
        Side of the input in pixels. It is rounded up to whole patches, and positional embeddings are interpolated
        from the size that the weights were trained at.

    Raises
    ------
    UserError
        If there is no such model, it is of another kind, or the weights are unknown, cannot be fetched or do not fit.
    """
    import open_clip

    known = open_clip.list_models()
    name = name.replace("/", "-")
    if name not in known:
        raise UserError(f"open_clip has no model {name!r}. {suggest(name, known)}")
    config = open_clip.get_model_config(name)
    vision, text = config["vision_cfg"], config["text_cfg"]
    plain_vision = isinstance(vision.get("layers"), int) and "timm_model_name" not in vision
    foreign_text = text.keys() & {"hf_model_name", "hf_tokenizer_name", "no_causal_mask"}
    if not plain_vision or foreign_text or "multimodal_cfg" in config:
        raise UserError(
            f"Model 'clipseg' reads the tokens of a plain vision transformer with CLIP's own text transformer and "
            f"tokens; {name!r} is built otherwise. Choose one such as ViT-B-32, ViT-B-16 or ViT-L-14."
        )
    patch = vision["patch_size"]
    vision["image_size"] = image_size + -image_size % patch
    # Weights that a tag names say themselves which activation they were trained with.
    tag = open_clip.get_pretrained_cfg(name, weights) if weights else {}
    config["quick_gelu"] = config.get("quick_gelu", False) or tag.get("quick_gelu", False)
    config.pop("custom_text", None)
    path = (_fetched(name, weights, tag) if tag else _given(name, weights)) if weights else None
    clip = open_clip.CustomTextCLIP(**config)
    if path is not None:
        try:
            open_clip.load_checkpoint(clip, str(path), weights_only=True)
        except (RuntimeError, KeyError, AttributeError) as error:
            raise UserError(f"The weights {path} do not fit open_clip's model {name!r}: {error}") from error
    return clip


def _given(name: str, weights: str) -> Path:
    """The file with the weights, which is sound."""
    import open_clip

    path = Path(weights)
    if not path.is_file():
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise UserError(
            f"Weights {weights!r} of open_clip's model {name!r} are neither a file nor a pretrained tag. "
            f"Its tags: {tags}."
        )
    read_weights(path)
    return path


def _fetched(name: str, weights: str, tag: dict[str, Any]) -> Path:
    """The file with the weights of a tag, from the local cache or the hub."""
    import open_clip

    repository, file = tag_place(tag)
    fast = f"{name}-quickgelu"
    local = fast if tag.get("quick_gelu") and fast in open_clip.list_models() else name
    remedy = (
        f"On a machine with a network run 'hf download {repository} {file or HUB_FILE} --local-dir FOLDER', copy "
        f"FOLDER to this one, and name the file: clipseg?clip={local}&weights=FOLDER/{file or HUB_FILE}"
    )
    return tag_weights(tag, f"open_clip's {name} with the weights {weights}", remedy)
