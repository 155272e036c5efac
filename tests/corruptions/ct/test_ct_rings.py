import math

import numpy as np
import pytest
import torch

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.corruptions.ct.rings import gain_errors
from biclip_bench.corruptions.seeding import case_generator, case_seed

WIDE = ImageContext("ct", (-3000.0, 3000.0), 1.5)


def rings_in_hu(spec, size=(101, 101), case="case", context=WIDE, value=0.5):
    images = torch.full((1, 1, *size), value)
    return 6000 * (corrupt(spec, images, 1, [case], context) - images)[0, 0].double().numpy()


def test_rings_are_closed_circles_about_the_centre():
    change = rings_in_hu("ct-rings:share=0.2,gain=2")
    axis = np.arange(101) - 50.0
    radius = np.hypot(axis[:, None], axis)
    angle = np.arctan2(axis[:, None], axis)
    inside = (radius < 45) & (radius > 8)
    ring = np.rint(radius * 2).astype(int)
    sums = np.bincount(ring[inside], change[inside]) / np.maximum(np.bincount(ring[inside]), 1)
    # Within a ring of half a pixel the values agree, in each of the four quarters alike.
    assert (change - sums[np.minimum(ring, len(sums) - 1)])[inside].std() < 0.45 * change[inside].std()
    quarters = [change[inside & (np.floor(angle / (math.pi / 2)) == quarter)].std() for quarter in range(-2, 2)]
    assert max(quarters) < 1.1 * min(quarters)
    for turned in (np.rot90(change), change[::-1], change[:, ::-1]):
        assert np.corrcoef(turned[inside], change[inside])[0, 1] > 0.99


def test_a_bad_element_draws_the_ring_that_back_projection_of_its_filtered_error_gives():
    scanner = parallel_beam(101, 101)
    errors = np.zeros(scanner.bins, np.float32)
    place = 25.5
    for side in (place, -place):
        errors[round(side + (scanner.bins - 1) / 2)] = 0.01
    ours = scanner.reconstruct(np.tile(errors, (scanner.views, 1)), "ram-lak")
    # The ramp up to the Nyquist frequency as a function of distance (Kak and Slaney 1988, section 3.3), integrated over
    # half a turn.
    phi = np.linspace(0, math.pi, 20_000, endpoint=False)
    radii = np.arange(5, 45, 0.25)
    ring = np.zeros(len(radii))
    for side in (place, -place):
        distance = radii[:, None] * np.cos(phi) - side
        ring += 0.01 * (np.sinc(distance) / 2 - np.sinc(distance / 2) ** 2 / 4).mean(axis=1) * math.pi
    axis = np.arange(101) - 50.0
    radius = np.hypot(axis[:, None], axis)
    inside = (radius > 6) & (radius < 44)
    expected = np.interp(radius[inside], radii, ring)
    assert np.abs(ours[inside] - expected).max() < 0.05 * np.abs(ring).max()


def test_gain_errors_are_the_logarithm_of_the_gain_of_the_stated_share_of_elements():
    errors = gain_errors(case_generator(1), 40_000, 0.1, 0.02)
    assert np.array_equal(errors, errors[::-1])
    # Mean of two independent elements of which a tenth each are wrong.
    assert (errors != 0).mean() == pytest.approx(1 - 0.9**2, abs=0.01)
    assert errors.std() == pytest.approx(math.sqrt(0.1 / 2) * 0.02, rel=0.05)


def test_at_least_one_element_is_wrong_and_a_dead_one_is_finite():
    assert (gain_errors(case_generator(2), 10, 0.0, 0.02) != 0).sum() == 2
    errors = gain_errors(case_generator(3), 10_000, 1.0, 1.0)
    assert np.isfinite(errors).all()
    # Two dead elements read a hundredth, so they see ln(100) too much; one that reads too much sees too little.
    assert errors.max() == pytest.approx(math.log(100))
    assert -math.log(6) < errors.min() < -math.log(3)


def test_gain_is_in_percent_and_share_a_fraction():
    scanner = parallel_beam(101, 101)
    errors = gain_errors(case_generator(case_seed("ct-rings", 1, "case")), scanner.bins, 0.3, 0.02)
    rings = scanner.reconstruct(np.tile(errors, (scanner.views, 1)), "ram-lak") / (0.0192 * 1.5) * 1000
    assert np.allclose(rings_in_hu("ct-rings:share=0.3,gain=2"), rings, atol=0.01)


def test_rings_do_not_depend_on_the_object_and_grow_with_the_gain_error():
    air, water = (rings_in_hu("ct-rings:share=0.3,gain=1", value=value) for value in (0.4, 0.6))
    assert np.abs(air - water).max() < 0.01
    double = rings_in_hu("ct-rings:share=0.3,gain=2")
    assert double.std() == pytest.approx(2 * air.std(), rel=0.02)


def test_rings_are_higher_in_hu_where_an_element_sees_less_water():
    coarse, fine = (
        rings_in_hu("ct-rings:share=0.3,gain=1", context=ImageContext("ct", (-3000.0, 3000.0), size))
        for size in (2.0, 1.0)
    )
    assert np.allclose(fine, 2 * coarse, atol=0.01)


def test_without_gain_error_the_image_is_what_it_was():
    images = torch.rand(1, 1, 40, 60, generator=torch.Generator().manual_seed(0))
    assert torch.equal(corrupt("ct-rings:gain=0", images, 1, ["a"]), images)
