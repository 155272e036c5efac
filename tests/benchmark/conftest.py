from dataclasses import replace
from pathlib import Path

import pytest

from biclip_bench.benchmark.cells import TrainingCell, TrainingSettings
from biclip_bench.benchmark.datasets import Dataset, DatasetSettings, open_dataset
from biclip_bench.benchmark.splits import labelled_cases


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A phantom small enough to train on in seconds: 4, 2 and 2 patients at 64 px."""
    cache: Path = tmp_path_factory.mktemp("cache")
    return open_dataset("phantom", DatasetSettings(image_size=64, cases=(4, 2, 2), cache=cache))


@pytest.fixture(scope="session")
def make_cell(phantom: Dataset):
    """Make a training cell on the small phantom; keyword arguments replace its fields."""

    def make(model: str = "unet", **changes) -> TrainingCell:
        settings = {"image_size": 32, "width": 4, "text_encoder": "tiny", "preset": "benchmark", "options": {}}
        cell = TrainingCell(
            dataset="phantom",
            fingerprint=phantom.fingerprint,
            labels=100.0,
            cases=labelled_cases(phantom.index, 100, 0),
            seed=0,
            model=model,
            model_settings=settings,
            training=TrainingSettings(3, 1, 4, 1e-3, 0.0, 1.0, 1e-2),
        )
        return replace(cell, **changes)

    return make
