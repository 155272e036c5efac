"""A frozen text encoder: it runs once for each distinct text, whatever the number of training steps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch._subclasses.fake_tensor import unset_fake_temporarily

from biclip_bench.files import write_atomically

from .text_encoders import TextEncoder, TextFeatures, text_encoder_registry

TextFeatureRow = tuple[Tensor, Tensor, Tensor]
"""Pooled features (width,), token features (L, width) and own tokens (L,) of one text, on the CPU."""


class _Inside:
    """A frozen encoder and its fingerprint, computed once for all models that share it."""

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder.requires_grad_(False).eval()

    @cached_property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint()


class FrozenTextEncoder(TextEncoder):
    """Remembers the features of every text that it has seen, in memory and, where a folder is set, on disk.

    The encoder inside never trains. Its features are computed on the CPU in float32, one text at a time: the same
    bits on every device and in every batch. It is no submodule, so its weights lie in no checkpoint, in no optimiser
    and not on the GPU; a checkpoint names their fingerprint instead.

    Parameters
    ----------
    encoder
        The encoder to freeze.
    """

    frozen = True
    _anchor: Tensor

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.width = encoder.width
        self.pretrained = encoder.pretrained
        self.files = encoder.files
        self.folder: Path | None = None
        self._inside = _Inside(encoder)  # no module, so torch's module tree ends here
        self._kept: dict[str, TextFeatureRow] = {}
        self.register_buffer("_anchor", torch.empty(0), persistent=False)  # knows the model's device

    @property
    def encoder(self) -> TextEncoder:
        """The encoder inside."""
        return self._inside.encoder

    def fingerprint(self) -> str:
        """Return the fingerprint of the encoder inside, computed once."""
        return self._inside.fingerprint

    def sharing(self) -> FrozenTextEncoder:
        """Make another one around the same encoder, for another model."""
        other = FrozenTextEncoder(self.encoder)
        other._inside = self._inside
        return other

    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Look the features up, computing those of texts not seen before."""
        rows = [self._row(text) for text in texts]
        pooled, tokens, own = (torch.stack(parts).to(self._anchor.device) for parts in zip(*rows, strict=True))
        return TextFeatures(pooled, tokens, own)

    def _row(self, text: str) -> TextFeatureRow:
        if text not in self._kept:
            self._kept[text] = self._read(text) or self._compute(text)
        return self._kept[text]

    def _compute(self, text: str) -> TextFeatureRow:
        with unset_fake_temporarily(), torch.no_grad(), torch.autocast("cpu", enabled=False):
            features = self.encoder([text])
        row = (features.pooled[0].clone(), features.tokens[0].clone(), features.own[0].clone())
        if self.folder is not None:
            path = self._path(text)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, save(dict(zip(("pooled", "tokens", "own"), row, strict=True))))
        return row

    def _read(self, text: str) -> TextFeatureRow | None:
        if self.folder is None:
            return None
        try:
            kept = load(self._path(text).read_bytes())
            return kept["pooled"], kept["tokens"], kept["own"]
        except (OSError, SafetensorError, KeyError):
            return None  # absent or torn: computed anew, to the same bits

    def _path(self, text: str) -> Path:
        assert self.folder is not None
        return self.folder / self.fingerprint()[:32] / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"


FileStamps = tuple[tuple[Path, int, int], ...]
"""Files with their times of change and sizes."""

_read_last: dict[str, tuple[FileStamps, FrozenTextEncoder]] = {}
"""The pretrained encoder that was read last, by its specification: a run builds its models many times."""


def _stamps(files: Sequence[Path]) -> FileStamps:
    return tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def _read_before(spec: str) -> FrozenTextEncoder | None:
    """The encoder of this specification, if it was read and its files are the same still."""
    stamps, encoder = _read_last.get(spec, ((), None))
    try:
        return encoder.sharing() if encoder and _stamps(encoder.files) == stamps else None
    except OSError:
        return None


def build_text_encoder(spec: str, freeze: bool | None = None) -> TextEncoder:
    """Build a text encoder.

    Parameters
    ----------
    spec
        ``"name"`` or ``"name:argument"``; what the argument means is the encoder's business (``"tiny"`` takes none).
    freeze
        Whether training leaves the encoder as it is. By default a pretrained encoder is frozen and any other learns.
        A frozen pretrained encoder is read from its files once, and models of one process share it.

    Raises
    ------
    UserError
        If no encoder has this name or it does not take the argument.
    """
    name, _, argument = spec.partition(":")
    build = text_encoder_registry.get(name)
    known = None if freeze is False else _read_before(spec)
    if known is not None:
        return known
    # Libraries that read weights need tensors with content, also where a model is made only to be counted (cost.py).
    with unset_fake_temporarily():
        encoder = build(argument)
        if not (encoder.pretrained if freeze is None else freeze):
            return encoder
        frozen = FrozenTextEncoder(encoder)
    if encoder.pretrained and encoder.files:
        _read_last.clear()
        _read_last[spec] = _stamps(encoder.files), frozen
    return frozen.sharing()


def frozen_text_encoders(model: nn.Module) -> list[FrozenTextEncoder]:
    """Find the frozen text encoders of a model."""
    return [module for module in model.modules() if isinstance(module, FrozenTextEncoder)]


def keep_text_features(model: nn.Module, folder: Path) -> None:
    """Let the frozen text encoders of a model keep their features in a folder that runs may share."""
    for encoder in frozen_text_encoders(model):
        encoder.folder = folder
