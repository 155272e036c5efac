"""The contract of a model and the registry that finds it by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from biclip_bench.registry import Registry


@dataclass(frozen=True)
class Batch:
    """What a model sees.

    Parameters
    ----------
    image
        float32 of shape (B, 3, H, W) in [0, 1]; grey images are repeated over the channels. Models normalise
        inside. H and W equal ``ModelSettings.image_size``.
    text
        One report or prompt a case, length B; an empty string where there is none.
    mask
        float32 of shape (B, 1, H, W), 0.0 or 1.0; None at prediction.
    unlabelled
        In training, for a model with ``uses_unlabelled``: as many cases without a mask, drawn from the training cases
        whose labels the model may not use. None for other models, and where all cases are labelled.
    """

    image: Tensor
    text: Sequence[str]
    mask: Tensor | None = None
    unlabelled: Batch | None = None


@dataclass(frozen=True)
class ModelSettings:
    """How a model is built; part of the key of everything it produces.

    Parameters
    ----------
    image_size
        Side of the square input in pixels, a multiple of 16.
    width
        Channels of the first level of the segmentation network (64 in the papers, less in the quick profile).
    text_encoder
        A registered text encoder, ``"name"`` or ``"name:argument"``.
    freeze_text
        Whether training leaves the text encoder as it is; None freezes a pretrained one and lets any other learn.
    preset
        ``"benchmark"``: all models share one augmentation and numerically sound losses. ``"paper"``: exactly the
        sizes, augmentation and losses of the model's paper.
    options
        Switches of one model, by name (for ``biclip`` the ablations); a value may also be the text that was typed.
    argument
        What stood behind ``name:`` in the model's specification, such as ``Unet`` in ``smp:Unet``.
    """

    image_size: int = 224
    width: int = 64
    text_encoder: str = "tiny"
    freeze_text: bool | None = None
    preset: Literal["benchmark", "paper"] = "benchmark"
    options: dict[str, Any] = field(default_factory=dict)
    argument: str = ""


class SegmentationModel(nn.Module, ABC):
    """A binary segmentation model.

    Subclasses declare what they are:

    ``uses_text``, ``uses_image``
        Whether the text, and whether the image, changes the prediction. A model whose options take the text out sets it
        on the instance: read it there.
    ``augmented_with``
        The corruption families that its training sees, so that a report can say which robustness was trained for. A
        model whose options change it sets it on the instance: read it there.
    ``uses_unlabelled``
        Whether training also learns from the images and texts of training cases that are not labelled
        (``batch.unlabelled``).
    ``paper``
        The publication it comes from.
    ``text_branch``
        The submodules that process text alone: the trainer may let them learn at another rate.
    ``pretrained``, ``pretraining``
        Which weights, trained on other data, the instance began with (empty if none), and how a user gives it such
        weights (``"weights=FILE"``; ``"no"`` if not at all).
    ``argument``
        What must stand behind ``name:`` in the model's specification (``"an architecture"``); empty where nothing does.
    ``options_kind``, ``parts``
        The dataclass of its options, which ``models show`` lists, and those of them that can be switched off one by one
        (``--ablate``).
    """

    uses_text: bool
    uses_image: bool = True
    augmented_with: tuple[str, ...] = ()
    uses_unlabelled: bool = False
    paper: ClassVar[str]
    text_branch: ClassVar[tuple[str, ...]] = ()
    pretrained: str = ""
    pretraining: ClassVar[str] = "no"
    argument: ClassVar[str] = ""
    parts: ClassVar[tuple[str, ...]] = ()
    options_kind: ClassVar[type | None] = None

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """Predict logits of shape (B, 1, H, W); ``batch.mask`` is ignored."""

    @abstractmethod
    def training_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the named scalar loss terms, each already weighted: the trainer minimises their sum.

        Augmentation happens in here, so that a model which needs an un-augmented image, or two views, has them.
        ``batch.mask`` is not None.
        """


model_registry: Registry[type[SegmentationModel]] = Registry("model", "biclip_bench.models")


def register_model(name: str) -> Callable[[type[SegmentationModel]], type[SegmentationModel]]:
    """Return a class decorator that registers a model; the class takes one :class:`ModelSettings`."""
    return model_registry.register(name)
