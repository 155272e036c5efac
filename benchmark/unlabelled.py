"""Training cases without labels, for the methods that can use their images and texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from ..models.registry import Batch
from .cells import TrainingCell
from .datasets.base import Dataset, cases_of
from .inputs import EpochSampler, ResizedCases, Sample, collate
from .resized_cache import ResizedCache

Pair = tuple[Sample, Sample]
"""A labelled and an unlabelled case."""


def unlabelled_cases(dataset: Dataset, cell: TrainingCell) -> list[str]:
    """List the training cases whose labels a cell may not use, in the index's order."""
    labelled = set(cell.cases)
    return [case for case in cases_of(dataset, "train") if case not in labelled]


class PairedCases(TorchDataset[Pair]):
    """Labelled cases beside unlabelled ones; an index is a pair of positions."""

    def __init__(self, labelled: ResizedCases, unlabelled: ResizedCases) -> None:
        self.labelled = labelled
        self.unlabelled = unlabelled

    def __len__(self) -> int:
        return len(self.labelled)

    def __getitem__(self, positions: tuple[int, int]) -> Pair:
        return self.labelled[positions[0]], self.unlabelled[positions[1]]


class PairedSampler(Sampler[tuple[int, int]]):
    """Deals each labelled sample of an epoch an unlabelled one, each from an order of its own."""

    def __init__(self, labelled: EpochSampler, unlabelled: EpochSampler) -> None:
        self.labelled = labelled
        self.unlabelled = unlabelled

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose orders come next; the trainer calls this."""
        self.labelled.set_epoch(epoch)
        self.unlabelled.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.labelled)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.labelled, self.unlabelled, strict=True)


def collate_pairs(pairs: Sequence[Pair]) -> Batch:
    """Stack pairs into a labelled batch that carries an unlabelled one; its masks go no further than here."""
    labelled, unlabelled = (collate(samples) for samples in zip(*pairs, strict=True))
    return replace(labelled, unlabelled=replace(unlabelled, mask=None))


def training_batches(
    dataset: Dataset, cell: TrainingCell, cache: ResizedCache | None, *, unlabelled: bool
) -> DataLoader[Sample] | DataLoader[Pair]:
    """Load a cell's training batches.

    Parameters
    ----------
    dataset, cell
        What to load.
    cache
        Where resized cases are kept.
    unlabelled
        Whether each batch carries as many unlabelled cases, where there are any.
    """
    size, batch = cell.image_size, cell.training.batch_size
    cases = ResizedCases(dataset, cell.cases, size, cache)
    sampler = EpochSampler(len(cases), cell.samples_per_epoch, cell.seed)
    rest = unlabelled_cases(dataset, cell) if unlabelled else []
    if not rest:
        return DataLoader(cases, batch, sampler=sampler, collate_fn=collate)
    other = EpochSampler(len(rest), cell.samples_per_epoch, cell.seed)
    paired = PairedCases(cases, ResizedCases(dataset, rest, size, cache))
    return DataLoader(paired, batch, sampler=PairedSampler(sampler, other), collate_fn=collate_pairs)
