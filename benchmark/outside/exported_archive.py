"""Reading what ``torch.export.save`` wrote without running code from the file.

``torch.export.load`` is not safe on a file of unknown origin (PyTorch 2.14: ``torch/export/pt2_archive/_package.py``,
``torch/_export/serde/serialize.py``). It unpickles weights, constants and example inputs, in the end without any
restriction; loads compiled libraries; evaluates the text of symbolic sizes and of guards; imports modules that a tree
specification names; and writes names of the graph into Python code. So the archive is copied first, and only data
passes: raw tensors, a graph of ATen operators whose every name is checked, and sizes that are arithmetic.
"""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from biclip_bench.errors import UserError

_GRAPH = "models/model.json"
_EXAMPLES = "data/sample_inputs/model.pt"
_WEIGHTS, _CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
_PLAIN = re.compile(
    r"archive_format|archive_version|byteorder|\.data/\w+|data/weights/weight_\d+|data/constants/tensor_\d+"
)
_UNUSED = re.compile(r"extra/.*")

_OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?!(save|from_file)\.)\w+\.\w+"
    r"|torch\.ops\.higher_order\.wrap_with_(set_grad_enabled|autocast)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|pos|eq|ne|lt|le|gt|ge|getitem)"
    r"|math\.(ceil|floor|trunc)|torch\.sym_(not|max|min|int|float|ite|sqrt)"
)
"""Operators of tensors and sizes. ATen's ``save`` and ``from_file`` write and read files."""

_NAME = re.compile(r"[A-Za-z0-9_.:-]*")
"""Names, devices, kinds: no bracket, quote or blank, so that none can be a call wherever it is written."""

_TREE = re.compile(r'[\w\s\[\]{}",:.\\]*')
_SIZES = re.compile(
    r"Symbol|Integer|Rational|Float|Add|Mul|Pow|Mod|Max|Min|Abs|floor|ceiling|FloorDiv|PythonMod|CleanDiv|CeilToInt"
    r"|FloorToInt|CeilDiv|ModularIndexing|IntTrueDiv|ToFloat|Identity"
)
"""What a symbolic size may be made of: SymPy's arithmetic, and PyTorch's own."""

_SIZE_SYNTAX = (
    ast.Expression, ast.Call, ast.Name, ast.Constant, ast.keyword, ast.BinOp, ast.UnaryOp, ast.Load, ast.operator,
    ast.unaryop,
)  # fmt: skip
_SYMBOL = re.compile(r"[a-z]+\d*")


class _Refusal(Exception):  # noqa: N818  (it is told as a UserError)
    """Something in the archive is not plain data."""


def load_exported(path: Path) -> ExportedProgram:
    """Load an exported program; nothing in the file runs as code.

    Raises
    ------
    UserError
        If the file is damaged, of another kind or version, or holds more than tensors and a graph of ATen operators.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            copy = _copy_data(archive)
    except _Refusal as refusal:
        raise UserError(
            f"The model file {path} is not loaded: {refusal}. What may run code when it is loaded is refused. Save the "
            f"model with torch.export.save of this PyTorch ({torch.__version__}), from weights that are plain tensors."
        ) from refusal
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError, NotImplementedError) as error:
        raise UserError(
            f"The model file {path} cannot be read as an exported model ({error}): it is damaged, or was not written "
            "by torch.export.save. Weights alone are given with --weights FILE --model NAME."
        ) from error
    try:
        with _quiet_export():
            return torch.export.load(copy)
    except Exception as error:
        # The loader's errors are of every kind: whichever it is, the file does not fit this PyTorch.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"The model file {path} was not written for this PyTorch ({torch.__version__}), or is damaged: {first} "
            "Export it again with this version."
        ) from error


def _copy_data(archive: zipfile.ZipFile) -> io.BytesIO:
    """Copy the archive's data: tensors as they are, the graph checked, nothing else."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    roots = {name.partition("/")[0] for name in names}
    if len(roots) != 1:
        raise ValueError("its entries do not lie in one folder")
    inside = {name.partition("/")[2]: name for name in names}
    missing = [name for name in (_GRAPH, _WEIGHTS, _CONSTANTS) if name not in inside]
    if _GRAPH in missing:
        raise ValueError(f"it has no {_GRAPH}")
    if missing:
        raise _Refusal(f"it has no {missing[0]}, so its tensors are pickled as older versions of PyTorch did")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as copy:
        for name, place in sorted(inside.items()):
            if _UNUSED.fullmatch(name):
                continue
            if name == _EXAMPLES:
                content = b""
            elif name in (_WEIGHTS, _CONSTANTS):
                content = _checked_tensors(archive.read(place))
            elif name == _GRAPH:
                content = _checked_graph(archive.read(place))
            elif _PLAIN.fullmatch(name):
                content = archive.read(place)
            else:
                raise _Refusal(f"it holds {name!r}, which is neither a tensor nor the graph")
            copy.writestr(f"model/{name}", content)
    buffer.seek(0)
    return buffer


def _checked_tensors(content: bytes) -> bytes:
    config = json.loads(content)
    for name, entry in config["config"].items():
        if entry["use_pickle"] or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
            raise _Refusal(f"its tensor {name!r} is stored as a pickle or as an object")
    _check(config)
    return json.dumps(config).encode()


def _checked_graph(content: bytes) -> bytes:
    program = json.loads(content)
    # Guards are Python text that the loader evaluates; shapes are checked on the outputs instead.
    program["guards_code"] = []
    program["torch_version"] = "unknown"
    _check(program)
    return json.dumps(program).encode()


def _check(value: Any, key: str = "") -> None:
    """Go through the graph: drop what only describes it, and check every text that is left by where it stands."""
    if isinstance(value, dict):
        for name in ("metadata", "treespec_namedtuple_fields"):
            if name in value:
                value[name] = {}
        for name, item in value.items():
            (_check_size if key == "range_constraints" else _check_name)(name)
            _check(item, name)
    elif isinstance(value, list):
        for item in value:
            _check(item, key)
    elif isinstance(value, str):
        if key in ("target", "as_operator"):
            _check_operator(value)
        elif key == "expr_str":
            _check_size(value)
        elif key in ("in_spec", "out_spec"):
            _check_tree(value)
        elif key not in ("as_string", "as_strings"):  # arguments of operators, which are handed over as text
            _check_name(value)


def _check_name(text: str) -> None:
    if not _NAME.fullmatch(text):
        raise _Refusal(f"its graph has the name {text[:60]!r}")


def _check_operator(text: str) -> None:
    if not _OPERATOR.fullmatch(text):
        raise _Refusal(f"its graph calls {text[:60]!r}, which is no operator of ATen on tensors")


def _check_tree(text: str) -> None:
    if not _TREE.fullmatch(text) or "__" in text or re.search(r"\\[^\"\\]", text):
        raise _Refusal("its inputs or outputs are bundled in another type than tuples, lists and dicts")


def _check_size(text: str) -> None:
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Refusal(f"its graph has the size {text[:60]!r}") from error
    for node in nodes:
        known = isinstance(node, _SIZE_SYNTAX)
        if isinstance(node, ast.Name):
            known = bool(_SIZES.fullmatch(node.id) or _SYMBOL.fullmatch(node.id))
        elif isinstance(node, ast.Call):
            known = isinstance(node.func, ast.Name) and bool(_SIZES.fullmatch(node.func.id))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            known = bool(_SYMBOL.fullmatch(node.value))
        if not known:
            raise _Refusal(f"its graph has the size {text[:60]!r}")


@contextmanager
def _quiet_export() -> Iterator[None]:
    """Keep the loader's warnings out of the terminal: what is wrong is told as an error."""
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
