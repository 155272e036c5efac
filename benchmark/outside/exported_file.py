"""Models that ``torch.export`` wrote."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.utils._pytree import tree_leaves

from biclip_bench.errors import UserError

from .exported_archive import load_exported
from .model_file import InputForm, Network, input_form

_TRAINING_FLAG = {"batch_norm": 5, "dropout": 2, "feature_dropout": 2}
"""Operators that act otherwise in training, and the position of the argument that says so."""


def open_exported(path: Path, device: torch.device) -> tuple[Network, InputForm]:
    """Open a ``.pt2`` file on a device.

    Raises
    ------
    UserError
        If it cannot be loaded, was exported in training mode, or its input or output is not one tensor.
    """
    program = load_exported(path)
    form = _input_of(path, program)
    _check_mode(path, program)
    if device.type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    module = program.module(check_guards=False)

    def run(images: Tensor) -> Tensor:
        leaves = tree_leaves(module(images))
        if len(leaves) != 1 or not isinstance(leaves[0], Tensor):
            raise UserError(f"The model file {path} has {len(leaves)} outputs: export a model with one, the logits.")
        return leaves[0]

    return run, form


def _input_of(path: Path, program: ExportedProgram) -> InputForm:
    names = program.graph_signature.user_inputs
    values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(values) != 1 or not isinstance(values[0], Tensor):
        raise UserError(
            f"The model file {path} takes {len(values)} inputs: export a model of the image alone. One that reads the "
            "text is benchmarked by its predictions: see --predictions."
        )
    value = values[0]
    shape = tuple(side if type(side) is int else None for side in value.shape)
    return input_form(path, shape, str(value.dtype).removeprefix("torch."))


def _check_mode(path: Path, program: ExportedProgram) -> None:
    for node in program.graph.nodes:
        operator = str(node.target).partition(".")[2].partition(".")[0]
        position = _TRAINING_FLAG.get(operator)
        if position is not None and len(node.args) > position and node.args[position] is True:
            raise UserError(
                f"The model file {path} was exported in training mode ({operator} acts on it): call model.eval() "
                "before torch.export.export."
            )
