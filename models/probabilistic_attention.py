"""Cross-attention whose keys and values are Gaussians, and the adapter that runs it both ways (MedCLIPSeg)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONFIDENCE_PENALTY = 2.35
"""Beta of MedCLIPSeg: a normal distribution's full width at half maximum, 2 sqrt(2 ln 2) standard deviations."""

INITIAL_LOG_VARIANCE = -3.0
"""Bias of the variances before softplus: every token starts as a confident one, with a variance of about 0.05."""

_SMALLEST_VARIANCE = 1e-6
"""Keeps the gradient of a standard deviation finite."""


def confidence_weights(query: Tensor, mean: Tensor, variance: Tensor, own: Tensor | None = None) -> Tensor:
    """Compute attention weights that are lower where a key is uncertain.

    With d the length of a head, ``softmax(q . mean / sqrt(d) - beta sqrt(q^2 . variance / d))``: the dot product of a
    query and a Gaussian key has that mean and that standard deviation.

    Parameters
    ----------
    query
        (B, heads, N, d).
    mean, variance
        (B, heads, M, d) of the keys; the variance is not negative.
    own
        (B, M), bool: keys that may be attended to; None for all.

    Returns
    -------
    Tensor
        (B, heads, N, M), summing to one over the keys.
    """
    query, mean, variance = query.float(), mean.float(), variance.float()
    length = query.shape[-1]
    score = query @ mean.transpose(-1, -2) / math.sqrt(length)
    spread = (query.square() @ variance.transpose(-1, -2) / length + _SMALLEST_VARIANCE).sqrt()
    score = score - CONFIDENCE_PENALTY * spread
    if own is not None:
        score = score.masked_fill(~own[:, None, None], -torch.inf)
    return score.softmax(dim=-1)


class ProbabilisticAttention(nn.Module):
    """Let one sequence query another, and mix what it hears into itself through a gate.

    Values are drawn from their distributions in training and are their means in evaluation. The gate
    ``g = sigmoid(W [x; o])`` gives ``g o + (1 - g) x``.

    Parameters
    ----------
    width, heads
        Length of a token of either sequence, and number of attention heads, which divides it.
    probabilistic
        Whether keys and values have a variance; without it this is the usual cross-attention.
    """

    def __init__(self, width: int, heads: int, probabilistic: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.probabilistic = probabilistic
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        if probabilistic:
            self.key_variance = nn.Linear(width, width)
            self.value_variance = nn.Linear(width, width)
            nn.init.constant_(self.key_variance.bias, INITIAL_LOG_VARIANCE)
            nn.init.constant_(self.value_variance.bias, INITIAL_LOG_VARIANCE)
        self.output = nn.Linear(width, width)
        self.gate = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, context: Tensor, own: Tensor | None = None) -> Tensor:
        """Map (B, N, width) and what it queries, (B, M, width), to (B, N, width); ``own`` marks tokens (B, M)."""
        key, value = self._split(self.key(context)), self.value(context)
        variance = F.softplus(self.key_variance(context)) if self.probabilistic else torch.zeros_like(value)
        weights = confidence_weights(self._split(self.query(x)), key, self._split(variance), own)
        if self.probabilistic and self.training:
            deviation = F.softplus(self.value_variance(context)).sqrt()
            value = value + deviation * torch.randn_like(deviation)
        heard = weights.to(value.dtype) @ self._split(value)
        heard = self.output(heard.transpose(1, 2).flatten(2))
        gate = self.gate(torch.cat([x, heard], dim=-1)).sigmoid()
        mixed: Tensor = gate * heard + (1 - gate) * x
        return mixed

    def _split(self, tokens: Tensor) -> Tensor:
        """Deal (B, N, width) to the heads: (B, heads, N, width / heads)."""
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class BidirectionalAdapter(nn.Module):
    """Patches query words and words query patches, in a narrow shared space; both take up what they heard.

    Parameters
    ----------
    patch_width, text_width
        Length of the patch and of the text tokens.
    shared
        Width of the shared space, a multiple of ``heads``.
    heads
        Attention heads of each direction.
    probabilistic
        See :class:`ProbabilisticAttention`.
    bidirectional
        Whether words query patches too.
    """

    def __init__(
        self, patch_width: int, text_width: int, shared: int, heads: int, probabilistic: bool, bidirectional: bool
    ) -> None:
        super().__init__()
        self.patches_down = nn.Sequential(nn.LayerNorm(patch_width), nn.Linear(patch_width, shared))
        self.text_down = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, shared))
        self.to_patches = ProbabilisticAttention(shared, heads, probabilistic)
        self.patches_up = nn.Linear(shared, patch_width)
        self.bidirectional = bidirectional
        if bidirectional:
            self.to_text = ProbabilisticAttention(shared, heads, probabilistic)
            self.text_up = nn.Linear(shared, text_width)

    def forward(self, patches: Tensor, text: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Update patch tokens (B, P, patch_width) and text tokens (B, L, text_width); ``own`` (B, L) marks words."""
        narrow_patches, narrow_text = self.patches_down(patches), self.text_down(text)
        patches = patches + self.patches_up(self.to_patches(narrow_patches, narrow_text, own))
        if self.bidirectional:
            text = text + self.text_up(self.to_text(narrow_text, narrow_patches))
        return patches, text
