"""What a model costs: parameters and floating-point operations, counted without computing anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from .build import build_model, count_parameters
from .frozen_text import frozen_text_encoders
from .registry import Batch, ModelSettings, SegmentationModel

EXAMPLE_TEXT = "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."


@dataclass(frozen=True)
class ModelCost:
    """The size of one model.

    Parameters
    ----------
    trained
        Parameters that training changes.
    frozen
        Parameters that it does not, such as those of a frozen text encoder.
    gflops
        Billions of floating-point operations of one prediction, a multiply-add counted as two (many papers count it
        as one); None where they cannot be counted. A frozen text encoder is left out: it runs once a text.
    """

    trained: int
    frozen: int
    gflops: float | None


def model_cost(name: str, settings: ModelSettings) -> ModelCost:
    """Count the parameters and operations of a model that is never really made: its tensors have shapes and no content.

    A model whose library looks at values while it builds (MONAI and SMP do, for the rates of stochastic depth) is made,
    but not run.

    Parameters
    ----------
    name
        As :func:`~biclip_bench.models.build.build_model` takes it.
    settings
        How it is built; the image size is that of the prediction.

    Raises
    ------
    UserError
        As ``build_model`` does.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    without_content = FakeTensorMode(allow_non_fake_inputs=True)
    try:
        with without_content:
            model = build_model(name, settings)
    except Exception:
        with torch.random.fork_rng(devices=[]):
            model = build_model(name, settings)
    model.eval()
    with without_content:
        trained = count_parameters(model, trainable_only=True)
        counter = FlopCounterMode(display=False)
        image = torch.zeros(1, 3, settings.image_size, settings.image_size)
        try:
            for encoder in frozen_text_encoders(model):
                encoder([EXAMPLE_TEXT])  # remembered from here on, so not counted
            with _plain_attention(), counter, torch.no_grad():
                model(Batch(image, [EXAMPLE_TEXT]))
            gflops = counter.get_total_flops() / 1e9
        except Exception:
            gflops = None  # a model from elsewhere may look at values, which tensors without content lack
    return ModelCost(trained, count_parameters(model) - trained, gflops)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Keep PyTorch from its fused attention, whose operations the counter cannot see."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def loss_terms(model: SegmentationModel, image_size: int) -> list[str]:
    """Name the loss terms of a model, from one small batch."""
    image = torch.full((2, 3, image_size, image_size), 0.5)
    mask = torch.zeros(2, 1, image_size, image_size)
    mask[:, :, image_size // 4 : image_size // 2, image_size // 4 : image_size // 2] = 1
    with torch.no_grad():
        return list(model.train().training_losses(Batch(image, [EXAMPLE_TEXT] * 2, mask)))


def module_sizes(model: nn.Module) -> dict[str, tuple[str, int]]:
    """Class and number of parameters of each direct part of a model that has any, in the order of construction."""
    sizes = {name: (type(part).__name__, count_parameters(part)) for name, part in model.named_children()}
    return {name: (kind, size) for name, (kind, size) in sizes.items() if size}
