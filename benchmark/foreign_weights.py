"""Weights that a training starts from and that lie in files: their content, not their path, is part of its key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..models import build_text_encoder, find_model, parse_model
from .config import ExperimentConfig

TEXT_ENCODER = "text encoder"


def foreign_weights(config: ExperimentConfig, models: Sequence[str]) -> dict[str, dict[str, str]]:
    """Hash what each model of a configuration is given beside its data.

    Returns
    -------
    dict
        For each model a mapping from what the weights are for (``"text encoder"``, or the name of an option whose
        value is a file) to a SHA-256. Empty for a model that starts from random numbers alone.
    """
    encoder = None
    if any(find_model(parse_model(name)).uses_text for name in models):
        encoder = build_text_encoder(config.text_encoder, config.freeze_text)
    text = {TEXT_ENCODER: encoder.fingerprint()} if encoder is not None and encoder.pretrained else {}
    return {name: (text if find_model(parse_model(name)).uses_text else {}) | _files(config, name) for name in models}


def _files(config: ExperimentConfig, name: str) -> dict[str, str]:
    spec = parse_model(name)
    options: Mapping[str, object] = {**config.model_options.get(spec.name, {}), **spec.options}
    paths = {option: Path(value) for option, value in options.items() if isinstance(value, str)}
    return {option: _sha256(path) for option, path in paths.items() if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
