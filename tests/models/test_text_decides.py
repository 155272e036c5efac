"""Images in which everything looks alike and the text says which of it is meant."""

from dataclasses import replace

import pytest
import torch

from biclip_bench.benchmark.presets import PRESETS
from biclip_bench.benchmark.training import TrainingModule
from biclip_bench.models import Batch, ModelSettings, build_model

SIDE = 32
CORNERS = {"upper left": (4, 4), "upper right": (4, 18), "lower left": (18, 4), "lower right": (18, 18)}


def candidates(cases: int, seed: int) -> Batch:
    """Noise with a square in each corner; the text names the corner that is meant."""
    generator = torch.Generator().manual_seed(seed)
    image = 0.3 * torch.rand(cases, 3, SIDE, SIDE, generator=generator)
    mask = torch.zeros(cases, 1, SIDE, SIDE)
    texts = [list(CORNERS)[case % 4] for case in range(cases)]
    for case, text in enumerate(texts):
        top, left = CORNERS[text]
        mask[case, 0, top : top + 10, left : left + 10] = 1
        for row, column in CORNERS.values():
            image[case, :, row : row + 10, column : column + 10] += 0.5
    return Batch(image, texts, mask)


def dice(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        predicted = (model.eval()(batch) > 0).float()
    return 2 * (predicted * batch.mask).sum((1, 2, 3)) / (predicted + batch.mask).sum((1, 2, 3))


def trained(name: str, steps: int) -> torch.nn.Module:
    """Train as the quick profile does, on noise that never repeats."""
    settings = replace(PRESETS["quick"].training, weight_decay=0.0)
    torch.manual_seed(0)
    model = build_model(name, ModelSettings(image_size=SIDE, width=8)).to(memory_format=torch.channels_last).train()
    configured = TrainingModule(model, settings, steps, SIDE, name).configure_optimizers()
    optimiser, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    for step in range(steps):
        optimiser.zero_grad()
        sum(model.training_losses(candidates(8, 100 + step)).values()).backward()
        optimiser.step()
        schedule.step()
    return model


@pytest.mark.parametrize(
    ("name", "steps", "expected"), [("clipseg", 100, 0.9), ("medclipseg", 140, 0.9), ("text-only", 100, 0.75)]
)
def test_the_text_says_which_square(name, steps, expected):
    """``text-only`` draws on a grid of 8 pixels, which the squares do not lie on."""
    model = trained(name, steps)
    data = candidates(8, 1)
    assert dice(model, data).min() > expected
    others = data.text[1:] + data.text[:1]
    assert dice(model, Batch(data.image, others, data.mask)).max() < 0.1
