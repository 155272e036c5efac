"""``hf``: BERT-like encoders in the format of the transformers library, CXR-BERT among them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from biclip_bench.errors import UserError

from .hub import TOKENIZERS, folder_files, has_tokenizer, hub_folder, small_files
from .text_encoders import (
    CONTEXT_LENGTH,
    TextEncoder,
    TextFeatures,
    register_text_encoder,
    text_features,
    tokenizer_hash,
)
from .weights import read_weights

INSTALL = 'pip install "biclip-bench[hf]"'

WITHOUT_THEIR_CODE = {"cxr-bert": "bert"}
"""Model types that come with code of their own, and the type of transformers that has the same encoder.

CXR-BERT (Boecker et al., "Making the Most of Text Semantics to Improve Biomedical Vision-Language Processing", ECCV
2022) is a BERT for masked words with a projection head; its own code adds only the head.
"""

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Files of weights in the order in which transformers looks for them."""


class HFTextEncoder(TextEncoder):
    """A pretrained encoder of the transformers library: hidden states of layers 1, 2 and last.

    No code from the folder is run: the architecture is one of the library's own, and a pickled file of weights may
    hold tensors and nothing else. Parts that do not take part (heads, the pooler) are left out. Attention is the
    library's plain one, whose gradient is deterministic on every device.

    Parameters
    ----------
    folder
        Holds ``config.json``, a tokenizer, and the weights as safetensors or in torch's format.

    Raises
    ------
    UserError
        If a file is missing or damaged, the files do not fit each other, or it is no encoder of texts.
    """

    pretrained = True

    def __init__(self, folder: Path) -> None:
        super().__init__()
        files = folder_files(folder)
        self.files = tuple(folder / name for name in files)
        config, kind = _read_config(folder, files)
        with quiet_transformers():
            self.tokenizer = _read_tokenizer(folder, files, config, kind)
            self.transformer = _read_transformer(folder, files, config)
        self.width = int(config.hidden_size)
        self._padding = int(self.tokenizer.pad_token_id or 0)
        highest = max(self.tokenizer.get_vocab().values())
        if highest >= config.vocab_size:
            raise UserError(
                f"The tokenizer in {folder} knows {highest + 1} tokens, but its weights only {config.vocab_size}: they "
                "belong to two different models. Download the folder again."
            )

    def tokenise(self, text: str) -> list[int]:
        """Return the tokens of a text with its begin and end marks, at most 32: a longer text loses its end."""
        tokens: list[int] = self.tokenizer(text, truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
        return tokens or [self._padding]  # a tokenizer without marks has none for an empty text

    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts."""
        rows = [self.tokenise(text) for text in texts]
        device = next(self.transformer.parameters()).device
        lengths = torch.tensor([[len(row)] for row in rows])
        own = (torch.arange(CONTEXT_LENGTH) < lengths).to(device)
        padded = torch.tensor([row + [self._padding] * (CONTEXT_LENGTH - len(row)) for row in rows]).to(device)
        hidden = self.transformer(
            input_ids=padded, attention_mask=own.long(), output_hidden_states=True
        ).hidden_states  # the first is the embedding
        return text_features([hidden[1], hidden[2], hidden[-1]], own)

    def tokenizer_identity(self) -> str:
        """Hash the vocabulary and what the tokenizer makes of a text with capitals, accents, digits and signs."""
        return tokenizer_hash(self.tokenizer.get_vocab(), self.tokenise)


def import_transformers(needed_by: str) -> Any:
    """Import the transformers library, which is an optional part of the installation.

    Raises
    ------
    UserError
        If it is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise UserError(f"{needed_by} needs the package transformers. Install it: {INSTALL}") from error
    return transformers


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and its report on weights that are not needed out of the user's terminal."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(50)  # critical
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def known_config(folder: Path) -> dict[str, Any] | None:
    """Read ``config.json`` if it describes an architecture that transformers has, without references to code."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        content["model_type"] = WITHOUT_THEIR_CODE.get(content["model_type"], content["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    content.pop("auto_map", None)
    return content if content["model_type"] in CONFIG_MAPPING else None


def _read_config(folder: Path, files: Sequence[str]) -> tuple[Any, str]:
    """The configuration as an object of transformers, and the model type that the file names."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if "config.json" not in files:
        raise UserError(
            f"The folder {folder} holds no model of transformers: there is no config.json in it. Give the folder into "
            "which 'hf download NAME --local-dir FOLDER' wrote."
        )
    path = folder / "config.json"
    try:
        kind = str(json.loads(path.read_text(encoding="utf-8"))["model_type"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The configuration {path} is damaged or names no model_type ({error!r}).") from error
    content = known_config(folder)
    if content is None:
        raise UserError(
            f"The model in {folder} is of the type {kind!r}, which transformers does not have: it needs code from the "
            "folder, which is never run. Give a model of a type that transformers has, such as bert, roberta or "
            f"distilbert ({', '.join(WITHOUT_THEIR_CODE)} works too)."
        )
    try:
        config = CONFIG_MAPPING[content.pop("model_type")].from_dict(content)
    except Exception as error:
        raise UserError(f"The configuration {path} does not fit its type {kind!r}: {_line(error)}") from error
    sizes = [getattr(config, name, None) for name in ("hidden_size", "vocab_size", "num_hidden_layers")]
    if getattr(config, "is_encoder_decoder", False) or not all(isinstance(size, int) for size in sizes):
        raise UserError(f"The model in {folder}, of the type {kind!r}, is no BERT-like encoder of texts.")
    if config.num_hidden_layers < 2:
        raise UserError(f"The model in {folder} has one layer, but the features come from layers 1, 2 and last.")
    if getattr(config, "max_position_embeddings", CONTEXT_LENGTH) < CONTEXT_LENGTH:
        raise UserError(f"The model in {folder} reads fewer than {CONTEXT_LENGTH} tokens.")
    return config, kind


def _read_tokenizer(folder: Path, files: Sequence[str], config: Any, kind: str) -> Any:
    from transformers import AutoTokenizer, BertTokenizerFast

    if not has_tokenizer(files):
        raise UserError(f"There is no tokenizer in {folder}: it holds none of {', '.join(TOKENIZERS)}.")
    try:
        if kind in WITHOUT_THEIR_CODE:  # names a tokenizer class of its own, which is BERT's
            tokenizer = BertTokenizerFast.from_pretrained(folder, local_files_only=True)
        else:
            tokenizer = AutoTokenizer.from_pretrained(
                folder, config=config, local_files_only=True, trust_remote_code=False
            )
        tokenizer("a word")  # some defects show only now
        return tokenizer
    except Exception as error:  # the tokenizers library raises plain exceptions
        raise UserError(f"The tokenizer in {folder} is damaged or needs code of its own: {_line(error)}") from error


def _read_transformer(folder: Path, files: Sequence[str], config: Any) -> Any:
    from transformers import AutoModel

    weights = next((folder / name for name in _WEIGHTS if name in files), None)
    if weights is None:
        raise UserError(
            f"There are no weights in {folder}: it holds neither model.safetensors nor pytorch_model.bin. Download it "
            "again, or save the model with save_pretrained()."
        )
    try:
        # Some parts that are thrown away below are drawn at random: the caller's random numbers stay as they are.
        with torch.random.fork_rng(devices=[]):
            transformer, report = AutoModel.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # told below
                attn_implementation="eager",
            )
    except Exception as error:
        if not weights.name.endswith(".json"):
            read_weights(weights)  # tells what is wrong with the file, if it is the file
        raise UserError(f"The weights {weights} cannot be loaded: {_line(error)}") from error
    # Not every checkpoint holds the pooler, and none needs it: only the hidden states are used.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    wrong = missing + sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if wrong:
        raise UserError(
            f"The weights {weights} do not fit the configuration beside them: {len(wrong)} tensors are missing or of "
            f"another shape, the first is {wrong[0]!r}. Download the folder again."
        )
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    transformer.float()
    for weight in transformer.parameters():
        # The library may leave weights in their file: they would change, or be gone, when the file is written anew.
        weight.data = weight.data.clone()
    return transformer


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _needed(files: Sequence[str]) -> list[str]:
    """Choose the files of an encoder: one form of its weights, not all that a repository offers."""
    weights = next((name for name in _WEIGHTS if name in files), None)
    if weights is None or "config.json" not in files or not has_tokenizer(files):
        return []
    stem, _, ending = weights.removesuffix(".index.json").partition(".")
    of_weights = [name for name in files if name.startswith(stem) and name.endswith((f".{ending}", weights))]
    return sorted({*small_files(files), *(of_weights if weights.endswith(".json") else [weights])})


@register_text_encoder("hf")
def build_hf(argument: str) -> HFTextEncoder:
    """``hf:NAME`` or ``hf:FOLDER``: a pretrained BERT-like encoder of the Hugging Face hub, such as CXR-BERT.

    ``hf:microsoft/BiomedVLP-CXR-BERT-specialized`` is the encoder of the BiCLIP paper. NAME is looked up in the local
    cache first and downloaded if it is not there. FOLDER holds such a model on this machine, as
    ``hf download NAME --local-dir FOLDER`` writes it. Needs the package transformers: ``pip install
    "biclip-bench[hf]"``. The encoder is frozen unless ``--train-text`` is given. No code that comes with a model is
    run.

    Raises
    ------
    UserError
        If neither a folder nor the hub has the model, or the model is damaged or of a type that needs its own code.
    """
    if not argument:
        raise UserError(
            "The text encoder 'hf' needs a model of the Hugging Face hub or a folder behind a colon, such as "
            "hf:microsoft/BiomedVLP-CXR-BERT-specialized."
        )
    spec = f"The text encoder hf:{argument}"
    import_transformers(spec)
    folder = Path(argument).expanduser()
    if not folder.is_dir():
        if folder.exists():
            raise UserError(f"{spec}: {folder} is a file. Give the folder that holds config.json.")
        folder = hub_folder(
            argument,
            ["config.json"],
            _needed,
            spec,
            f"On a machine with a network run 'hf download {argument} --local-dir FOLDER', copy FOLDER to this one, "
            "and give --text-encoder hf:FOLDER.",
        )
    return HFTextEncoder(folder)
