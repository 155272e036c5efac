"""How fast low-dose CT is against its peers; run with ``pytest tests/benchmarks --benchmark-enable``.

No test here asserts a time. Every ratio compares milliseconds an image within one test, best of a few repeats.
"""

import time

import numpy as np
import pytest
import torch
from skimage.transform import iradon, radon

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.low_dose_ct import low_dose_ct
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam

BATCH = 8
WATER_PER_MM = 0.0192


def context(size):
    return ImageContext("ct", (-1350.0, 150.0), 360 / size)


def slices(batch, size):
    axis = torch.linspace(-1, 1, size)
    body = torch.sigmoid(40 * (0.8 - torch.hypot(axis[:, None], axis)))
    return (0.25 + 0.6 * body).repeat(batch, 1, 1, 1)


def attenuation(image, size):
    hounsfield = -1350 + 1500 * image
    return np.maximum(1 + hounsfield / 1000, 0) * WATER_PER_MM * 360 / size


def measured(line_integrals, photons):
    draw = np.random.default_rng(0)
    counts = draw.poisson(photons * np.exp(-line_integrals)) + draw.normal(0, np.sqrt(10), line_integrals.shape)
    return -np.log(np.maximum(counts, 0.1) / photons)


def scikit_image(image, photons):
    """The usual chain of scikit-image and NumPy, for one slice, with as many views and (nearly) as many bins."""
    size = len(image)
    angles = np.arange(parallel_beam(size, size).views) * 180 / parallel_beam(size, size).views
    line_integrals = radon(attenuation(image, size), angles, circle=False)
    return iradon(measured(line_integrals, photons), angles, filter_name="ramp", circle=False)


class Astra:
    """The same chain with ASTRA's CPU projector (linear interpolation) and filtered back-projection."""

    def __init__(self, size):
        self.astra = pytest.importorskip("astra")
        self.size, scanner = size, parallel_beam(size, size)
        angles = np.arange(scanner.views) * np.pi / scanner.views
        self.volume = self.astra.create_vol_geom(size, size)
        self.geometry = self.astra.create_proj_geom("parallel", 1.0, scanner.bins, angles)
        self.projector = self.astra.create_projector("linear", self.geometry, self.volume)

    def __call__(self, image, photons):
        number, sinogram = self.astra.create_sino(attenuation(image, self.size).astype(np.float32), self.projector)
        noisy = self.astra.data2d.create("-sino", self.geometry, measured(sinogram, photons).astype(np.float32))
        result = self.astra.data2d.create("-vol", self.volume)
        settings = self.astra.astra_dict("FBP") | {
            "ProjectorId": self.projector, "ProjectionDataId": noisy, "ReconstructionDataId": result,
            "option": {"FilterType": "Ram-Lak"},
        }  # fmt: skip
        algorithm = self.astra.algorithm.create(settings)
        self.astra.algorithm.run(algorithm)
        image = self.astra.data2d.get(result)
        self.astra.algorithm.delete(algorithm)
        self.astra.data2d.delete([number, noisy, result])
        return image


def best(function, *arguments, repeats=3):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times), result


@pytest.mark.parametrize("size", [80, 128, 224, 512])
@pytest.mark.parametrize("spec", ["low-dose-ct", "low-dose-ct:mode=reconstruct,bowtie=1,modulation=1"])
def test_milliseconds_an_image_of_low_dose_ct(benchmark, spec, size):
    images, cases = slices(BATCH, size), [str(case) for case in range(BATCH)]
    result = benchmark(corrupt, spec, images, 3, cases, context(size))
    if benchmark.stats is not None:
        benchmark.extra_info["ms_per_image"] = 1000 * benchmark.stats.stats.median / BATCH
        benchmark.extra_info["threads"] = torch.get_num_threads()
    assert torch.isfinite(result).all()


@pytest.mark.parametrize("size", [80, 224, 512])
@pytest.mark.parametrize("peer", ["scikit-image", "astra"])
def test_low_dose_ct_against_a_peer(benchmark, peer, size):
    chain = scikit_image if peer == "scikit-image" else Astra(size)
    images, cases = slices(BATCH, size), [str(case) for case in range(BATCH)]
    clean = images[0, 0].numpy()
    corrupt("low-dose-ct", images, 3, cases, context(size))  # plans are made once
    result = benchmark(corrupt, "low-dose-ct", images, 3, cases, context(size))
    if benchmark.stats is None:
        return
    seconds, reference = best(chain, clean.astype(np.float64), 1e4)
    own = benchmark.stats.stats.median / BATCH
    benchmark.extra_info["threads"] = torch.get_num_threads()
    benchmark.extra_info["peer_ms_per_image"] = 1000 * seconds
    benchmark.extra_info["ms_per_image"] = 1000 * own
    benchmark.extra_info["times_faster"] = seconds / own
    # The peer reconstructs the same slice, so the same work is compared.
    middle = slice(size // 3, 2 * size // 3)
    per_pixel = attenuation(clean, size)[middle, middle].mean()
    assert np.median(reference[middle, middle]) == pytest.approx(per_pixel, rel=0.1)
    assert result.shape == images.shape


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("size", [224, 512])
def test_milliseconds_an_image_of_low_dose_ct_on_cuda(benchmark, size):
    images = slices(BATCH, size).cuda()
    cases = [str(case) for case in range(BATCH)]

    def synchronised():
        corrupt("low-dose-ct", images, 3, cases, context(size))
        torch.cuda.synchronize()

    synchronised()
    benchmark(synchronised)


def test_time_of_the_parts_is_reported(benchmark):
    """Where one slice's time goes, at 224 pixels: projection, random numbers, counting, reconstruction."""
    from biclip_bench.corruptions import parse_spec
    from biclip_bench.corruptions.ct.photon_counts import measured_line_integrals
    from biclip_bench.corruptions.seeding import case_generator

    level = parse_spec("low-dose-ct").parts[0].levels[2]
    images, scanner = slices(1, 224), parallel_beam(224, 224)
    benchmark(low_dose_ct, images, level, [1], [context(224)])
    if benchmark.stats is None:
        return
    seconds, sinogram = best(scanner.project, attenuation(images[0, 0].numpy(), 224), repeats=20)
    benchmark.extra_info["project_ms"] = 1000 * seconds
    draw = case_generator(1)
    seconds, normals = best(lambda: draw.standard_normal(sinogram.shape, dtype=np.float32), repeats=20)
    benchmark.extra_info["random_ms"] = 1000 * seconds
    seconds, noisy = best(measured_line_integrals, sinogram[:50], 9.2, normals[:50], repeats=20)
    benchmark.extra_info["count_ms"] = 1000 * seconds * len(sinogram) / len(noisy)
    seconds, _ = best(scanner.reconstruct, sinogram, repeats=20)
    benchmark.extra_info["reconstruct_ms"] = 1000 * seconds
