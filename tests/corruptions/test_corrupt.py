import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from skimage.metrics import structural_similarity
from torch.utils.data import DataLoader, Dataset

from biclip_bench.corruptions import (
    SEVERITIES,
    ImageContext,
    Parameter,
    corrupt,
    corrupt_image,
    corruption_registry,
    register_corruption,
)
from biclip_bench.errors import UserError

NAMES = corruption_registry.names()
WITHOUT_RANDOMNESS = {"contrast", "ct-beam-hardening", "defocus-blur", "downsampling", "jpeg"}
"""Corruptions that do the same to every case: nothing is drawn."""
CT = ImageContext("ct", (-1350.0, 150.0), 1.6)


def body(batch, channels=1, size=(96, 96)):
    """Smooth bodies with a dark lung each, all different."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    images = torch.empty(batch, channels, *size)
    for number in range(batch):
        outline = torch.sigmoid(30 * (0.8 - (x**2 + (1.2 + 0.02 * number) * y**2).sqrt()))
        lung = torch.sigmoid(30 * (0.3 - ((x - 0.3) ** 2 + (y + 0.05) ** 2).sqrt()))
        texture = 0.05 * torch.sin(25 * x + number) * torch.sin(31 * y)
        images[number] = 0.25 + outline * (0.55 + texture - 0.4 * lung)
    return images


@pytest.fixture
def restore_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


images_of_any_shape = npst.arrays(
    np.float32,
    st.tuples(st.integers(0, 3), st.sampled_from([1, 2, 3]), st.integers(1, 24), st.integers(1, 24)),
    elements=st.floats(0, 1, width=32),
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(NAMES), images_of_any_shape, st.sampled_from(SEVERITIES), st.text(max_size=5))
def test_any_image_stays_an_image(name, array, severity, case):
    images = torch.from_numpy(array)
    before = images.clone()
    result = corrupt(name, images, severity, [f"{case}{number}" for number in range(len(images))])
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert bool(((result >= 0) & (result <= 1)).all())  # a NaN is neither
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(224, 224), (63, 90)])
def test_bits_depend_on_the_case_alone(name, channels, size, restore_threads):
    images = body(5, channels, size)
    cases = [f"case-{number}" for number in range(5)]
    torch.set_num_threads(1)
    together = corrupt(name, images, 3, cases, CT)
    alone = torch.cat([corrupt(name, images[i : i + 1], 3, cases[i : i + 1], CT) for i in range(5)])
    assert torch.equal(alone, together)
    order = [3, 1, 4, 0, 2]
    assert torch.equal(corrupt(name, images[order], 3, [cases[i] for i in order], [CT] * 5), together[order])
    for threads in (2, 3, 7):
        torch.set_num_threads(threads)
        assert torch.equal(corrupt(name, images, 3, cases, CT), together)
    for strided in (images.to(memory_format=torch.channels_last), images.mT.contiguous().mT):
        assert torch.equal(corrupt(name, strided, 3, cases, CT), together)


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_RANDOMNESS))
def test_randomness_differs_between_cases_and_severities_and_not_between_calls(name):
    images, cases = body(1).repeat(8, 1, 1, 1), list("abcdefgh")
    first = corrupt(name, images, 3, cases, CT)
    torch.manual_seed(0)
    assert torch.equal(corrupt(name, images, 3, cases, CT), first)
    # Not of every two cases: some corruptions only toss a coin.
    assert len({image.numpy().tobytes() for image in first}) > 1
    assert not torch.equal(corrupt(name, images[:1], 4, ["a"], CT)[0], first[0])


@pytest.mark.parametrize("name", NAMES)
def test_each_severity_is_further_from_the_clean_image(name):
    images = body(8)
    cases = [f"case-{number}" for number in range(8)]
    likeness = []
    for severity in SEVERITIES:
        pairs = zip(corrupt(name, images, severity, cases, CT)[:, 0].numpy(), images[:, 0].numpy(), strict=True)
        likeness.append(np.mean([structural_similarity(a, b, data_range=1) for a, b in pairs]))
    assert all(later < earlier - 3e-4 for earlier, later in itertools.pairwise([1.0, *likeness]))


class Corrupted(Dataset):
    def __init__(self, name):
        self.name = name
        self.images = body(4, size=(48, 48))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return corrupt(self.name, self.images[index : index + 1], 3, [str(index)], CT)[0]


@pytest.mark.parametrize("name", NAMES)
def test_data_loading_workers_get_the_same_bits(name):
    data = Corrupted(name)
    here = corrupt(name, data.images, 3, list("0123"), CT)
    for batch in DataLoader(data, batch_size=4, num_workers=2, timeout=60, multiprocessing_context="fork"):
        assert torch.equal(batch, here)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NAMES)
def test_cuda_agrees_with_the_cpu(name):
    images = body(3, 3)
    result = corrupt(name, images.cuda(), 3, ["a", "b", "c"], CT)
    assert result.is_cuda
    expected = corrupt(name, images, 3, ["a", "b", "c"], CT)
    # Another non-uniform FFT projects there: its error is two thousandths of the noise.
    tolerance = 2e-3 * float((expected - images).std()) if name == "low-dose-ct" else 1e-5
    assert (result.cpu() - expected).abs().max() < tolerance


def test_severity_0_is_the_clean_image():
    images = body(1)
    assert corrupt("motion", images, 0, ["a"]) is images
    array = images[0, 0].numpy()
    copy = corrupt_image("motion", array, 0, "a")
    assert np.array_equal(copy, array)
    assert copy is not array


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_numpy_images_keep_dtype_and_shape_and_match_the_batch(name, dtype, channels):
    tensor = body(1, channels or 1, (40, 56))
    array = tensor[0].permute(1, 2, 0).numpy()
    array = array[..., 0] if channels is None else array
    array = np.rint(array * 255).astype(dtype) if dtype == np.uint8 else array.astype(dtype)
    before = array.copy()
    result = corrupt_image(name, array, 4, "a", CT)
    assert result.dtype == dtype
    assert result.shape == array.shape
    assert np.array_equal(array, before)
    scale = 255 if dtype == np.uint8 else 1
    rounded = torch.from_numpy(np.atleast_3d(array.astype(np.float32) / np.float32(scale))).permute(2, 0, 1)[None]
    expected = corrupt(name, rounded, 4, ["a"], CT)[0].permute(1, 2, 0).numpy().reshape(array.shape)
    step = {np.uint8: 1 / 255, np.float16: 2**-11}.get(dtype, 0)
    assert np.abs(result.astype(np.float64) / scale - expected).max() <= step / 2 + 1e-7


@pytest.mark.parametrize("severity", [-1, 6, 2.0, "3", True, None, float("nan")])
def test_a_severity_that_does_not_exist_is_refused(severity):
    with pytest.raises(UserError, match="integer from 1 to 5"):
        corrupt("motion", body(1), severity, ["a"])


def test_a_numpy_integer_is_a_severity():
    assert torch.equal(corrupt("motion", body(1), np.int64(3), ["a"]), corrupt("motion", body(1), 3, ["a"]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1.01, -0.5])
@pytest.mark.parametrize("severity", [0, 3])
def test_a_value_that_is_no_grey_level_is_refused_and_its_case_named(value, severity):
    images = body(3)
    images[1, 0, 5, 5] = value
    with pytest.raises(UserError, match=r"'second'.*\[0, 1\]"):
        corrupt("low-dose-ct", images, severity, ["first", "second", "third"])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 1, 8, 8, dtype=torch.float64), "float64"),
        (torch.zeros(1, 1, 8, 8, dtype=torch.uint8), "uint8"),
        (np.zeros((1, 1, 8, 8), np.float32), "ndarray"),
        (torch.zeros(1, 8, 8), r"\(1, 8, 8\)"),
        (torch.zeros(1, 1, 0, 8), r"\(1, 1, 0, 8\)"),
    ],
)
def test_another_dtype_or_shape_is_refused(images, message):
    with pytest.raises(UserError, match=message):
        corrupt("motion", images, 3, ["a"])


@pytest.mark.parametrize(
    ("cases", "contexts", "message"),
    [
        (["a"], CT, "2 images and 1 case names"),
        (["a", "b"], [CT], "2 images and 1 contexts"),
        ("ab", CT, "one string an image"),
        ([1, 2], CT, "one string an image"),
        (["a", "b"], ImageContext("ct", (100.0, 100.0)), "hu_range"),
        (["a", "b"], [CT, ImageContext("ct", (-1000.0, float("inf")))], "'b' has hu_range"),
        (["a", "b"], ImageContext("ct", None, 0.0), "pixel_size_mm"),
        (["a", "b"], ImageContext(window=(0.5, 0.5)), "window"),
        (["a", "b"], ImageContext(window=(0.5, 1.5)), "window"),
    ],
)
def test_cases_and_contexts_must_fit_the_images(cases, contexts, message):
    with pytest.raises(UserError, match=message):
        corrupt("low-dose-ct", body(2), 3, cases, contexts)


def test_an_unknown_corruption_is_refused_with_a_suggestion():
    with pytest.raises(UserError, match="Did you mean 'motion'"):
        corrupt("moton", body(1), 3, ["a"])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), np.int32), "int32"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros(4, np.float32), r"\(4,\)"),
        (np.zeros((0, 4), np.float32), r"\(0, 4\)"),
        (np.full((4, 4), 3.0), "from 3 to 3"),
    ],
)
def test_a_numpy_image_of_another_kind_is_refused(array, message):
    with pytest.raises(UserError, match=message):
        corrupt_image("motion", array, 3, "a")


def test_a_users_own_corruption_is_seeded_and_clipped():
    received = []

    @register_corruption(
        "test-brighten",
        family="test",
        stage="image",
        summary="Adds a constant.",
        parameters={"step": Parameter("grey levels", 0, 1)},
        levels=[{"step": 0.2 * severity} for severity in SEVERITIES],
        source="none",
    )
    def brighten(images, level, seeds, contexts):
        received.extend(zip(seeds, contexts, strict=True))
        return images + level["step"]

    try:
        result = corrupt("test-brighten", torch.full((2, 1, 4, 4), 0.5), 4, ["a", "b"], CT)
    finally:
        del corruption_registry._entries["test-brighten"]
    assert torch.equal(result, torch.ones(2, 1, 4, 4))
    assert len({seed for seed, _ in received}) == 2
    assert all(context is CT for _, context in received)
