"""Pretrained weights for encoders of segmentation-models-pytorch (SMP): from a file, or from where SMP keeps them."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from biclip_bench.errors import UserError

from .smp_networks import TIMM, Encoder, timm_facts
from .views import Normalise, normalise_image
from .weights import PICKLED, read_weights

HEADS = ("fc.", "classifier.", "head.", "last_linear.", "_fc.", "linear.")
"""How the names of the classifier's tensors begin in torchvision, timm and SMP; an encoder has no use for them."""

_REACH_SECONDS = 5.0
"""How long the download host may take to answer before the user is told that it cannot be reached."""


@dataclass(frozen=True)
class HubFile:
    """A file of weights on the Hugging Face Hub, at a fixed revision or at the newest one (None)."""

    repository: str
    name: str
    revision: str | None = None


def load_encoder(model: str, network: nn.Module, encoder: Encoder, weights: str) -> str:
    """Load what the option ``weights`` names into the encoder of a network.

    Parameters
    ----------
    model
        Name of the model, for messages.
    network
        A network of SMP.
    encoder
        The encoder in it.
    weights
        ``none``; ``imagenet`` or another tag that SMP (or timm, for a ``tu-`` encoder) has for this encoder; or the
        path of a state dictionary in the format of torchvision, timm or SMP.

    Returns
    -------
    str
        What was loaded, empty for ``none``.

    Raises
    ------
    UserError
        If the tag is unknown, the file cannot be had, or it does not fit the encoder.
    """
    if weights == "none":
        return ""
    if encoder.instead_of:
        raise UserError(
            f"Model {model!r} scales its own encoder with the width, and no pretrained weights fit that: give --width "
            f"64, or name an encoder of fixed size: {model}?encoder={encoder.instead_of}&weights={weights}."
        )
    if Path(weights).suffix in (".safetensors", *PICKLED) or len(Path(weights).parts) > 1:
        path, source = Path(weights), Path(weights).name
    else:
        file = _hub_file(model, encoder.name, weights)
        path, source = _fetch(model, file, weights), file.repository
    _load(model, network, encoder.name, path)
    return f"encoder: {source}"


def encoder_normalisation(encoder: Encoder, weights: str) -> Normalise:
    """Build the normalisation that an encoder's pretrained weights expect: timm's statistics, else ImageNet's."""
    facts = None if weights == "none" else timm_facts(encoder.name)
    return normalise_image() if facts is None else Normalise(facts.mean, facts.std)


def _hub_file(model: str, encoder: str, tag: str) -> HubFile:
    """Where the weights of a tag lie."""
    if encoder.startswith(TIMM):
        import timm

        architecture, _, own_tag = encoder.removeprefix(TIMM).partition(".")
        published = timm.list_pretrained(f"{architecture}.*")
        tags = [name.partition(".")[2] for name in published if timm_facts(TIMM + name).hf_hub_id]
        if tag in tags or (tag == "imagenet" and tags):
            own = f"{TIMM}{architecture}.{own_tag if tag == 'imagenet' else tag}".rstrip(".")
            facts = timm_facts(own)
            return HubFile(facts.hf_hub_id, facts.hf_hub_filename or "model.safetensors")
    else:
        from segmentation_models_pytorch.encoders import encoders

        known = encoders[encoder]["pretrained_settings"]
        tags = list(known)
        if tag in known:
            return HubFile(known[tag]["repo_id"], "model.safetensors", known[tag]["revision"])
    there = f"there are: {', '.join(tags)}" if tags else "there are none"
    raise UserError(
        f"Model {model!r}: no weights {tag!r} are known for the encoder {encoder!r}; {there}. Or give weights=FILE, a "
        f"state dictionary that ends in .safetensors, {', '.join(PICKLED)}."
    )


def _fetch(model: str, file: HubFile, tag: str) -> Path:
    """Take a file from the cache of huggingface_hub, or download it into that cache."""
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    kept = try_to_load_from_cache(file.repository, file.name, revision=file.revision)
    if isinstance(kept, str):
        return Path(kept)
    try:
        if constants.HF_HUB_OFFLINE:
            raise OSError("HF_HUB_OFFLINE is set")
        # The library would retry for half a minute before it says that there is no network.
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=_REACH_SECONDS).close()
    except urllib.error.HTTPError:
        pass  # it answered
    except (OSError, ValueError) as error:
        raise _not_fetched(model, file, tag, str(error)) from error
    try:
        return Path(hf_hub_download(file.repository, file.name, revision=file.revision))
    except Exception as error:  # of httpx, requests or huggingface_hub, whichever version is installed
        raise _not_fetched(model, file, tag, " ".join(str(error).split())) from error


def _not_fetched(model: str, file: HubFile, tag: str, why: str) -> UserError:
    from huggingface_hub import constants

    address = f"{constants.ENDPOINT}/{file.repository}/resolve/{file.revision or 'main'}/{file.name}"
    name = Path(file.repository).name + Path(file.name).suffix
    return UserError(
        f"Model {model!r}: the weights {tag!r} are not in this machine's cache and could not be downloaded ({why}). "
        f"Where there is a network, run: curl -L -o {name} {address} ; then give weights=FOLDER/{name} here."
    )


def _load(model: str, network: nn.Module, encoder: str, path: Path) -> None:
    """Load a file into the encoder of a network; everything but the classifier's head must fit."""
    target: nn.Module = network.encoder  # type: ignore[assignment]
    prefixes = ["module.", "encoder."]
    unused: set[str] = set()
    if encoder.startswith(TIMM):
        target = target.model  # type: ignore[assignment]
        prefixes.append("model.")
        unused = _classifier_only(encoder, target)
    given = _without_heads(_without_prefixes(read_weights(path), prefixes))
    expected = _without_heads(target.state_dict())
    # timm names a feature extractor's stages_0 what the classifier calls stages.0; SMP's densenet has norm1 for norm.1.
    names = {_letters(name): name for name in expected}
    if len(names) < len(expected):
        names = {}
    renamed = {names.get(_letters(name), name): tensor for name, tensor in given.items() if name not in unused}
    missing = [name for name in expected if name not in renamed and not name.endswith("num_batches_tracked")]
    superfluous = [name for name in renamed if name not in expected]
    shapes = [n for n in expected if n in renamed and renamed[n].shape != expected[n].shape]
    wrong = [
        *(f"{name} is missing" for name in missing),
        *(f"{name} is superfluous" for name in superfluous),
        *(f"{name} is {tuple(renamed[name].shape)}, not {tuple(expected[name].shape)}" for name in shapes),
    ]
    if wrong:
        more = f", and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise UserError(
            f"The weights {path} do not fit the encoder {encoder!r} of model {model!r}: {', '.join(wrong[:8])}{more}."
        )
    nn.Module.load_state_dict(target, renamed, strict=False)


def _letters(name: str) -> str:
    return name.replace(".", "").replace("_", "")


def _without_heads(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not name.startswith(HEADS)}


def _without_prefixes(weights: Mapping[str, Tensor], prefixes: list[str]) -> dict[str, Tensor]:
    """Take off what wrappers put before every name; of a whole SMP network only the encoder is kept."""
    found = dict(weights)
    for prefix in prefixes:
        inner = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
        if len(inner) == len(found) or (
            inner and prefix == "encoder." and any(n.startswith("decoder.") for n in found)
        ):
            found = inner
    return found


def _classifier_only(encoder: str, extractor: nn.Module) -> set[str]:
    """Names that timm's classifier has, but not the feature extractor made from it."""
    import timm

    name = encoder.removeprefix(TIMM)
    try:
        with torch.device("meta"):
            classifier = timm.create_model(name)
    except Exception:  # older models of timm look at values while they build
        with torch.random.fork_rng(devices=[]):
            classifier = timm.create_model(name)
    kept = {_letters(name) for name in extractor.state_dict()}
    return {name for name in classifier.state_dict() if _letters(name) not in kept}
