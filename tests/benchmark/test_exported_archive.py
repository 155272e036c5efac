"""A ``.pt2`` file is data: whatever it hides, loading it runs nothing."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from biclip_bench.benchmark.outside.exported_archive import load_exported
from biclip_bench.errors import UserError

GRAPH = "models/model.json"
CALL = "__import__('os').mkdir('hidden-code-ran')"


class Payload:
    def __reduce__(self):
        return os.mkdir, ("hidden-code-ran",)


class Network(torch.nn.Module):
    """With what the archive has to carry: parameters, a buffer, a constant, sizes, a text argument."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.norm(self.convolution(x - self.mean))
        pooled = torch.nn.functional.adaptive_avg_pool2d(features, 1).expand(-1, -1, x.shape[2], x.shape[3])
        mixed = torch.einsum("bchw,bchw->bhw", features, pooled)
        return mixed[:, None] + torch.div(x[:, :1], 2, rounding_mode="floor")


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return Network().eval()


@pytest.fixture(scope="module")
def archive(network, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "network.pt2"
    sides = {0: torch.export.Dim("batch"), 2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    program = torch.export.export(network, (torch.rand(2, 3, 16, 18),), dynamic_shapes=(sides,))
    torch.export.save(program, path)
    return path


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Copy an archive with its entries changed; names are those below its root."""
    with zipfile.ZipFile(source) as archive:
        (root,) = {name.partition("/")[0] for name in archive.namelist()}
        entries = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            archive.writestr(f"{root}/{name}", content)
    return target


def in_graph(change: Callable[[dict], None]) -> Callable[[dict[str, bytes]], None]:
    def edit(entries: dict[str, bytes]) -> None:
        program = json.loads(entries[GRAPH])
        change(program)
        entries[GRAPH] = json.dumps(program).encode()

    return edit


def pickled() -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": Payload()}, buffer)
    return buffer.getvalue()


def test_an_honest_model_comes_back_and_predicts_the_same(archive, network):
    module = load_exported(archive).module(check_guards=False)
    for shape in ((1, 3, 16, 18), (3, 3, 20, 16)):
        images = torch.rand(shape)
        torch.testing.assert_close(module(images), network(images))


def test_example_inputs_are_not_unpickled(archive, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = rewritten(
        archive, tmp_path / "m.pt2", lambda entries: entries.update({"data/sample_inputs/model.pt": pickled()})
    )
    load_exported(path)
    assert not Path("hidden-code-ran").exists()


def test_guards_and_descriptions_are_not_run(archive, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def change(program: dict) -> None:
        program["guards_code"] = [f"{CALL} is None"]
        for node in program["graph_module"]["graph"]["nodes"]:
            node["metadata"]["stack_trace"] = f"\n{CALL}\n"

    images = torch.rand(2, 3, 16, 18)
    loaded = load_exported(rewritten(archive, tmp_path / "m.pt2", in_graph(change))).module(check_guards=False)
    torch.testing.assert_close(loaded(images), network(images))
    assert not Path("hidden-code-ran").exists()


def pickle_weight(entries: dict[str, bytes]) -> None:
    config = json.loads(entries["data/weights/model_weights_config.json"])
    entry = next(iter(config["config"].values()))
    entry["use_pickle"] = True
    entries["data/weights/model_weights_config.json"] = json.dumps(config).encode()
    entries[f"data/weights/{entry['path_name']}"] = pickled()


def object_constant(entries: dict[str, bytes]) -> None:
    config = json.loads(entries["data/constants/model_constants_config.json"])
    next(iter(config["config"].values()))["path_name"] = "opaque_obj_0"
    entries["data/constants/model_constants_config.json"] = json.dumps(config).encode()
    entries["data/constants/opaque_obj_0"] = pickle.dumps(Payload())


def old_weights(entries: dict[str, bytes]) -> None:
    entries["data/weights/model.pt"] = pickled()


def without_tensors(entries: dict[str, bytes]) -> None:
    del entries["data/weights/model_weights_config.json"]
    old_weights(entries)


def compiled(entries: dict[str, bytes]) -> None:
    entries["data/aotinductor/model/model.so"] = b"\x7fELF"


def first_sizes(program: dict, expression: str) -> None:
    for value in program["graph_module"]["graph"]["tensor_values"].values():
        value["sizes"][:1] = [{"as_expr": {"expr_str": expression, "hint": {"as_int": 2}}}]


def size(program: dict) -> None:
    first_sizes(program, CALL)


def bound(program: dict) -> None:
    program["range_constraints"] = {CALL: {"min_val": 0, "max_val": None}}


def hidden_in_symbol(program: dict) -> None:
    first_sizes(program, f"Symbol({CALL!r})")


def attribute_of_size(program: dict) -> None:
    first_sizes(program, "Integer.mro()")


def operator_of_system(program: dict) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.mkdir"


def operator_of_files(program: dict) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.save.default"


def name_in_code(program: dict) -> None:
    node = program["graph_module"]["graph"]["nodes"][0]
    node["name"] = f"x = {CALL}; y"


def argument_name_in_code(program: dict) -> None:
    program["graph_module"]["module_call_graph"][0]["signature"]["forward_arg_names"] = [f"x={CALL}"]


def enum_in_tree(program: dict) -> None:
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    context = json.dumps({"__enum__": True, "fqn": "antigravity:x", "name": "x"})
    signature["out_spec"] = json.dumps([1, {"type": "builtins.dict", "context": context, "children_spec": []}])


def escaped_enum_in_tree(program: dict) -> None:
    enum_in_tree(program)
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    signature["out_spec"] = signature["out_spec"].replace("__enum__", "\\\\u005f_enum_\\\\u005f")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pickle_weight, "stored as a pickle"),
        (object_constant, "stored as a pickle or as an object"),
        (old_weights, "'data/weights/model.pt'"),
        (without_tensors, "has no data/weights/model_weights_config.json"),
        (compiled, "model.so"),
        *((in_graph(change), "has the size") for change in (size, bound, hidden_in_symbol, attribute_of_size)),
        (in_graph(operator_of_system), "calls 'torch.os.mkdir'"),
        (in_graph(operator_of_files), "calls 'torch.ops.aten.save.default'"),
        (in_graph(name_in_code), "x = __import__"),
        (in_graph(argument_name_in_code), "x=__import__"),
        (in_graph(enum_in_tree), "bundled in another type"),
        (in_graph(escaped_enum_in_tree), "bundled in another type"),
    ],
)
def test_a_file_that_hides_code_is_refused_and_the_code_does_not_run(archive, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    path = rewritten(archive, tmp_path / "m.pt2", change)
    with pytest.raises(UserError, match=r"m\.pt2 is not loaded: .*torch\.export\.save") as refused:
        load_exported(path)
    assert message in str(refused.value)
    assert not Path("hidden-code-ran").exists()


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_truncated_file_is_named(archive, tmp_path, kept):
    content = archive.read_bytes()
    path = tmp_path / "m.pt2"
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(UserError, match=r"m\.pt2 cannot be read as an exported model.*--weights"):
        load_exported(path)


def test_a_state_dictionary_is_no_exported_model(tmp_path):
    torch.save(Network().state_dict(), tmp_path / "m.pt2")
    with pytest.raises(UserError, match=r"cannot be read as an exported model.*--weights FILE --model NAME"):
        load_exported(tmp_path / "m.pt2")


def test_a_graph_of_another_version_is_named(archive, tmp_path):
    def change(program: dict) -> None:
        program["schema_version"]["major"] = 99

    with pytest.raises(UserError, match=r"was not written for this PyTorch.*Export it again"):
        load_exported(rewritten(archive, tmp_path / "m.pt2", in_graph(change)))
