import pytest
import torch

from biclip_bench.models import Batch, ModelSettings, build_model, listed_models


@pytest.mark.parametrize("name", listed_models())
def test_a_model_trains_in_bfloat16(name):
    """What --precision bf16-mixed does on a GPU, here on the CPU."""
    torch.manual_seed(0)
    model = build_model(name, ModelSettings(image_size=64, width=4))
    batch = Batch(torch.rand(4, 3, 64, 64), ["two infected areas"] * 4, (torch.rand(4, 1, 64, 64) > 0.8).float())
    # Several draws, so that the blur of the strong view comes up.
    for _ in range(4):
        with torch.autocast("cpu", torch.bfloat16):
            total = torch.stack(list(model.training_losses(batch).values())).sum()
        total.backward()
        assert torch.isfinite(total)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)
