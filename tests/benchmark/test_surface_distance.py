"""Distances between outlines agree with MONAI and SciPy, and do not depend on how the cases were put together."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage

from biclip_bench.benchmark.surface_distance import NSD_TOLERANCE, mask_outlines, surface_scores


def one_pixel(shape):
    return st.tuples(*(st.integers(0, side - 1) for side in shape)).map(lambda place: block(shape, place, place))


def block(shape, first, last):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(min(ends), max(ends) + 1) for ends in zip(first, last, strict=True))] = True
    return mask


def blocks(shape):
    """A rectangle anywhere, also along the border."""
    corner = st.tuples(*(st.integers(0, side - 1) for side in shape))
    return st.builds(lambda first, last: block(shape, first, last), corner, corner)


def masks(shape):
    two = st.builds(np.logical_or, blocks(shape), blocks(shape))
    speckle = hnp.arrays(bool, shape, elements=st.booleans())
    constant = st.sampled_from([np.zeros(shape, bool), np.ones(shape, bool)])
    return st.one_of(constant, one_pixel(shape), blocks(shape), two, speckle)


SHAPES = st.tuples(st.integers(2, 24), st.integers(2, 24))
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(masks(shape), masks(shape)))
SIZES = st.sampled_from([1.0, 0.4, 0.7, 340 / 96, 1.25])


def scored(prediction, truth, *further):
    hd95, nsd = surface_scores(torch.from_numpy(prediction[None]), torch.from_numpy(truth[None]), *further)
    return hd95[0], nsd[0]


@given(PAIRS, SIZES)
def test_both_agree_with_monai(pair, size):
    one_hot = [torch.from_numpy(mask[None, None]).float() for mask in pair]
    options = {"include_background": True, "spacing": [size, size]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of empty masks, for which it gives NaN or infinity
        hd95 = compute_hausdorff_distance(*one_hot, percentile=95, **options).item()
        nsd = compute_surface_dice(*one_hot, [NSD_TOLERANCE], **options).item()
    found = scored(*pair, size)
    if all(mask.any() for mask in pair):
        assert found == (pytest.approx(hd95, rel=1e-5, abs=1e-6), pytest.approx(nsd, abs=1e-6))
    elif any(mask.any() for mask in pair):
        assert found == (pytest.approx(np.hypot(*pair[0].shape) * size), 0.0)
        assert nsd == 0.0
    else:
        assert found == (0.0, 1.0)
        assert np.isnan(nsd)


@given(PAIRS, SIZES)
def test_both_agree_with_scipys_distance_transform(pair, size):
    assume(all(mask.any() for mask in pair))
    outlines = [mask & ~ndimage.binary_erosion(mask) for mask in pair]
    ways = [ndimage.distance_transform_edt(~other, sampling=size)[one] for one, other in (outlines, reversed(outlines))]
    hd95, nsd = scored(*pair, size)
    assert hd95 == pytest.approx(max(np.percentile(way, 95) for way in ways), rel=1e-6)
    near = np.concatenate(ways) <= NSD_TOLERANCE * (1 + 1e-7)
    assert nsd == pytest.approx(near.mean(), abs=1e-12)


@given(SHAPES.flatmap(masks))
def test_outlines_are_what_erosion_takes_away(mask):
    expected = mask & ~ndimage.binary_erosion(mask)
    np.testing.assert_array_equal(mask_outlines(torch.from_numpy(mask[None]))[0].numpy(), expected)


@given(PAIRS, SIZES)
def test_neither_turning_nor_mirroring_nor_exchanging_changes_a_bit(pair, size):
    expected = scored(*pair, size)
    for change in (np.transpose, np.flipud, np.fliplr, np.rot90):
        assert scored(*(np.ascontiguousarray(change(mask)) for mask in pair), size) == expected
    assert scored(*reversed(pair), size) == expected


@given(PAIRS, SIZES)
def test_distances_grow_with_the_pixels_and_the_share_with_the_tolerance(pair, size):
    hd95, nsd = scored(*pair, 1.0)
    assert scored(*pair, size)[0] == pytest.approx(size * hd95)
    assert scored(*pair, size, size * NSD_TOLERANCE)[1] == nsd
    assert scored(*pair, 1.0, 0.0)[1] <= nsd <= scored(*pair, 1.0, 100.0)[1]


@given(SHAPES.flatmap(masks))
def test_a_mask_is_nowhere_away_from_itself(mask):
    assert scored(mask, mask) == (0.0, 1.0)


def test_a_shifted_square_is_as_far_away_as_it_was_shifted():
    square, shifted = (block((40, 40), (10, 10 + by), (19, 19 + by)) for by in (0, 6))
    hd95, nsd = scored(square, shifted, 0.5)
    assert hd95 == 3.0
    assert 0 < nsd < 1


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
def test_the_number_of_workers_changes_no_bit(workers):
    random = np.random.default_rng(0)
    prediction, truth = (torch.from_numpy(random.random((12, 31, 45)) > cut) for cut in (0.9, 0.6))
    prediction[3], truth[5] = False, False
    expected = surface_scores(prediction, truth, 0.7)
    for found, right in zip(surface_scores(prediction, truth, 0.7, workers=workers), expected, strict=True):
        np.testing.assert_array_equal(found, right)
