"""How fast the artefacts of a CT scan are; run with ``pytest tests/benchmarks --benchmark-enable``."""

import time

import numpy as np
import pytest
import torch
from skimage.transform import iradon, radon

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam

NAMES = ["ct-beam-hardening", "ct-metal", "ct-motion", "ct-rings", "ct-sparse-views"]


@pytest.mark.parametrize("size", [224, 512])
@pytest.mark.parametrize("name", NAMES)
def test_an_artefact_against_one_projection_and_reconstruction_by_scikit_image(benchmark, name, size):
    axis = torch.linspace(-1, 1, size)
    body = torch.sigmoid(40 * (0.8 - torch.hypot(axis[:, None], axis)))
    images = (0.25 + 0.5 * body)[None, None]
    context = ImageContext("ct", (-1350.0, 150.0), 360 / size)
    result = benchmark(corrupt, name, images, 3, ["case"], context)
    assert result.shape == images.shape
    if benchmark.stats is None:
        return
    angles = np.arange(parallel_beam(size, size).views) * 180 / parallel_beam(size, size).views
    start = time.perf_counter()
    iradon(radon(body.double().numpy(), angles, circle=False), angles, circle=False)
    seconds = time.perf_counter() - start
    benchmark.extra_info["ms"] = 1000 * benchmark.stats.stats.median
    benchmark.extra_info["scikit_image_ms"] = 1000 * seconds
    benchmark.extra_info["times_faster"] = seconds / benchmark.stats.stats.median
