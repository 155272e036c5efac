"""How fast corruptions are; run with ``pytest tests/benchmarks --benchmark-enable``. No test here asserts a time."""

import time

import numpy as np
import pytest
import torch
from skimage.transform import iradon, radon

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam

CT = ImageContext("ct", (-1350.0, 150.0), 360 / 224)


def slices(batch, size):
    axis = torch.linspace(-1, 1, size)
    body = torch.sigmoid(40 * (0.8 - torch.hypot(axis[:, None], axis)))
    return (0.25 + 0.5 * body).repeat(batch, 1, 1, 1)


def scikit_image_low_dose(image, photons, views):
    """The usual chain of scikit-image and NumPy, for one slice."""
    angles = np.arange(views) * 180 / views
    attenuation = np.maximum(0.4 * (image - 0.25) / 0.25, 0) * 0.0192 * CT.pixel_size_mm
    line_integrals = radon(attenuation, angles, circle=False)
    draw = np.random.default_rng(0)
    counts = draw.poisson(photons * np.exp(-line_integrals)) + draw.normal(0, np.sqrt(10), line_integrals.shape)
    return iradon(-np.log(np.maximum(counts, 0.1) / photons), angles, filter_name="ramp", circle=False)


@pytest.mark.parametrize("size", [128, 224, 512])
@pytest.mark.parametrize("name", ["low-dose-ct"])
def test_milliseconds_an_image(benchmark, name, size):
    images = slices(8, size)
    cases = [str(case) for case in range(8)]
    result = benchmark(corrupt, name, images, 3, cases, CT)
    if benchmark.stats is not None:
        benchmark.extra_info["ms_per_image"] = 1000 * benchmark.stats.stats.median / 8
        benchmark.extra_info["threads"] = torch.get_num_threads()
    assert torch.isfinite(result).all()


def test_low_dose_against_scikit_image_at_224_px(benchmark):
    image = slices(1, 224)
    views = parallel_beam(224, 224).views
    start = time.perf_counter()
    reference = scikit_image_low_dose(image[0, 0].double().numpy(), 1e4, views)
    seconds = time.perf_counter() - start
    result = benchmark(corrupt, "low-dose-ct", image, 3, ["case"], CT)
    if benchmark.stats is not None:
        benchmark.extra_info["scikit_image_ms"] = 1000 * seconds
        benchmark.extra_info["times_faster"] = seconds / benchmark.stats.stats.median
    assert reference.shape == result.shape[2:]
