"""The decoder of CLIPSeg: visual tokens of several depths, modulated by the text, through a light transformer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

HEADS = 4
"""Attention heads of the decoder's blocks (CLIPSeg)."""

HIDDEN_PER_CHANNEL = 32
"""Hidden width of a block's perceptron over its width: 2048 over 64 in CLIPSeg."""

PRIOR_LOGIT = -2.0
"""Logit that every pixel starts near, a probability of 0.12: lesions are smaller than the rest of an image."""


class FiLMDecoder(nn.Module):
    """Decode tokens to logits.

    Lueddecke and Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022, section 3: the tokens of each
    depth are projected to a narrow width and added to the decoder's own, which pass one transformer block a depth,
    the deepest first. Before the first block the text modulates every token alike (feature-wise linear modulation,
    Dumoulin et al., Distill 2018: ``scale * token + shift``). Here the scale starts near one, so that no text switches
    a channel off before anything is learnt, and the logits start near :data:`PRIOR_LOGIT`.

    Parameters
    ----------
    depths
        Number of depths.
    token_width, text_width
        Length of a visual token and of a text embedding.
    width
        Width of the decoder, a multiple of 4 (64 in the paper).
    patch
        Side of a token's patch in pixels, even.
    refined
        Whether a 3x3 convolution and two transposed convolutions, of stride patch/4 and 4 (patch/2 and 2 where 4 does
        not divide the patch), draw the logits; otherwise one transposed convolution does, patch by patch.
    """

    def __init__(
        self,
        depths: int,
        token_width: int,
        text_width: int,
        width: int,
        patch: int,
        refined: bool = True,
        norm_first: bool = True,
    ) -> None:
        super().__init__()
        self.scale = nn.Linear(text_width, width)
        self.shift = nn.Linear(text_width, width)
        nn.init.ones_(self.scale.bias)
        self.projections = nn.ModuleList(nn.Linear(token_width, width) for _ in range(depths))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, HEADS, HIDDEN_PER_CHANNEL * width, dropout=0.0, batch_first=True, norm_first=norm_first
            )
            for _ in range(depths)
        )
        last = (4 if patch % 4 == 0 else 2) if refined else patch
        before = [
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, width // 2, kernel_size=patch // last, stride=patch // last),
            nn.ReLU(inplace=True),
        ]
        draw = nn.ConvTranspose2d(width // 2 if refined else width, 1, kernel_size=last, stride=last)
        assert draw.bias is not None
        nn.init.constant_(draw.bias, PRIOR_LOGIT)
        self.head = nn.Sequential(*(before if refined else []), draw)

    def forward(self, levels: Sequence[Tensor], text: Tensor) -> Tensor:
        """Predict logits (B, 1, H, W).

        Parameters
        ----------
        levels
            Tokens of each depth, (B, 1 + P, token_width), the class token first, the shallowest depth first; P is the
            square of the number of patches along a side.
        text
            (B, text_width).
        """
        tokens: Tensor | None = None
        for level, projection, block in zip(reversed(levels), self.projections, self.blocks, strict=True):
            if tokens is None:
                tokens = self.scale(text)[:, None] * projection(level) + self.shift(text)[:, None]
            else:
                tokens = tokens + projection(level)
            tokens = block(tokens)
        assert tokens is not None
        patches = tokens[:, 1:].transpose(1, 2)
        side = int(patches.shape[-1] ** 0.5)
        logits: Tensor = self.head(patches.reshape(*patches.shape[:2], side, side))
        return logits
