from pathlib import Path
from typing import ClassVar

import pytest
import torch

from biclip_bench.benchmark.datasets.base import cases_of
from biclip_bench.benchmark.splits import labelled_cases
from biclip_bench.benchmark.training import train_cell
from biclip_bench.benchmark.unlabelled import training_batches, unlabelled_cases
from biclip_bench.models import Batch, model_registry
from biclip_bench.models.unet import UNet


class Recording(UNet):
    """A U-Net that also pulls its predictions on unlabelled images towards zero, and remembers what it was given."""

    uses_unlabelled = True
    seen: ClassVar[list[Batch | None]] = []

    def training_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        losses = super().training_losses(batch)
        self.seen.append(batch.unlabelled)
        if batch.unlabelled is not None:
            losses["unlabelled"] = 1e-3 * self(batch.unlabelled).abs().mean()
        return losses


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(model_registry._entries, "recording", Recording)
    Recording.seen.clear()


@pytest.fixture
def scarce(make_cell, phantom):
    return make_cell("recording", labels=25.0, cases=labelled_cases(phantom.index, 25, 0))


def test_the_rest_is_every_training_case_that_is_not_labelled(phantom, scarce):
    rest = unlabelled_cases(phantom, scarce)
    assert sorted([*rest, *scarce.cases]) == sorted(cases_of(phantom, "train"))
    assert not set(rest) & set(scarce.cases)


def test_each_batch_carries_as_many_cases_without_a_mask(phantom, scarce):
    images = {}
    for batch in training_batches(phantom, scarce, None, unlabelled=True):
        assert batch.mask is not None
        assert batch.unlabelled.mask is None
        assert batch.unlabelled.image.shape == batch.image.shape
        assert len(batch.unlabelled.text) == len(batch.text)
        images |= {image.numpy().tobytes(): None for image in batch.unlabelled.image}
    labelled = {
        image.numpy().tobytes() for image in next(iter(training_batches(phantom, scarce, None, unlabelled=False))).image
    }
    assert not labelled & set(images)


def test_a_model_gets_it_only_where_it_asks_and_labels_are_left(phantom, scarce, make_cell):
    (plain,) = {batch.unlabelled for batch in training_batches(phantom, scarce, None, unlabelled=False)}
    assert plain is None
    everything = make_cell("recording")
    assert all(batch.unlabelled is None for batch in training_batches(phantom, everything, None, unlabelled=True))


def test_epochs_differ_and_repeat(phantom, scarce):
    def texts(epoch):
        loader = training_batches(phantom, scarce, None, unlabelled=True)
        loader.sampler.set_epoch(epoch)
        return list(loader.sampler)

    assert texts(0) == texts(0)
    assert texts(0) != texts(1)


def test_training_learns_from_it_and_repeats_to_the_bit(phantom, scarce, tmp_path: Path):
    weights = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        description = train_cell(scarce, phantom, tmp_path / name, accelerator="cpu")
        weights.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert description["unlabelled"] == len(unlabelled_cases(phantom, scarce))
    assert all(batch.mask is None for batch in Recording.seen)
    assert "unlabelled" in (tmp_path / "one" / "log.csv").read_text().splitlines()[0]
