"""``tiny``: a small CLIP-like text transformer, trained from scratch and built without a download."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from biclip_bench.errors import UserError

from .text_encoders import CONTEXT_LENGTH, TextEncoder, TextFeatures, register_text_encoder, text_features

WIDTH = 128
LAYERS = 3
HEADS = 4
TABLE_ROWS = 1024

_VOCABULARY = 49408
_PADDING = _VOCABULARY
"""One past CLIP's last token: its own padding, 0, is also the exclamation mark."""


class SplitEmbedding(nn.Module):
    """Embed 16-bit token numbers as the sum of a row from each of two small tables.

    CLIP's vocabulary is built for the whole web, while reports use a few hundred of its words: a full table would
    hold most of a small model's parameters, and the optimiser would visit all of them at every step. The number is
    scrambled (times an odd constant modulo 2^16, which loses nothing); its low ten bits choose the row of one table
    and its high ten bits the row of the other. Ten and ten cover all sixteen, so no two tokens share both rows.
    The idea is that of complementary partitions (Shi et al., "Compositional Embeddings Using Complementary
    Partitions for Memory-Efficient Recommendation Systems", KDD 2020).

    Parameters
    ----------
    width
        Length of an embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.low = nn.Embedding(TABLE_ROWS, width)
        self.high = nn.Embedding(TABLE_ROWS, width)
        for table in (self.low, self.high):
            nn.init.normal_(table.weight, std=0.02 * 0.5**0.5)  # the sum gets CLIP's deviation of 0.02

    @staticmethod
    def rows(tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows that tokens, int64 in [0, 65535], take from the two tables."""
        scrambled = (tokens * 40503) & 0xFFFF
        return scrambled & (TABLE_ROWS - 1), scrambled >> 6

    def forward(self, tokens: Tensor) -> Tensor:
        """Embed tokens of shape (B, L) as (B, L, width)."""
        low, high = self.rows(tokens)
        embedded: Tensor = self.low(low) + self.high(high)
        return embedded


@cache
def _tokenizer() -> Any:
    from open_clip.tokenizer import SimpleTokenizer  # ships with its vocabulary: no network

    return SimpleTokenizer(context_length=CONTEXT_LENGTH)


@lru_cache(maxsize=65536)
def tokenise(text: str) -> tuple[int, ...]:
    """Return CLIP's tokens of a text between its start and end marks, at most 32, the last being the end mark."""
    tokenizer = _tokenizer()
    words = tokenizer.encode(text)[: CONTEXT_LENGTH - 2]
    return (tokenizer.sot_token_id, *words, tokenizer.eot_token_id)


class TinyTextEncoder(TextEncoder):
    """open_clip's text transformer, 128 wide, 3 layers, 4 heads, bidirectional, with random initial weights.

    It stands in for the frozen CXR-BERT of the papers where nothing can be downloaded: it knows only the texts it was
    trained on. The final layer norm is applied to each of the three layers' outputs, because this transformer
    normalises before its layers and not, like BERT, after them.
    """

    def __init__(self) -> None:
        super().__init__()
        from open_clip.transformer import TextTransformer

        self.width = WIDTH
        self.tower = TextTransformer(
            context_length=CONTEXT_LENGTH,
            vocab_size=1,  # replaced below
            width=WIDTH,
            heads=HEADS,
            layers=LAYERS,
            no_causal_mask=True,
            use_pad_mask=True,
            pad_id=_PADDING,
            proj_type="none",
        )
        self.tower.token_embedding = SplitEmbedding(WIDTH)

    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts, 128 wide."""
        rows = [tokenise(text) for text in texts]
        device = self.tower.positional_embedding.device
        padded = torch.tensor([row + (_PADDING,) * (CONTEXT_LENGTH - len(row)) for row in rows]).to(device)
        outputs = self.tower.forward_intermediates(
            padded,
            indices=[0, 1, LAYERS - 1],
            normalize_intermediates=True,
            intermediates_only=True,
            output_fmt="NLC",
        )["text_intermediates"]
        return text_features(outputs, padded != _PADDING)


@register_text_encoder("tiny")
def build_tiny(argument: str) -> TinyTextEncoder:
    """``tiny``: a small text transformer trained from scratch with the model; the default, needs no download.

    Raises
    ------
    UserError
        If an argument is given.
    """
    if argument:
        raise UserError(f"The text encoder 'tiny' takes no argument, but was given {argument!r}: write just 'tiny'.")
    return TinyTextEncoder()
