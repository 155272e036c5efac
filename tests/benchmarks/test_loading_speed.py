"""How fast training images come from the cache of resized cases against decoding them with Pillow in every epoch.

Run with ``pytest tests/benchmarks/test_loading_speed.py --benchmark-enable -s``. No test here asserts a time. The peer
is what most training scripts have: a data set that opens image and mask with Pillow, resizes both and makes tensors.
"""

import statistics
import time
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch
from PIL import Image

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.base import cases_of
from biclip_bench.benchmark.inputs import ResizedCases
from biclip_bench.benchmark.resized_cache import ResizedCache

SIZE = 224
TURNS = 5


class PillowCases(torch.utils.data.Dataset):
    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.names = folder, names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int):
        name = self.names[position]
        with Image.open(self.folder / "img" / name) as image, Image.open(self.folder / "labelcol" / name) as mask:
            pixels = image.convert("L").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
            lesion = mask.convert("L").resize((SIZE, SIZE), Image.Resampling.NEAREST)
            return (
                torch.from_numpy(np.array(pixels)).float()[None] / 255,
                torch.from_numpy(np.array(lesion) > 127).float()[None],
            )


@pytest.fixture(scope="module")
def data(request, tmp_path_factory) -> tuple[Path, int]:
    """A set of 8-bit PNG slices of 512 pixels in LViT's layout: 2,000 training cases where speed is measured."""
    measured = request.config.getoption("--benchmark-enable")
    counts = {"Train": 2000 if measured else 4, "Val": 2, "Test": 2}
    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:512, :512] / 512
    for part, count in counts.items():
        book = openpyxl.Workbook()
        book.active.append(["Image", "Description"])
        for kind in ("img", "labelcol"):
            (root / f"{part}_Folder" / kind).mkdir(parents=True)
        for number in range(count):
            name = f"study_{number // 10:04d}_slice{number:04d}.png"
            mask = (rows - 0.5) ** 2 + (columns - generator.uniform(0.3, 0.7)) ** 2 < 0.02
            image = 90 + 60 * np.sin(9 * rows + number) * columns + 20 * mask + generator.normal(0, 4, rows.shape)
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"{part}_Folder" / "img" / name)
            Image.fromarray((mask * 255).astype(np.uint8)).save(root / f"{part}_Folder" / "labelcol" / name)
            book.active.append([name, "one area"])
        book.save(root / f"{part}_Folder" / f"{part}_text.xlsx")
    return root, counts["Train"]


def seconds(cases) -> float:
    started = time.perf_counter()
    for position in range(len(cases)):
        cases[position]
    return time.perf_counter() - started


def test_images_a_second_against_pillow(data, tmp_path, benchmark, capsys):
    root, count = data
    dataset = open_dataset("lvit", DatasetSettings(root=root, cache=tmp_path))
    names = sorted(path.name for path in (root / "Train_Folder" / "img").iterdir())
    cached = ResizedCases(dataset, cases_of(dataset, "train"), SIZE, ResizedCache(tmp_path, dataset, SIZE, 1))
    peer = PillowCases(root / "Train_Folder", names)
    first = seconds(cached)
    turns = [(seconds(peer), seconds(cached)) for _ in range(TURNS if count > 4 else 1)]
    ratio = statistics.median(pillow / cache for pillow, cache in turns)
    pillow, cache = (statistics.median(times) for times in zip(*turns, strict=True))
    benchmark.extra_info.update(ratio=ratio, pillow=count / pillow, cache=count / cache, first_epoch=count / first)
    with capsys.disabled():
        print(
            f"\n{count} cases at {SIZE} px: Pillow {count / pillow:.0f} images/s, from the cache {count / cache:.0f} "
            f"(first epoch, which fills it, {count / first:.0f}); median ratio of {len(turns)} turns {ratio:.1f}"
        )
    benchmark.pedantic(lambda: cached[0], rounds=1)
    image, mask, text = cached[0]
    assert image.shape == mask.shape == (1, SIZE, SIZE)
    assert text == "one area"
