"""Models in the ONNX format, run by ONNX Runtime: a graph of its operators, which runs no code from the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from biclip_bench.errors import UserError

from .model_file import InputForm, Network, input_form

_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
_LOCATION = re.compile(rb"\n\x08location\x12(.)", re.DOTALL)
"""The entry ``location`` of a tensor's ``external_data`` as protobuf writes it, with the length of what follows."""


def open_onnx(path: Path, device: torch.device) -> tuple[Network, InputForm]:
    """Open an ``.onnx`` file; on a CUDA device if this ONNX Runtime has one.

    Raises
    ------
    UserError
        If ONNX Runtime is not installed, the file is damaged, or its input or output is not one tensor.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            f'Reading {path} needs ONNX Runtime, which is not installed: pip install "biclip-bench[onnx]".'
        ) from error
    here = onnxruntime.get_available_providers()
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    providers = [name for name in (*wanted, "CPUExecutionProvider") if name in here]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong comes as an exception
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        # ONNX Runtime's error types have no common base.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"The model file {path} cannot be read as an ONNX model ({first}): it is damaged, not whole, or uses "
            "operators that this ONNX Runtime does not know."
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1:
        raise UserError(
            f"The model file {path} takes {len(inputs)} inputs: export a model of the image alone. One that reads the "
            "text is benchmarked by its predictions: see --predictions."
        )
    if len(outputs) != 1:
        raise UserError(f"The model file {path} has {len(outputs)} outputs: export a model with one, the logits.")
    return _network(session, inputs[0].name), _form(path, inputs[0])


def _form(path: Path, taken: Any) -> InputForm:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in taken.shape)
    return input_form(path, shape, _TYPES.get(taken.type, taken.type))


def _network(session: Any, name: str) -> Network:
    def run(images: Tensor) -> Tensor:
        (output,) = session.run(None, {name: images.cpu().numpy()})
        return torch.from_numpy(np.ascontiguousarray(output))

    return run


def companion_files(path: Path) -> list[Path]:
    """List the files beside an ``.onnx`` file in which it keeps its weights, as its own text names them."""
    content = path.read_bytes()
    names = {content[match.end() : match.end() + match[1][0]] for match in _LOCATION.finditer(content)}
    return sorted(path.with_name(name.decode("utf-8", "replace")) for name in names)
