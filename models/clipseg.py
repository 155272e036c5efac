"""``clipseg``: a light transformer decoder on the tokens of a CLIP vision transformer, modulated by the text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

from biclip_bench.errors import UserError

from .clip_towers import CLIPTextEncoder, VisionTower, create_clip
from .film_decoder import FiLMDecoder
from .frozen_text import FrozenTextEncoder
from .losses import CrossEntropyOn
from .options import read_options
from .padding import pad_to_multiple
from .registry import ModelSettings, register_model
from .text_encoders import TextFeatures
from .text_guided import TextGuidedModel
from .views import Normalise

SMALL_BLOCKS = 6
"""Blocks of the vision transformer that is trained from scratch; it is read after every second."""
SMALL_HEADS = 6
SMALL_CHANNELS_PER_WIDTH = 6
"""Its tokens are six times as long as the network is wide: 384, as in ViT-S, at width 64."""
SMALLEST_DECODER = 32
"""Below this many channels the decoder's blocks have too few a head to tell places apart."""


@dataclass(frozen=True)
class CLIPSegOptions:
    """Options of ``clipseg``.

    Parameters
    ----------
    clip
        An open_clip model such as ``ViT-B-16``, whose vision tower is used. Empty: a small vision transformer is
        trained from scratch.
    weights
        A pretrained tag of that model (``laion2b_s34b_b88k``), or a file with its weights; empty for random ones.
    freeze_vision
        Whether a pretrained vision tower stays as it is. One without weights always learns.
    clip_text
        Whether the text tower of the same CLIP encodes the texts instead of the benchmark's encoder; it is frozen if
        pretrained, unless ``freeze_text`` says otherwise.
    patch
        Side of a patch in pixels, for the vision transformer from scratch; a CLIP has its own.
    refined
        Whether the logits are drawn by three convolutions (the authors' refined variant) or by one.
    norm_first
        Whether the decoder's blocks normalise before their attention and perceptron. The paper preset defaults to
        false, as in the paper; at the rate of a short training that learns nothing in time.
    cross_entropy_on
        See :func:`~biclip_bench.models.losses.segmentation_loss`.
    """

    clip: str = ""
    weights: str = ""
    freeze_vision: bool = True
    clip_text: bool = False
    patch: Literal[8, 16] = 8
    refined: bool = True
    norm_first: bool = True
    cross_entropy_on: CrossEntropyOn = "logits"


@register_model("clipseg")
class CLIPSeg(TextGuidedModel):
    """CLIPSeg: Lueddecke and Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022.

    The tokens that a CLIP vision transformer holds at three depths go through a light transformer decoder whose first
    block is modulated by the text embedding; transposed convolutions turn tokens back into pixels.

    Faithful: the decoder (depths added one by one from the deepest, one block each, 4 heads, a perceptron 32 times as
    wide, width 64 at width 64, 1.07 million parameters on ViT-B-16) with the class token; the tokens after blocks 3, 6
    and 9 of 12, counted from 0, as in the authors' code (their paper writes 3, 7, 9); with ``clip``, ``weights`` and
    ``clip_text`` both towers frozen, which gives dense features of a CLIP that never saw the data.

    Different: by default nothing pretrained is at hand, so a vision transformer of 6 blocks and 8-pixel patches learns
    from scratch and is read after every second block, and the text encoder is the benchmark's, in the mean of its
    layers rather than CLIP's joint space. Texts prompt, never images. Dice plus cross-entropy in place of
    cross-entropy alone, and the benchmark's augmentation and input size in place of 352 px. The modulation's scale
    starts near one and the logits at a low prior; blocks normalise first, save under the paper preset. The refined
    head draws the logits unless ``refined=false``. ``settings.width`` scales the decoder (never below 32) and the
    vision transformer from scratch (6 x width, never below 72), but no CLIP tower.
    """

    parts: ClassVar[tuple[str, ...]] = ("refined",)
    options_kind: ClassVar[type | None] = CLIPSegOptions
    pretraining: ClassVar[str] = "clip=MODEL&weights=TAG or FILE"
    paper: ClassVar[str] = "Lueddecke and Ecker, CLIPSeg, CVPR 2022"

    def __init__(self, settings: ModelSettings) -> None:
        options = read_options(CLIPSegOptions, "clipseg", settings.options, norm_first=settings.preset != "paper")
        if not options.clip and (options.weights or options.clip_text):
            raise UserError(
                "Model 'clipseg' has the option 'weights' or 'clip_text' but no 'clip': name the open_clip model that "
                "they belong to, such as clip=ViT-B-16."
            )
        # The CLIP's own text tower takes the place of the benchmark's encoder, which may need a download.
        of_benchmark = replace(settings, text_encoder="tiny", freeze_text=False) if options.clip_text else settings
        super().__init__(of_benchmark, options.cross_entropy_on)
        self.options = options
        self.vision = self._clip_vision(settings) if options.clip else self._small_vision(settings)
        self.decoder = FiLMDecoder(
            depths=len(self.vision.blocks),
            token_width=self.vision.width,
            text_width=self.text_encoder.width,
            width=max(settings.width, SMALLEST_DECODER),
            patch=self.vision.patch,
            refined=options.refined,
            norm_first=options.norm_first,
        )

    def _small_vision(self, settings: ModelSettings) -> VisionTower:
        from open_clip.transformer import VisionTransformer

        tower = VisionTransformer(
            image_size=settings.image_size,
            patch_size=self.options.patch,
            width=SMALL_CHANNELS_PER_WIDTH * max(settings.width, 12),
            layers=SMALL_BLOCKS,
            heads=SMALL_HEADS,
            mlp_ratio=4.0,
        )
        return VisionTower(tower, range(1, SMALL_BLOCKS, 2), frozen=False)

    def _clip_vision(self, settings: ModelSettings) -> VisionTower:
        """Read a CLIP at a quarter, half and three quarters of its depth; take its text tower too, if asked."""
        from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

        options = self.options
        clip = create_clip(options.clip, options.weights, settings.image_size)
        pretrained = bool(options.weights)
        self.normalise = Normalise(OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
        if pretrained:
            self.pretrained = f"open_clip {options.clip}, {options.weights}"
        if options.clip_text:
            encoder = CLIPTextEncoder(clip.text, pretrained)
            frozen = pretrained if settings.freeze_text is None else settings.freeze_text
            self.text_encoder = FrozenTextEncoder(encoder) if frozen else encoder
        blocks = len(clip.visual.transformer.resblocks)
        depths = (blocks // 4, blocks // 2, 3 * blocks // 4)
        return VisionTower(clip.visual, depths, frozen=pretrained and options.freeze_vision)

    def segment(self, image: Tensor, text: TextFeatures) -> Tensor:
        """Predict logits (B, 1, H, W)."""
        H, W = image.shape[-2:]
        levels = self.vision(pad_to_multiple(image, self.vision.patch))
        logits: Tensor = self.decoder(levels, text.pooled)
        return logits[..., :H, :W]
