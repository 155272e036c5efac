"""``open_clip``: the text tower of any CLIP that open_clip builds, BiomedCLIP among them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from biclip_bench.errors import UserError

from .hf_text_encoder import import_transformers, quiet_transformers
from .hub import folder_files
from .open_clip_source import Source, find_source, read_model_config, text_config_folder, tokenizer_folder
from .text_encoders import (
    CONTEXT_LENGTH,
    TextEncoder,
    TextFeatures,
    register_text_encoder,
    text_features,
    tokenizer_hash,
)
from .weights import read_weights

_SMALL_VISION = {"image_size": 32, "patch_size": 32, "width": 64, "head_width": 64, "layers": 1}


class OpenCLIPTextEncoder(TextEncoder):
    """The text tower of a CLIP model: outputs of layers 1, 2 and last, for each token.

    CLIP reads 77 tokens; here it reads 32 with its first 32 positions, and a longer text keeps its end mark. Its own
    attention mask stays: in OpenAI's and most others a token sees only those before it. The final layer norm is applied
    to each of the three outputs, because these towers normalise before their layers; a tower of the transformers
    library (BiomedCLIP's BERT) normalises after them and needs none. The projection to the space shared with images
    acts on the whole text, not on its tokens, and is left out.

    Parameters
    ----------
    tower
        ``open_clip.transformer.TextTransformer``, or ``open_clip.hf_model.HFTextEncoder``.
    tokenizer
        As ``open_clip.get_tokenizer`` gives it.
    pretrained
        Whether the weights are.
    """

    def __init__(self, tower: nn.Module, tokenizer: Any, pretrained: bool) -> None:
        super().__init__()
        self.pretrained = pretrained
        self.tokenizer = tokenizer
        self.is_native = not hasattr(tower, "pooler")
        if self.is_native:
            self.tower: Any = _cut(tower)
            self.width = int(self.tower.width)
        else:
            self.tower = tower.transformer
            if getattr(self.tower, "pooler", None) is not None:
                self.tower.pooler = None
            self.width = int(self.tower.config.hidden_size)

    def tokenise(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the tokens of B texts (B, 32), and which of them are the text's own, both on the CPU."""
        tokens: Tensor = self.tokenizer(list(texts), context_length=CONTEXT_LENGTH)
        inside = getattr(self.tokenizer, "tokenizer", None)
        if inside is None:
            # The padding of CLIP's own tokenizer is also its exclamation mark: the end mark tells.
            ends = tokens == self.tokenizer.eot_token_id
            own = ends.cumsum(dim=1) - ends.long() == 0
        else:
            padding = 0 if self.tokenizer.tokenizer_mode == "clips" else inside.pad_token_id
            own = tokens != padding
            own[:, 0] = True  # an empty text may be nothing but padding
        return tokens, own

    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts."""
        tokens, own = (part.to(next(self.tower.parameters()).device) for part in self.tokenise(texts))
        if self.is_native:
            outputs = self.tower.forward_intermediates(
                tokens,
                indices=[0, 1, len(self.tower.transformer.resblocks) - 1],
                normalize_intermediates=True,
                intermediates_only=True,
                output_fmt="NLC",
            )["text_intermediates"]
            layers = [outputs[0], outputs[1], outputs[-1]]
        else:
            hidden = self.tower(input_ids=tokens, attention_mask=own.long(), output_hidden_states=True).hidden_states
            layers = [hidden[1], hidden[2], hidden[-1]]  # the first is the embedding
        return text_features(layers, own)

    def tokenizer_identity(self) -> str:
        """Hash the vocabulary and what the tokenizer makes of a text with capitals, accents, digits and signs."""
        inside = getattr(self.tokenizer, "tokenizer", None)
        vocabulary = self.tokenizer.encoder if inside is None else inside.get_vocab()
        return tokenizer_hash(vocabulary, lambda text: self.tokenise([text])[0][0].tolist())


def _cut(tower: Any) -> Any:
    """Leave of a tower what 32 tokens need."""
    if len(tower.transformer.resblocks) < 2:
        raise UserError("The text tower has one layer, but the features come from layers 1, 2 and last.")
    if tower.context_length < CONTEXT_LENGTH:
        raise UserError(f"The text tower reads {tower.context_length} tokens, fewer than {CONTEXT_LENGTH}.")
    positions = CONTEXT_LENGTH + (tower.cls_emb is not None)  # CoCa appends a token
    tower.positional_embedding = nn.Parameter(tower.positional_embedding[:positions].detach().clone())
    if tower.attn_mask is not None:
        tower.attn_mask = tower.attn_mask[:positions, :positions].clone()
    tower.text_projection = None
    return tower


def _tokenizer(source: Source, config: dict[str, Any]) -> Any:
    """The tokenizer of a model, for 32 tokens."""
    import open_clip
    from open_clip.tokenizer import HFTokenizer

    text = config["text_cfg"]
    name = text.get("hf_tokenizer_name")
    if not name:
        return open_clip.get_tokenizer(source.model, context_length=CONTEXT_LENGTH)
    folder = tokenizer_folder(source, name)
    try:
        return HFTokenizer(
            str(folder),
            context_length=CONTEXT_LENGTH,
            tokenizer_mode=text.get("tokenizer_mode"),
            local_files_only=True,
            trust_remote_code=False,
            **text.get("tokenizer_kwargs", {}),
        )
    except Exception as error:  # the tokenizers library raises plain exceptions
        raise UserError(f"The tokenizer in {folder} is damaged or needs code of its own: {error}") from error


def _model(source: Source, config: dict[str, Any]) -> Any:
    """The whole CLIP model, by open_clip's own creation and loading."""
    import open_clip
    from open_clip.hf_configs import arch_dict

    changes: dict[str, Any] = {}
    name = config["text_cfg"].get("hf_model_name")
    if name:
        folder = text_config_folder(source, name, list(arch_dict))
        changes["text_cfg"] = {**config["text_cfg"], "hf_model_name": str(folder), "hf_model_pretrained": False}
    if source.weights is None:
        changes["vision_cfg"] = _SMALL_VISION  # thrown away
    try:
        return open_clip.create_model(
            source.model,
            pretrained=None if source.folder or source.weights is None else str(source.weights),
            force_custom_text=True,
            force_quick_gelu=source.quick_gelu,
            pretrained_text=False,
            **changes,
        )
    except Exception as error:
        if source.weights is not None:
            read_weights(source.weights)  # tells what is wrong with the file, if it is the file
        what = " ".join(str(error).split())[:200]
        raise UserError(
            f"{source.spec} cannot be built: {source.weights or 'its configuration'} does not fit the model ({what})."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep open_clip's log, which goes to the root logger and would set one up, out of the user's terminal."""
    root = logging.getLogger()
    handler, disabled = logging.NullHandler(), root.manager.disable
    root.addHandler(handler)
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.removeHandler(handler)


@register_text_encoder("open_clip")
def build_open_clip(argument: str) -> OpenCLIPTextEncoder:
    """``open_clip:MODEL`` or ``open_clip:MODEL:PRETRAINED``: the text tower of a CLIP model, such as BiomedCLIP.

    MODEL is a name that ``open_clip.list_models()`` gives (``ViT-B-32``), ``hf-hub:NAME`` for a model of the Hugging
    Face hub (``hf-hub:microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224``), or ``local-dir:FOLDER`` for a
    folder with one. The last two bring their weights. A built-in one takes PRETRAINED: a tag of open_clip
    (``openai``), or a file of weights (.safetensors, .pt, .bin); without it the weights are random, and the encoder
    learns. Pretrained ones are frozen unless ``--train-text`` is given. What is to be downloaded is looked up in the
    local cache first. A text tower or tokenizer of the transformers library needs that package:
    ``pip install "biclip-bench[hf]"``.

    Raises
    ------
    UserError
        If the model, the tag, the file or the folder is not there or damaged; an unknown name suggests a close one.
    """
    if not argument:
        raise UserError("The text encoder 'open_clip' needs a model behind a colon, such as open_clip:ViT-B-32.")
    source = find_source(argument)
    config = read_model_config(source)
    of_transformers = any(config["text_cfg"].get(key) for key in ("hf_model_name", "hf_tokenizer_name"))
    if of_transformers:
        import_transformers(source.spec)
    # The parts that are thrown away are drawn at random: beside pretrained weights no draw of the caller's changes.
    draws = nullcontext() if source.weights is None else torch.random.fork_rng(devices=[])
    with draws, _quiet(), quiet_transformers() if of_transformers else nullcontext():
        tokenizer = _tokenizer(source, config)
        model = _model(source, config)
    encoder = OpenCLIPTextEncoder(model.text, tokenizer, pretrained=source.weights is not None)
    weights = () if source.weights is None else (source.weights,)
    beside = () if source.folder is None else (source.folder / name for name in folder_files(source.folder))
    encoder.files = tuple(dict.fromkeys((*weights, *beside)))
    return encoder
