"""How fast corruptions are; run with ``pytest tests/benchmarks --benchmark-enable``. No test here asserts a time."""

import pytest
import torch

from biclip_bench.corruptions import ImageContext, corrupt

CT = ImageContext("ct", (-1350.0, 150.0), 360 / 224)


def slices(batch, size):
    axis = torch.linspace(-1, 1, size)
    body = torch.sigmoid(40 * (0.8 - torch.hypot(axis[:, None], axis)))
    return (0.25 + 0.5 * body).repeat(batch, 1, 1, 1)


@pytest.mark.parametrize("size", [128, 224, 512])
def test_milliseconds_an_image(benchmark, size):
    images = slices(8, size)
    cases = [str(case) for case in range(8)]
    result = benchmark(corrupt, "motion", images, 3, cases, CT)
    if benchmark.stats is not None:
        benchmark.extra_info["ms_per_image"] = 1000 * benchmark.stats.stats.median / 8
        benchmark.extra_info["threads"] = torch.get_num_threads()
    assert torch.isfinite(result).all()
