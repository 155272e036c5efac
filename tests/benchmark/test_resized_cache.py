import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from biclip_bench.benchmark.datasets import Case, DatasetSettings, open_dataset
from biclip_bench.benchmark.inputs import ResizedCases
from biclip_bench.benchmark.resized_cache import ResizedCache, open_resized_cache
from biclip_bench.benchmark.training import train_cell
from biclip_bench.corruptions.context import ImageContext


class Counting:
    """Six made cases; remembers which were decoded."""

    name = "made"
    fingerprint = "f" * 64
    context = ImageContext(window=(0.1, 0.8))

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels
        self.decoded: list[str] = []
        names = [f"case{number}" for number in range(6)]
        parts = ["train"] * 3 + ["val"] * 2 + ["test"]
        self.index = pd.DataFrame(
            {"case": names, "part": parts, "group": names, "text": [f"text of {name}" for name in names]}
        )

    def load(self, case: str) -> Case:
        self.decoded.append(case)
        generator = np.random.default_rng(int(case[-1]))
        image = generator.random((self.channels, 50, 70), np.float32)
        return Case(case, image, generator.random((50, 70)) < 0.4, f"text of {case}", case)


def everything(dataset, cache, size=32):
    return list(ResizedCases(dataset, dataset.index["case"][:5], size, cache))


def same(one, other):
    return all(
        torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) and a[2] == b[2] for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [32, 47])
def test_what_is_read_back_has_the_bits_that_decoding_gives(tmp_path: Path, channels, size):
    dataset = Counting(channels)
    plain = everything(dataset, None, size)
    filling = everything(dataset, ResizedCache(tmp_path, dataset, size, channels), size)
    dataset.decoded.clear()
    again = everything(dataset, ResizedCache(tmp_path, dataset, size, channels), size)
    assert dataset.decoded == []
    assert same(plain, filling)
    assert same(plain, again)


def test_a_second_pass_decodes_nothing(tmp_path: Path):
    dataset = Counting()
    cases = ResizedCases(dataset, ["case0", "case4"], 32, ResizedCache(tmp_path, dataset, 32, 1))
    for _ in range(2):
        list(cases)
    assert dataset.decoded == ["case0", "case4"]


@pytest.mark.parametrize("where", [0, 1000, 32 * 32 * 4 + 5, -1])
def test_a_torn_record_is_decoded_and_written_again(tmp_path: Path, where):
    dataset = Counting()
    cache = ResizedCache(tmp_path, dataset, 32, 1)
    plain = everything(dataset, cache)
    content = bytearray(cache.path.read_bytes())
    record = len(content) // 5
    content[record * 2 + where % record] ^= 0xFF
    cache.path.write_bytes(content)
    dataset.decoded.clear()
    mended = ResizedCache(tmp_path, dataset, 32, 1)
    assert same(everything(dataset, mended), plain)
    assert dataset.decoded == ["case2"]
    assert same(everything(dataset, ResizedCache(tmp_path, dataset, 32, 1)), plain)
    assert dataset.decoded == ["case2"]


def test_other_data_windows_and_sizes_have_files_of_their_own(tmp_path: Path):
    dataset = Counting()
    paths = {ResizedCache(tmp_path, dataset, size, 1).path for size in (32, 48)}
    dataset.fingerprint = "e" * 64
    paths.add(ResizedCache(tmp_path, dataset, 32, 1).path)
    dataset.context = ImageContext(window=(0.0, 1.0))
    paths.add(ResizedCache(tmp_path, dataset, 32, 1).path)
    assert len(paths) == 4


def test_test_cases_are_not_kept(tmp_path: Path):
    dataset = Counting()
    cache = ResizedCache(tmp_path, dataset, 32, 1)
    list(ResizedCases(dataset, ["case5"], 32, cache))
    assert cache.get("case5") is None


def test_a_full_disk_costs_speed_and_nothing_else(tmp_path: Path, monkeypatch):
    dataset = Counting()
    cache = ResizedCache(tmp_path, dataset, 32, 1)

    class Full:
        def seek(self, _position):
            pass

        def write(self, _bytes):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "_file", Full())
    assert same(everything(dataset, cache), everything(dataset, None))
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert open_resized_cache(blocked / "cache", dataset, 32) is None


def test_training_from_the_cache_gives_the_same_bits(make_cell, tmp_path: Path):
    cell = make_cell()
    phantom = open_dataset("phantom", DatasetSettings(image_size=32, cases=(3, 1, 1), cache=tmp_path / "cache"))
    cell = replace(cell, cases=tuple(phantom.index.loc[phantom.index["part"] == "train", "case"]))
    weights = []
    for name, cache in (("plain", None), ("filling", tmp_path / "resized"), ("full", tmp_path / "resized")):
        (tmp_path / name).mkdir()
        train_cell(cell, phantom, tmp_path / name, accelerator="cpu", image_cache=cache)
        weights.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert len(set(weights)) == 1
    assert len(list((tmp_path / "resized").iterdir())) == 1
