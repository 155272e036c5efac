import itertools
import math

import numpy as np
import pytest
import torch
from skimage.transform import iradon

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.beam_hardening import hardening_loss
from biclip_bench.corruptions.ct.spectrum import polychromatic

SCALE = ImageContext("ct", (-1500.0, 1500.0), 2.0)


def water_disc(size=129, diameter_mm=200.0):
    axis = (np.arange(size) - (size - 1) / 2) * SCALE.pixel_size_mm
    share = np.clip((diameter_mm / 2 - np.hypot(axis[:, None], axis)) / SCALE.pixel_size_mm + 0.5, 0, 1)
    return torch.from_numpy((500 + 1000 * share) / 3000).float()[None, None], np.hypot(axis[:, None], axis)


def change_in_hu(images, uncorrected):
    result = corrupt(f"ct-beam-hardening:uncorrected={uncorrected}", images, 1, ["case"], SCALE)
    return 3000 * (result - images)[0, 0].double().numpy()


def test_a_water_disc_is_cupped_more_with_every_step():
    images, radius = water_disc()
    centre, rim = radius < 20, (radius > 70) & (radius < 85)
    cups = []
    for uncorrected in (0.0, 0.35, 0.5, 0.7, 0.85, 1.0):
        change = change_in_hu(images, uncorrected)
        assert change[radius < 90].max() < 1
        cups.append(change[rim].mean() - change[centre].mean())
    assert abs(cups[0]) < 1e-3
    assert all(later > earlier + 1 for earlier, later in itertools.pairwise(cups))


def test_cupping_agrees_with_scikit_image_on_analytic_chords():
    images, radius = water_disc()
    theta = np.linspace(0, 180, 360, endpoint=False)
    s = (np.arange(129) - 64) * SCALE.pixel_size_mm
    chord = 2 * np.sqrt(np.clip(100.0**2 - s**2, 0, None)) * 0.0192
    lost = (polychromatic(chord) - chord)[:, None].repeat(len(theta), axis=1)
    reference = iradon(lost, theta, filter_name="ramp") * 1000 / (0.0192 * SCALE.pixel_size_mm)
    change = change_in_hu(images, 1.0)
    for low, high in itertools.pairwise((0, 15, 30, 45, 60, 75, 90)):
        ring = (radius >= low) & (radius < high)
        assert change[ring].mean() == pytest.approx(reference[ring].mean(), abs=2)


def test_no_hardening_left_uncorrected_is_the_identity():
    images = torch.rand(1, 1, 50, 70, generator=torch.Generator().manual_seed(0))
    assert torch.equal(corrupt("ct-beam-hardening:uncorrected=0", images, 1, ["a"], SCALE), images)


def test_thin_objects_are_unchanged_and_thick_ones_not():
    small, radius = water_disc(diameter_mm=10.0)
    large, _ = water_disc(diameter_mm=220.0)
    inside = radius < 4
    assert abs(change_in_hu(small, 1.0)[inside].mean()) < 0.25 * abs(change_in_hu(large, 1.0)[inside].mean())


def test_nothing_is_drawn():
    images, _ = water_disc(64)
    a, b = (corrupt("ct-beam-hardening", images, 3, [case], SCALE) for case in ("a", "b"))
    assert torch.equal(a, b)


def test_the_loss_is_interpolated_finely_enough():
    line_integrals = np.random.default_rng(0).uniform(-0.1, 8, 10_000).astype(np.float32)
    clipped = np.maximum(line_integrals, 0).astype(np.float64)
    assert np.abs(hardening_loss(line_integrals) - (clipped - polychromatic(clipped))).max() < 2e-6
    assert math.isclose(float(hardening_loss(np.zeros(1, np.float32))[0]), 0, abs_tol=1e-12)
