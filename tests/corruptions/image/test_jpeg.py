import numpy as np
import pytest
import torch
from scipy import fft
from skimage.color import rgb2ycbcr

from biclip_bench.corruptions import SEVERITIES, corrupt, corruption_registry

LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""ITU-T T.81, table K.1."""


def textured(channels=1, size=(64, 80)):
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, channels, size[0] // 8, size[1] // 8, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)
    return (0.2 + 0.6 * smooth + 0.05 * torch.rand(1, channels, *size, generator=draw)).clamp(0, 1)


def by_the_standard(levels, quality):
    """Quantise the cosine transform of each block by the scaled table, and go back."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = np.floor((LUMINANCE * np.floor(scale) + 50) / 100).clip(1, 255)
    rows, columns = levels.shape
    blocks = levels.reshape(rows // 8, 8, columns // 8, 8).transpose(0, 2, 1, 3) - 128.0
    quantised = np.rint(fft.dctn(blocks, axes=(2, 3), norm="ortho") / table) * table
    back = fft.idctn(quantised, axes=(2, 3), norm="ortho") + 128
    return np.rint(back).clip(0, 255).transpose(0, 2, 1, 3).reshape(rows, columns)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_grey_images_follow_the_standard(severity):
    images = textured()
    quality = corruption_registry.get("jpeg").levels[severity - 1]["quality"]
    result = corrupt("jpeg", images, severity, ["a"])[0, 0].numpy() * 255
    expected = by_the_standard(np.rint(images[0, 0].numpy() * 255), quality)
    difference = np.abs(result - expected)
    # The encoder's integer cosine transform rounds a coefficient the other way now and then.
    assert np.mean(difference < 0.01) > 0.6
    assert np.mean(difference < 2.01) > 0.9


def test_result_has_256_grey_levels():
    result = corrupt("jpeg", textured(3), 3, ["a"]) * 255
    assert (result - result.round()).abs().max() < 1e-4


def test_grey_stored_as_colour_is_the_grey_image():
    images = textured()
    for severity in SEVERITIES:
        grey = corrupt("jpeg", images, severity, ["a"])
        for channels in (2, 3):
            colour = corrupt("jpeg", images.repeat(1, channels, 1, 1), severity, ["a"])
            assert torch.equal(colour, grey.repeat(1, channels, 1, 1))


def test_two_channels_are_two_grey_images():
    images = textured(2)
    together = corrupt("jpeg", images, 4, ["a"])
    assert torch.equal(together[:, :1], corrupt("jpeg", images[:, :1], 4, ["a"]))
    assert torch.equal(together[:, 1:], corrupt("jpeg", images[:, 1:], 4, ["a"]))


def test_colour_has_half_the_resolution_of_brightness():
    columns = torch.arange(64) % 2
    stripes = columns.float().expand(64, 64)
    luma = (0.4 + 0.2 * stripes) * torch.tensor([1.0, 0.999, 1.0])[:, None, None]
    chroma = torch.stack([0.35 + 0.3 * stripes, 0.5 - 0.3 * 0.299 / 0.587 * (stripes - 0.5), torch.full((64, 64), 0.5)])

    def contrast_of_stripes(image, component):
        values = rgb2ycbcr(image.permute(1, 2, 0).numpy())[..., component]
        return abs(values[:, ::2].mean() - values[:, 1::2].mean())

    read = corrupt("jpeg:quality=95", torch.stack([luma, chroma]), 1, ["a", "b"])
    assert contrast_of_stripes(read[0], 0) > 0.9 * contrast_of_stripes(luma, 0)
    assert contrast_of_stripes(read[1], 2) < 0.1 * contrast_of_stripes(chroma, 2)


def test_lower_quality_is_further_from_the_image():
    images = textured(3)
    errors = [(corrupt("jpeg", images, severity, ["a"]) - images).square().mean() for severity in SEVERITIES]
    assert errors == sorted(errors)
    assert len(set(errors)) == len(errors)
