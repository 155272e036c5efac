import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import iradon, radon

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.corruptions.ct.sparse_views import view_weights
from biclip_bench.corruptions.seeding import case_generator, case_seed

SCALE = ImageContext("ct", (-1000.0, 1000.0), 1.5)
WIDE = ImageContext("ct", (-1600.0, 400.0), 1.5)
"""Air is 0.3."""


def disc(size, radius, centre=(0.0, 0.0)):
    axis = np.arange(size) - (size - 1) / 2
    distance = np.hypot(axis[:, None] - centre[0], axis - centre[1])
    return np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 900), st.floats(0, 1), st.integers(0, 899))
def test_kept_views_are_evenly_spread_and_stand_for_all(views, share, first):
    weights = view_weights(views, share, first % views)
    assert weights[first % views] > 0
    kept = np.flatnonzero(weights)
    assert len(kept) == min(max(1, round(share * views)), views)
    assert weights.sum() == pytest.approx(views, rel=1e-6)
    gaps = np.diff(kept, append=kept[0] + views)
    assert gaps.max() - gaps.min() <= 1 or len(kept) == 1


def test_all_views_are_no_corruption():
    images = torch.rand(1, 1, 45, 61, generator=torch.Generator().manual_seed(0))
    assert torch.equal(corrupt("ct-sparse-views:views=1", images, 1, ["a"], SCALE), images)


def test_streaks_agree_with_scikit_image():
    size = 101
    scanner = parallel_beam(size, size)
    image = disc(size, 12.0, (8.0, -15.0)) + 0.5 * disc(size, 6.0, (-20.0, 10.0))
    weights = view_weights(scanner.views, 1 / 6, 2)
    ours = scanner.reconstruct(scanner.project(image) * (weights - 1)[:, None], "hann")
    theta = np.arange(scanner.views) * 180 / scanner.views
    # scikit-image measures angles with rows pointing up.
    sinogram = radon(image[::-1], theta, circle=True)
    few, all_of_them = (
        iradon(sinogram[:, chosen], theta[chosen], filter_name="hann", circle=True)[::-1]
        for chosen in (weights > 0, slice(None))
    )
    axis = np.arange(size) - 50.0
    inside = np.hypot(axis[:, None], axis) < 45
    assert np.corrcoef(ours[inside], (few - all_of_them)[inside])[0, 1] > 0.95


def test_streaks_begin_at_the_distance_that_the_number_of_views_resolves():
    # Natterer: views resolve frequencies b within a radius r about an object for views > b r (b in radians a pixel).
    scanner = parallel_beam(129, 129)
    axis = np.arange(129) - 64.0
    radius = np.hypot(axis[:, None], axis)
    image = np.exp(-(radius**2) / (2 * 2.0**2)).astype(np.float32)  # holds frequencies up to about 1.5
    weights = view_weights(scanner.views, 1 / 6, 0)
    aliasing = scanner.reconstruct(scanner.project(image) * (weights - 1)[:, None], "hann")
    resolved = (weights > 0).sum() / 1.5
    assert np.abs(aliasing[radius < 0.6 * resolved]).max() < 0.05 * np.abs(aliasing[radius > 1.2 * resolved]).max()


def test_the_mean_is_kept_and_fewer_views_are_worse():
    images = torch.from_numpy(0.2 + 0.4 * disc(112, 40.0))[None, None]
    errors = []
    for severity in range(1, 6):
        change = corrupt("ct-sparse-views", images, severity, ["case"], SCALE) - images
        assert abs(change.mean()) < 0.01
        errors.append(float(change.square().mean()))
    assert all(later > 1.3 * earlier for earlier, later in itertools.pairwise(errors))


def test_the_result_is_the_reconstruction_from_few_views_plus_what_one_from_all_views_loses():
    scanner = parallel_beam(112, 112)
    image = disc(112, 9.0, (4.0, -11.0))
    result = corrupt("ct-sparse-views:views=0.1", torch.from_numpy(0.3 + 0.4 * image)[None, None], 1, ["case"], WIDE)
    first = int(case_generator(case_seed("ct-sparse-views", 1, "case")).integers(scanner.views))
    sinogram = scanner.project(image)
    few = scanner.reconstruct(sinogram * view_weights(scanner.views, 0.1, first)[:, None], "hann")
    loss = image - scanner.reconstruct(sinogram, "hann")
    assert np.abs(few + loss - image).max() > 0.1
    assert np.abs((result[0, 0].numpy() - 0.3) / 0.4 - (few + loss)).max() < 1e-4


def test_the_first_view_is_drawn():
    images = torch.from_numpy(0.2 + 0.4 * disc(64, 20.0, (3.0, 5.0)))[None, None].repeat(2, 1, 1, 1)
    a, b = corrupt("ct-sparse-views", images, 3, ["a", "b"], SCALE)
    assert not torch.equal(a, b)
