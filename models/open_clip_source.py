"""Where the parts of an open_clip text tower come from: ``MODEL[:PRETRAINED|FILE]`` as files on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from .hub import TOKENIZERS, folder_files, has_tokenizer, hub_folder, small_files

HUB = "hf-hub:"
FOLDER = "local-dir:"
CONFIG = "open_clip_config.json"

_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
"""Names of open_clip's weights in a repository, in the order of preference."""

_CONFIG_ELSEWHERE = {
    "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"
}
"""Repositories that keep the configuration of their text tower in another repository."""


@dataclass(frozen=True)
class Source:
    """Where one open_clip model lies.

    Parameters
    ----------
    given
        What stood behind ``open_clip:``.
    model
        As ``open_clip.create_model`` takes it: a built-in name, or ``local-dir:FOLDER``.
    weights
        The file of weights, None for random ones.
    folder
        The folder of ``local-dir:``.
    quick_gelu
        Whether the weights were trained with OpenAI's fast approximation of GELU, which a built-in model's own
        configuration may not say.
    """

    given: str
    model: str
    weights: Path | None = None
    folder: Path | None = None
    quick_gelu: bool = False

    @property
    def spec(self) -> str:
        """The encoder's name in messages."""
        return f"The text encoder open_clip:{self.given}"


def find_source(given: str) -> Source:
    """Find a model and its weights, downloading what is not here.

    Raises
    ------
    UserError
        If the model, the tag or the file is not there; an unknown name suggests a close one.
    """
    if given.startswith(HUB):
        return _of_hub(given)
    if given.startswith(FOLDER):
        return _of_folder(given, Path(given.removeprefix(FOLDER)).expanduser())
    return _built_in(given)


def _of_hub(given: str) -> Source:
    name = given.removeprefix(HUB)
    if ":" in name:
        raise UserError(
            f"The text encoder open_clip:{given}: a model of the hub brings its own weights, so nothing stands behind "
            f"its name. Write open_clip:{HUB}{name.partition(':')[0]}."
        )

    def choose(files: Sequence[str]) -> list[str]:
        weights = [file for file in _WEIGHTS if file in files][:1]
        return [*small_files(files), *weights] if weights and CONFIG in files else []

    commands = [f"hf download {name} --local-dir FOLDER"]
    if name in _CONFIG_ELSEWHERE:
        commands.append(f"hf download {_CONFIG_ELSEWHERE[name]} config.json --local-dir FOLDER")
    remedy = elsewhere(commands, f"open_clip:{FOLDER}FOLDER")
    return _of_folder(given, hub_folder(name, [CONFIG], choose, f"The text encoder open_clip:{given}", remedy))


def _of_folder(given: str, folder: Path) -> Source:
    source = Source(given, f"{FOLDER}{folder}", folder=folder)
    if not folder.is_dir():
        raise UserError(f"{source.spec}: there is no folder {folder}.")
    files = folder_files(folder)
    if CONFIG not in files:
        raise UserError(f"{source.spec}: the folder {folder} holds no model of open_clip, as {CONFIG} is missing.")
    named = [file for file in (*_WEIGHTS, "model.safetensors", "pytorch_model.bin") if file in files]
    others = [file for ending in (".safetensors", ".bin", ".pth") for file in files if file.endswith(ending)]
    if not named + others:
        raise UserError(f"{source.spec}: there are no weights in {folder}, such as {_WEIGHTS[0]}.")
    return Source(given, source.model, folder / (named + others)[0], folder)


def _built_in(given: str) -> Source:
    import open_clip

    model, _, weights = given.partition(":")
    model = model.replace("/", "-")  # open_clip takes OpenAI's names, such as ViT-B/32, too
    source = Source(given, model)
    if model not in open_clip.list_models():
        raise UserError(f"{source.spec}: open_clip has no model {model!r}. {_close(model, open_clip.list_models())}")
    if not weights:
        return source
    tag = open_clip.get_pretrained_cfg(model, weights)
    if tag:
        return Source(given, model, _of_tag(source, model, tag), quick_gelu=bool(tag.get("quick_gelu")))
    path = Path(weights).expanduser()
    if path.is_file():
        return Source(given, model, path)
    if "/" in weights or path.suffix:
        raise UserError(f"{source.spec}: there is no file of weights {path}.")
    tags = open_clip.list_pretrained_tags_by_model(model)
    known = suggest(weights, tags) if tags else "It has none."
    raise UserError(f"{source.spec}: open_clip has no weights {weights!r} for {model}, nor is it a file. {known}")


def _close(model: str, models: list[str]) -> str:
    """Name the models that begin alike: all of them would fill a page."""
    hint = suggest(model, models).partition("Known: ")[0]
    family = [name for name in models if name.startswith(model[:5])][:10]
    return f"{hint}{'Some that it has: ' + ', '.join(family or models[:10])}."


def _of_tag(source: Source, model: str, tag: dict[str, Any]) -> Path:
    """Find the weights of a pretrained tag, or say how the encoder can be had without a network."""
    import open_clip

    repository, file = tag_place(tag)
    if file:
        fast = f"{model}-quickgelu"
        local = fast if tag.get("quick_gelu") and fast in open_clip.list_models() else model
        remedy = elsewhere([f"hf download {repository} {file} --local-dir FOLDER"], f"open_clip:{local}:FOLDER/{file}")
    else:
        remedy = elsewhere([f"hf download {repository} --local-dir FOLDER"], f"open_clip:{FOLDER}FOLDER")
    return tag_weights(tag, source.spec, remedy)


def tag_place(tag: dict[str, Any]) -> tuple[str, str]:
    """Return where on the hub a tag has its weights, as all of them do: a repository, and one file of it or nothing."""
    repository, _, file = str(tag["hf_hub"]).rpartition("/")
    return repository, file


def tag_weights(tag: dict[str, Any], needed: str, remedy: str) -> Path:
    """Find the weights of a pretrained tag, as ``open_clip.get_pretrained_cfg`` describes it.

    Parameters
    ----------
    tag
        The description.
    needed, remedy
        For messages, see :func:`~biclip_bench.models.hub.hub_folder`.

    Raises
    ------
    UserError
        If they are neither in the local cache nor within reach.
    """
    repository, file = tag_place(tag)
    names = [f"{file.rpartition('.')[0]}.safetensors", file] if file else list(_WEIGHTS)

    def choose(files: Sequence[str]) -> list[str]:
        return [name for name in names if name in files][:1]

    folder = hub_folder(repository, names, choose, needed, remedy)
    return folder / choose(folder_files(folder))[0]


def elsewhere(commands: Sequence[str], encoder: str) -> str:
    """Say how a model gets onto a machine without a network."""
    quoted = " and ".join(f"'{command}'" for command in commands)
    return f"On a machine with a network run {quoted}, copy FOLDER to this one, and give --text-encoder {encoder}."


def read_model_config(source: Source) -> dict[str, Any]:
    """Read the configuration of a model, as open_clip's models are described: ``text_cfg`` and others.

    Raises
    ------
    UserError
        If it is damaged.
    """
    import open_clip

    if source.folder is None:
        config: dict[str, Any] = open_clip.get_model_config(source.model)
        return config
    path = source.folder / CONFIG
    try:
        content = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
        if not all(isinstance(content[key], dict) for key in ("text_cfg", "vision_cfg")):
            raise TypeError("text_cfg")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"The configuration {path} is damaged or none of open_clip's ({error!r}).") from error
    return dict(content)


def text_config_folder(source: Source, name: str, types: Sequence[str]) -> Path:
    """Find the folder whose ``config.json`` describes a text tower of the transformers library.

    Parameters
    ----------
    source
        The model; a configuration in its own folder comes first.
    name
        The repository that open_clip would ask.
    types
        Model types of transformers that open_clip knows as text towers.

    Raises
    ------
    UserError
        If it is neither here nor within reach.
    """
    from .hf_text_encoder import known_config

    for folder in (source.folder, Path(name)):
        if folder is not None and ((known_config(folder) or {}).get("model_type") in types):
            return folder

    def choose(files: Sequence[str]) -> list[str]:
        return [file for file in files if file == "config.json"]

    needed = f"{source.spec}: the configuration of its text tower, {name},"
    return hub_folder(name, ["config.json"], choose, needed, _beside(source, f"hf download {name} config.json"))


def tokenizer_folder(source: Source, name: str) -> Path:
    """Find the folder of a tokenizer of the transformers library; that of the model itself comes first.

    Raises
    ------
    UserError
        If it is neither there nor within reach.
    """
    for folder in (source.folder, Path(name)):
        if folder is not None and folder.is_dir() and has_tokenizer(folder_files(folder)):
            return folder

    def choose(files: Sequence[str]) -> list[str]:
        return small_files(files) if has_tokenizer(files) else []

    needed = f"{source.spec}: its tokenizer, {name},"
    remedy = _beside(source, f'hf download {name} --include "*.json" --include "*.txt" --include "*.model"')
    return hub_folder(name, TOKENIZERS, choose, needed, remedy)


def _beside(source: Source, command: str) -> str:
    """Say how a missing part gets into the folder of a model."""
    if source.folder is None or source.given.startswith(HUB):
        return (
            f"On a machine with a network run '{command}', and copy its cache, ~/.cache/huggingface/hub, to the same "
            "place on this one."
        )
    return f"On a machine with a network run '{command} --local-dir FOLDER' and copy the files to {source.folder}."
