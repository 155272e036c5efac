import numpy as np
import pytest
import torch

from biclip_bench.corruptions import ImageContext, corrupt, corruption_registry
from biclip_bench.corruptions.ct.low_dose_ct import batch_change, change, low_dose_ct, where_they_lie
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.corruptions.ct.torch_beam import torch_beam

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"))]
SIZES = [(64, 64), (65, 65), (48, 81), (80, 33), (1, 1), (1, 7), (2, 3), (224, 224)]


def images_of(batch, size):
    return torch.rand(batch, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", SIZES)
def test_projection_and_reconstruction_agree_with_finufft(size, device):
    images = images_of(3, size)
    numpy, scanner = parallel_beam(*size), torch_beam(*size, torch.device(device))
    sinograms = np.stack([numpy.project(image) for image in images.numpy()])
    assert np.abs(scanner.project(images.to(device)).cpu().numpy() - sinograms).max() < 1e-4 * sinograms.max()
    for kernel in ("ram-lak", "hann"):
        expected = np.stack([numpy.reconstruct(sinogram, kernel) for sinogram in sinograms])
        result = scanner.reconstruct(torch.from_numpy(sinograms).to(device), kernel).cpu().numpy()
        assert np.abs(result - expected).max() < 2e-4 * np.abs(expected).max()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", SIZES)
def test_back_projection_is_the_adjoint_of_projection(size, device):
    scanner = torch_beam(*size, torch.device(device))
    images = images_of(2, size).to(device)
    sinograms = images_of(2, (scanner.views, scanner.bins)).to(device)
    there = (scanner.project(images).double() * sinograms).sum()
    back = (images.double() * scanner.back_project(sinograms)).sum()
    assert float(there) == pytest.approx(float(back), rel=1e-5)


OPTIONS = [
    {},
    {"mode": "reconstruct"},
    {"kernel": "hann", "bowtie": 0.5, "modulation": 1.0},
    {"mode": "reconstruct", "source_dose": 0.5, "electronic": 30.0, "bowtie": 1.0},
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", [(96, 96), (63, 90)])
def test_the_whole_corruption_agrees_with_the_cpus_chain(size, options, device):
    level = {**corruption_registry.get("low-dose-ct").defaults, "dose": 0.1, **options}
    axes = [torch.linspace(-1, 1, side) for side in size]
    body = torch.sigmoid(30 * (0.8 - torch.hypot(axes[0][:, None], axes[1])))
    images = 0.25 + body * (0.4 + 0.2 * images_of(3, size))
    contexts = [ImageContext("ct", (-1350.0, 150.0), 1.6), ImageContext("ct", (-1000.0, 2000.0), 3.0), ImageContext()]
    seeds = [5, 6, 7]
    batch = batch_change(images.to(device), level, seeds, contexts, torch_beam(*size, torch.device(device)))
    for number, image in enumerate(images.numpy()):
        alone = change(image, level, seeds[number], contexts[number], parallel_beam(*size))
        low, high = contexts[number].hu_range or (-1350.0, 150.0)
        # Two thousandths of the noise; the anatomy, which only mode reconstruct projects, a third of a Hounsfield unit.
        tolerance = 2e-3 * alone.std() + (0.3 / (high - low) if level["mode"] == "reconstruct" else 0)
        assert np.abs(batch[number].cpu().numpy() - alone).max() < tolerance


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_channels_are_treated_alike_on_every_device(channels, device):
    images = 0.3 + 0.4 * images_of(3, (channels, 48, 64))
    images[1] = images[1, :1]  # a grey image among colour ones
    before = images.clone()
    level = {**corruption_registry.get("low-dose-ct").defaults, "dose": 0.1}
    arguments = level, [1, 2, 3], [ImageContext()] * 3
    result = where_they_lie(images.to(device), *arguments).cpu()
    assert torch.equal(images, before)
    assert torch.equal(result[1], result[1, :1].expand(channels, 48, 64))
    assert (result - low_dose_ct(images, *arguments)).abs().max() < 1e-4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_cuda_batch_stays_on_its_device(channels):
    images = images_of(4, (channels, 80, 80))
    cases = list("abcd")
    result = corrupt("low-dose-ct", images.cuda(), 3, cases)
    assert result.is_cuda
    assert (result.cpu() - corrupt("low-dose-ct", images, 3, cases)).abs().max() < 1e-4
