"""Named settings: the quick profile of the first command, the benchmark's own protocol, and the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["quick", "standard", "paper"]


@dataclass(frozen=True)
class Preset:
    """The size of the networks and the length of training.

    Parameters
    ----------
    title
        What a report calls it.
    image_size
        Side of the models' input in pixels.
    width
        Channels of the networks' first level.
    epochs, minimum_steps, batch_size, learning_rate, warmup, text_rate, weight_decay
        As in :class:`~biclip_bench.benchmark.cells.TrainingSettings`.
    patients
        Patients of the phantom for training, validation and test.
    """

    title: str
    image_size: int
    width: int
    epochs: int
    minimum_steps: int
    batch_size: int
    learning_rate: float
    warmup: float
    text_rate: float
    weight_decay: float
    patients: tuple[int, int, int]


# The text branch learns at a third of the rate outside the paper's setting: at the full rate of a short training the
# pseudo-image can fall to zero, where its sigmoid passes hardly a gradient, and the text is never read.
PRESETS: dict[PresetName, Preset] = {
    # Chosen so that the first command ends within five minutes on two CPU cores.
    "quick": Preset("quick profile", 80, 8, 7, 40, 8, 3e-3, 0.1, 0.33, 1e-2, (300, 40, 40)),
    # The paper's input and schedule at half its width: a grid of cells on one GPU in a day.
    "standard": Preset("standard profile", 224, 32, 100, 20, 16, 3e-4, 0.1, 0.33, 1e-2, (700, 100, 200)),
    # Talaei et al. 2026 (arXiv 2603.00156) and its reference implementation: AdamW 1e-4, cosine annealing, batch 16,
    # 150 epochs, 224 px, U-Net of width 64. AdamW's weight decay is PyTorch's default.
    "paper": Preset("paper's setting", 224, 64, 150, 1, 16, 1e-4, 0.0, 1.0, 1e-2, (700, 100, 200)),
}
