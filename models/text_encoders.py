"""The contract of a text encoder, and the registry that finds it by name."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from biclip_bench.registry import Registry

CONTEXT_LENGTH = 32
"""Tokens of a text that an encoder reads; the rest is cut off (BiCLIP)."""


_PROBE = "Bilateral PNEUMONIA, naïve-looking; 2 areas (12.5 %): 左肺 lower-left, it's n't clear!"


@dataclass(frozen=True)
class TextFeatures:
    """What an encoder says about B texts; L is :data:`CONTEXT_LENGTH` whatever the texts' lengths.

    Parameters
    ----------
    pooled
        (B, width): the outputs of the first, second and last layer, averaged over the text's own tokens (no padding)
        and over the three layers.
    tokens
        (B, L, width): the last layer's output, token by token; zero at padding.
    own
        (B, L), bool: whether a token belongs to the text. Own tokens come first; every text has at least one.
    """

    pooled: Tensor
    tokens: Tensor
    own: Tensor


def text_features(layers: Sequence[Tensor], own: Tensor) -> TextFeatures:
    """Pool the outputs of the first, second and last layer, each (B, L, width), over the tokens that ``own`` marks."""
    marked = own[..., None]
    pooled = (torch.stack(list(layers)).mean(dim=0) * marked).sum(dim=1) / marked.sum(dim=1)
    return TextFeatures(pooled, layers[-1] * marked, own)


class TextEncoder(nn.Module, ABC):
    """Text in, features out.

    Attributes
    ----------
    width
        Length of a feature vector.
    pretrained
        Whether its weights were trained on texts beforehand. Such an encoder is frozen unless fine-tuning is asked
        for, the others learn unless freezing is.
    files
        What it was read from; a frozen encoder is read again when they change.
    """

    width: int
    pretrained: bool = False
    files: tuple[Path, ...] = ()
    frozen: ClassVar[bool] = False

    @abstractmethod
    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts, on the encoder's device."""

    def tokenizer_identity(self) -> str:
        """What besides its class and weights determines the features, such as a hash of the vocabulary."""
        return ""

    def fingerprint(self) -> str:
        """Hash the class, the tokenizer and all weights: two encoders that share it give the same features."""
        content = hashlib.sha256(f"{type(self).__qualname__} {CONTEXT_LENGTH} {self.tokenizer_identity()}".encode())
        for name, weight in sorted(self.state_dict().items()):
            content.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
            content.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return content.hexdigest()


def tokenizer_hash(vocabulary: Mapping[str, int], tokenise: Callable[[str], Sequence[int]]) -> str:
    """Hash a vocabulary and the tokens of a text that shows how capitals, accents, digits and signs are treated.

    The files of a tokenizer would not do: two libraries, or two versions of one, write the same tokenizer differently.
    """
    entries = "\n".join(f"{token} {number}" for token, number in sorted(vocabulary.items()))
    return hashlib.sha256(f"{entries}\n{list(tokenise(_PROBE))}".encode(errors="surrogatepass")).hexdigest()


text_encoder_registry: Registry[Callable[[str], TextEncoder]] = Registry("text encoder", "biclip_bench.text_encoders")


def register_text_encoder(name: str) -> Callable[[Callable[[str], TextEncoder]], Callable[[str], TextEncoder]]:
    """Return a decorator that registers a function from the part of the specification behind ``name:`` to an encoder.

    The function gets an empty string where there is no such part.
    """
    return text_encoder_registry.register(name)
