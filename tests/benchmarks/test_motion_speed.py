"""How fast motion blur is against other packages'; run with ``pytest tests/benchmarks --benchmark-enable``.

No test here asserts a time. A peer is timed in the same test, in turns with the corruption, so that both meet the same
machine, and the least of the turns counts. Beside the time on the clock stands the processor time of all threads, which
other programs on the same cores hardly change. The peers get the picture as their interfaces ask for it: eight bits and
three channels, or a volume of one slice.
"""

import time

import numpy as np
import pytest
import torch
from PIL import Image

from biclip_bench.corruptions import corrupt

BATCH = 8
CASES = [str(case) for case in range(BATCH)]
SIZES = [224, 512]
SEVERITIES = [1, 3, 5]


def picture(size):
    axis = torch.linspace(-1, 1, size)
    body = torch.sigmoid(40 * (0.8 - torch.hypot(axis[:, None], axis)))
    return (0.25 + 0.5 * body + 0.1 * torch.sin(40 * axis) * torch.sin(31 * axis[:, None])).clamp(0, 1)


def eight_bits(size):
    return np.repeat((255 * picture(size).numpy()).round().astype(np.uint8)[..., None], 3, axis=2)


def compare(benchmark, size, severity, peer):
    """Blur a batch and, in turns with it, one image by the peer."""
    images = picture(size).repeat(BATCH, 1, 1, 1)
    steps = {
        "motion": (BATCH, lambda: corrupt("motion", images, severity, CASES)),
        "peer": (1, peer),
        "copy": (BATCH, images.numpy().copy),
    }
    clock, processor = ({name: float("inf") for name in steps} for _ in range(2))
    for _ in range(10 if benchmark.enabled else 1):
        for name, (count, function) in steps.items():
            start = time.perf_counter(), time.process_time()
            function()
            clock[name] = min(clock[name], (time.perf_counter() - start[0]) / count)
            processor[name] = min(processor[name], (time.process_time() - start[1]) / count)
    result = benchmark(corrupt, "motion", images, severity, CASES)
    benchmark.extra_info["threads"] = torch.get_num_threads()
    benchmark.extra_info["ms_per_image"] = 1000 * clock["motion"]
    benchmark.extra_info["peer_ms_per_image"] = 1000 * clock["peer"]
    benchmark.extra_info["times_faster"] = clock["peer"] / clock["motion"]
    benchmark.extra_info["times_less_processor_time"] = processor["peer"] / processor["motion"]
    benchmark.extra_info["memory_copies"] = processor["motion"] / processor["copy"]
    assert result.shape == images.shape


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_against_imagecorruptions(benchmark, severity, size):
    # It imports pkg_resources, which newer versions of setuptools lack.
    peer = pytest.importorskip("imagecorruptions.corruptions", exc_type=ImportError)
    image = eight_bits(size)
    compare(benchmark, size, severity, lambda: peer.motion_blur(image, severity))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_against_medmnistc(benchmark, monkeypatch, severity, size):
    registry = pytest.importorskip("medmnistc.corruptions.registry", exc_type=ImportError)
    # It calls a binary mode that NumPy has removed in favour of frombuffer, which does the same.
    monkeypatch.setattr(np, "fromstring", lambda data, dtype: np.frombuffer(data, dtype), raising=False)
    peer = registry.CORRUPTIONS_DS["octmnist"]["motion_blur"]
    image = Image.fromarray(eight_bits(size))
    compare(benchmark, size, severity, lambda: peer.apply(image, severity - 1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", ["RandomMotion", "RandomBlur"])
def test_against_torchio(benchmark, name, severity, size):
    torchio = pytest.importorskip("torchio")
    volume = torchio.ScalarImage(tensor=picture(size)[None, ..., None])
    peer = getattr(torchio, name)()
    compare(benchmark, size, severity, lambda: peer(volume))
