import io

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from biclip_bench.benchmark.release.pixels import decode, encode, pixel_digest, quantise, restore

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda size: st.sampled_from([size, (*size, 3)]))
IMAGE_SHAPES = st.tuples(st.sampled_from([1, 3]), st.integers(1, 6), st.integers(1, 6))
IMAGES = arrays(np.float32, IMAGE_SHAPES, elements=st.floats(0, 1, width=32))
PIXELS = st.sampled_from([np.uint8, np.uint16]).flatmap(lambda kind: SHAPES.flatmap(lambda shape: arrays(kind, shape)))


@given(PIXELS)
def test_a_png_holds_the_pixels_that_libpng_reads(pixels):
    content = torch.frombuffer(bytearray(encode(pixels, "png")), dtype=torch.uint8)
    read = torchvision.io.decode_png(content, torchvision.io.ImageReadMode.UNCHANGED).numpy()
    np.testing.assert_array_equal(read, np.atleast_3d(pixels).transpose(2, 0, 1))
    assert read.dtype == pixels.dtype


@given(PIXELS, st.sampled_from(["png", "npz"]))
def test_files_give_back_the_same_pixels(pixels, file_format):
    read = decode(encode(pixels, file_format), file_format)
    np.testing.assert_array_equal(read, pixels)
    assert read.dtype == pixels.dtype
    assert pixel_digest(read) == pixel_digest(pixels)


def test_pillow_reads_grey_pngs_in_16_and_8_bits():
    for kind in (np.uint16, np.uint8):
        pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (31, 17), kind, endpoint=True)
        read = np.asarray(Image.open(io.BytesIO(encode(pixels, "png"))))
        np.testing.assert_array_equal(read, pixels)
        assert read.dtype == kind


@given(IMAGES)
def test_16_bits_are_off_by_half_a_step_at_most(image):
    back = quantise(image).astype(np.float64) / 65535
    channels_first = back[None] if back.ndim == 2 else back.transpose(2, 0, 1)
    assert np.abs(channels_first - image).max() <= 0.5 / 65535 * (1 + 1e-9)


@pytest.mark.parametrize("greatest", [255, 65535])
def test_images_from_8_and_16_bit_files_come_back_to_the_last_bit(greatest):
    numbers = np.arange(greatest + 1, dtype=np.float32) / np.float32(greatest)
    np.testing.assert_array_equal(restore(quantise(numbers[None, None])), numbers[None, None])


@pytest.mark.parametrize("file_format", ["png", "npz"])
def test_another_file_is_no_image_of_a_release(file_format):
    content = encode(np.zeros((4, 5), np.uint16), file_format)
    foreign = io.BytesIO()
    Image.effect_noise((8, 8), 9).save(foreign, "PNG")
    for damaged in (content[:40], b"", b"x" + content[1:], foreign.getvalue()):
        with pytest.raises(ValueError, match="of a release"):
            decode(damaged, file_format)
