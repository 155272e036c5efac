import os

import pytest
import torch
from safetensors.torch import save_file

from biclip_bench.errors import UserError
from biclip_bench.models.weights import load_into, read_weights

WEIGHTS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


class Payload:
    def __reduce__(self):
        return os.mkdir, ("hidden-code-ran",)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth", "w.ckpt", "w.bin"])
@pytest.mark.parametrize("nested", [None, "state_dict", "model"])
def test_weights_come_back(tmp_path, name, nested):
    path = tmp_path / name
    if name == "w.safetensors":
        save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS if nested is None else {"epoch": 3, nested: WEIGHTS}, path)
    module = torch.nn.Linear(3, 2)
    load_into(module, read_weights(path), path, "a layer")
    assert torch.equal(module.weight, WEIGHTS["weight"])


@pytest.mark.parametrize("name", ["w.pt", "w.ckpt"])
def test_a_pickle_that_hides_code_is_refused_and_the_code_does_not_run(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": WEIGHTS, "extra": Payload()}, tmp_path / name)
    with pytest.raises(UserError, match=rf"{name} hold more than tensors.*torch.save\(model.state_dict"):
        read_weights(tmp_path / name)
    assert not (tmp_path / "hidden-code-ran").exists()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.ckpt"])
@pytest.mark.parametrize("kept", [0, 5, 0.5, 0.99])
def test_a_truncated_file_is_named(tmp_path, name, kept):
    path = tmp_path / name
    save_file(WEIGHTS, path) if name == "w.safetensors" else torch.save(WEIGHTS, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(UserError, match=str(path)):
        read_weights(path)


def test_other_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no weights at .*nothing\.pt"):
        read_weights(tmp_path / "nothing.pt")
    (tmp_path / "w.h5").write_bytes(b"x")
    with pytest.raises(UserError, match=r"w\.h5 end in none of \.safetensors"):
        read_weights(tmp_path / "w.h5")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(UserError, match=r"list\.pt hold no state dictionary"):
        read_weights(tmp_path / "list.pt")


def test_weights_of_another_module_are_named(tmp_path):
    with pytest.raises(UserError, match="do not fit a layer: 1 tensors differ, the first is 'weight'"):
        load_into(torch.nn.Linear(4, 2), WEIGHTS, tmp_path / "w.pt", "a layer")
