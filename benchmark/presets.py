"""Named settings: the quick profile of the first command, the benchmark's own protocol, and the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cells import TrainingSettings

SplitName = Literal["official", "patient"]
"""The parts as published, or whole patients dealt anew."""

ValidationPolicy = Literal["full", "scaled"]
"""The whole validation part, or the same share of it as of the labels."""

PresetName = Literal["quick", "standard", "paper"]


PAPER_TEXT_ENCODER = "hf:microsoft/BiomedVLP-CXR-BERT-specialized"
"""The frozen text encoder of the BiCLIP paper; with another one no run is in the paper's setting."""


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
    training
        How every model is trained.
    patients
        Patients of the phantom for training, validation and test.
    """

    title: str
    image_size: int
    width: int
    training: TrainingSettings
    patients: tuple[int, int, int]


# The text branch learns at a third of the rate outside the paper's setting: at the full rate of a short training the
# pseudo-image can fall to zero, where its sigmoid passes hardly a gradient, and the text is never read.
PRESETS: dict[PresetName, Preset] = {
    # Chosen so that the first command ends within five minutes on two CPU cores.
    "quick": Preset(
        title="quick profile",
        image_size=80,
        width=8,
        training=TrainingSettings(
            epochs=7,
            minimum_steps=40,
            batch_size=8,
            learning_rate=3e-3,
            warmup=0.1,
            text_rate=0.33,
            weight_decay=1e-2,
        ),
        patients=(300, 40, 40),
    ),
    # The paper's input at half its width and two thirds of its epochs, for grids of many cells on a GPU.
    "standard": Preset(
        title="standard profile",
        image_size=224,
        width=32,
        training=TrainingSettings(
            epochs=100,
            minimum_steps=20,
            batch_size=16,
            learning_rate=3e-4,
            warmup=0.1,
            text_rate=0.33,
            weight_decay=1e-2,
        ),
        patients=(700, 100, 200),
    ),
    # Talaei et al. 2026 (arXiv 2603.00156) and its reference implementation: AdamW 1e-4, cosine annealing, batch 16,
    # 150 epochs, 224 px, U-Net of width 64. AdamW's weight decay is PyTorch's default.
    "paper": Preset(
        title="paper's setting",
        image_size=224,
        width=64,
        training=TrainingSettings(
            epochs=150,
            minimum_steps=1,
            batch_size=16,
            learning_rate=1e-4,
            warmup=0.0,
            text_rate=1.0,
            weight_decay=1e-2,
        ),
        patients=(700, 100, 200),
    ),
}
