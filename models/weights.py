"""Reading weights from a file that the user named: safetensors, or a pickle that may hold tensors and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from biclip_bench.errors import UserError

PICKLED = (".pt", ".pth", ".ckpt", ".bin")
"""Endings of files that torch writes; they are read with ``weights_only=True``, which runs no code from the file."""

_NESTED = ("state_dict", "model_state_dict", "model", "network_weights")
"""Keys under which training frameworks keep the weights in a checkpoint (Lightning, common scripts, nnU-Net)."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dictionary on the CPU.

    Parameters
    ----------
    path
        A ``.safetensors`` file, or one of :data:`PICKLED` that holds a state dictionary or a checkpoint with one.

    Raises
    ------
    UserError
        If the file is missing, truncated, of another kind, or a pickle that holds more than tensors.
    """
    if not path.is_file():
        raise UserError(f"There are no weights at {path}. Give a .safetensors, .pt, .pth, .ckpt or .bin file.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise UserError(f"The weights {path} are damaged or no safetensors file ({error}).") from error
    if path.suffix not in PICKLED:
        raise UserError(f"The weights {path} end in none of .safetensors, {', '.join(PICKLED)}.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"The weights {path} hold more than tensors, such as pickled objects that could run code, or are damaged; "
            "they are not loaded. Save the state dictionary alone: torch.save(model.state_dict(), ...) or, better, "
            "safetensors.torch.save_file(model.state_dict(), ...)."
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise UserError(f"The weights {path} are damaged: {error}") from error
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"The weights {path} hold no state dictionary, that is names with tensors.")
    return {str(name): tensor for name, tensor in content.items()}


def misfits(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """List, in alphabetical order, the tensors that are missing, superfluous or of another shape."""
    return sorted(
        name
        for name in expected.keys() | given.keys()
        if name not in expected or name not in given or expected[name].shape != given[name].shape
    )


def load_into(module: nn.Module, weights: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Load weights that must fit a module exactly.

    Parameters
    ----------
    module
        Takes the weights.
    weights
        As :func:`read_weights` gives them.
    path, what
        Where they come from, and what the module is, for the message.

    Raises
    ------
    UserError
        If a tensor is missing, superfluous or of another shape; the message names the first and counts them.
    """
    wrong = misfits(module.state_dict(), weights)
    if wrong:
        raise UserError(
            f"The weights {path} do not fit {what}: {len(wrong)} tensors differ, the first is {wrong[0]!r}."
        )
    module.load_state_dict(weights)
