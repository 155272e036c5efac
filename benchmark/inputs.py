"""From a data set's cases to what a model sees: intensity window, resize to the input size, batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from ..models.registry import Batch
from .datasets.base import Case, Dataset
from .resized_cache import ResizedCache

CACHE_BYTES = 4 * 2**30
"""Resized training cases are kept in memory up to this much; the rest is read again in every epoch."""

Sample = tuple[Tensor, Tensor, str]
"""Image (C, S, S), mask (1, S, S) and text of one case at a model's input size."""


def apply_window(images: Tensor, window: tuple[float, float]) -> Tensor:
    """Stretch a window of the stored range to [0, 1] and clip, as a viewer's window setting does.

    Parameters
    ----------
    images
        float32 in [0, 1].
    window
        Lower and upper end, both in [0, 1].
    """
    low, high = window
    if (low, high) == (0.0, 1.0):
        return images
    return ((images - low) / (high - low)).clamp(0.0, 1.0)


def viewed(image: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.float32]:
    """Show an image (C, H, W) through its window as (H, W), or (H, W, 3) where it has colour."""
    seen: NDArray[np.float32] = apply_window(torch.from_numpy(image), window).numpy()
    return seen[0] if seen.shape[0] == 1 else np.moveaxis(seen, 0, -1)


def resize_images(images: Tensor, size: int) -> Tensor:
    """Resize (B, C, H, W) images to a square bilinearly with antialiasing (pixel areas, not corners, align)."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False, antialias=True)


def resize_masks(masks: Tensor, size: int) -> Tensor:
    """Resize (B, 1, H, W) masks of 0.0 and 1.0 to a square: a pixel is lesion where at least half of it is covered."""
    if masks.shape[-2:] == (size, size):
        return masks
    return (resize_images(masks, size) >= 0.5).to(masks.dtype)


def model_input(images: Tensor, window: tuple[float, float], size: int) -> Tensor:
    """Turn native images (B, C, H, W) into a model's input (B, 3, size, size)."""
    resized = resize_images(apply_window(images, window), size)
    return resized.expand(-1, 3, -1, -1) if resized.shape[1] == 1 else resized


class ResizedCases(TorchDataset[Sample]):
    """Cases at a model's input size, decoded once.

    Parameters
    ----------
    dataset
        Where the cases come from.
    cases
        Ids of the cases, in order.
    size
        Side of the square input in pixels.
    cache
        Where resized cases are kept from run to run; without one they are kept in memory.
    """

    def __init__(self, dataset: Dataset, cases: Sequence[str], size: int, cache: ResizedCache | None = None) -> None:
        self.dataset = dataset
        self.cases = tuple(cases)
        self.size = size
        self.cache = cache
        self._text = dict(zip(dataset.index["case"], dataset.index["text"], strict=True))
        self._kept: dict[int, Sample] = {}
        self._room = CACHE_BYTES

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, position: int) -> Sample:
        if position in self._kept:
            return self._kept[position]
        name = self.cases[position]
        if self.cache is not None and (found := self.cache.get(name)) is not None:
            return (*found, self._text[name])
        case = self.dataset.load(name)
        image = torch.from_numpy(case.image)[None]
        mask = torch.from_numpy(case.mask)[None, None].float()
        sample = (
            resize_images(apply_window(image, self.dataset.context.window), self.size)[0],
            resize_masks(mask, self.size)[0],
            case.text,
        )
        if self.cache is not None:
            self.cache.put(name, *sample[:2])
            return sample
        needed = sum(tensor.numel() * tensor.element_size() for tensor in sample[:2])
        if needed <= self._room:
            self._room -= needed
            self._kept[position] = sample
        return sample


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples into a batch; grey images are repeated over three channels."""
    images, masks, texts = zip(*samples, strict=True)
    stacked = torch.stack([image.expand(3, -1, -1) for image in images])
    return Batch(stacked, list(texts), torch.stack(masks))


class EpochSampler(Sampler[int]):
    """A random order that depends on the seed and the epoch alone, so that a resumed training sees the same cases.

    Parameters
    ----------
    cases
        Number of cases.
    samples
        Number of samples in an epoch, at least ``cases``; beyond it further random orders follow.
    seed
        Seed of the training.
    """

    def __init__(self, cases: int, samples: int, seed: int) -> None:
        self.cases = cases
        self.samples = samples
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; the trainer calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.samples

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        remaining = self.samples
        while remaining > 0:
            order = torch.randperm(self.cases, generator=generator)[:remaining]
            remaining -= len(order)
            yield from order.tolist()


def native_batches(
    dataset: Dataset, cases: Sequence[str], limit: int, values: float = math.inf
) -> Iterator[list[Case]]:
    """Load cases in order, in batches of one image shape with at most ``limit`` cases.

    A batch of more than one case holds at most ``values`` pixel values.
    """
    waiting: list[Case] = []
    for name in cases:
        case = dataset.load(name)
        full = len(waiting) == limit or (len(waiting) + 1) * case.image.size > values
        if waiting and (full or case.image.shape != waiting[0].image.shape):
            yield waiting
            waiting = []
        waiting.append(case)
    if waiting:
        yield waiting
