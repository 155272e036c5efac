"""The contract of a text encoder, and the registry that finds it by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

from torch import Tensor, nn

from biclip_bench.registry import Registry

CONTEXT_LENGTH = 32
"""Tokens of a text that an encoder reads; the rest is cut off (BiCLIP)."""


class TextEncoder(nn.Module, ABC):
    """Text in, one pooled feature vector a text out.

    Attributes
    ----------
    width
        Length of the feature vector.
    frozen
        Whether training leaves the encoder as it is; set by :meth:`freeze`.
    """

    width: int
    frozen: bool = False

    @abstractmethod
    def forward(self, texts: Sequence[str]) -> Tensor:
        """Encode texts.

        Returns
        -------
        Tensor
            (B, width) on the encoder's device: the outputs of its first, second and last layer, averaged over the
            text's own tokens (at most :data:`CONTEXT_LENGTH`, no padding) and over the three layers.
        """

    def freeze(self) -> Self:
        """Take the encoder out of training: no gradient, and evaluation mode for good."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        """Switch training mode, which a frozen encoder never enters."""
        return super().train(mode and not self.frozen)


text_encoder_registry: Registry[Callable[[str], TextEncoder]] = Registry("text encoder", "biclip_bench.text_encoders")


def register_text_encoder(name: str) -> Callable[[Callable[[str], TextEncoder]], Callable[[str], TextEncoder]]:
    """Return a decorator that registers a function from the part of the specification behind ``name:`` to an encoder.

    The function gets an empty string where there is no such part.
    """
    return text_encoder_registry.register(name)


def build_text_encoder(spec: str) -> TextEncoder:
    """Build a text encoder.

    Parameters
    ----------
    spec
        ``"name"`` or ``"name:argument"``; what the argument means is the encoder's business (``"tiny"`` takes none).

    Raises
    ------
    UserError
        If no encoder has this name or it does not take the argument.
    """
    name, _, argument = spec.partition(":")
    return text_encoder_registry.get(name)(argument)
