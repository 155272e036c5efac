import math

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from biclip_bench.corruptions import ImageContext, corrupt
from biclip_bench.corruptions.ct.attenuation import attenuation_scale
from biclip_bench.corruptions.ct.metal import Piece, chords, measure_through_metal, measured_change, place_pieces
from biclip_bench.corruptions.ct.parallel_beam import parallel_beam
from biclip_bench.corruptions.ct.spectrum import polychromatic, water_corrected
from biclip_bench.corruptions.seeding import case_generator

SCALE = ImageContext("ct", (-1000.0, 4000.0), 1.5)


def phantom(size=128):
    """Water with two lungs, and a table beside it: attenuation over water's."""
    axis = np.linspace(-1, 1, size)
    y, x = axis[:, None], axis[None, :]
    body = ((x / 0.85) ** 2 + (y / 0.6) ** 2 < 1).astype(np.float32)
    lungs = (((np.abs(x) - 0.4) / 0.2) ** 2 + (y / 0.35) ** 2) < 1
    body[lungs] = 0.2
    body[(y > 0.8) & (y < 0.86) & (np.abs(x) < 0.9)] = 1.1
    return body


@pytest.mark.parametrize("piece", [Piece(3.3, -7.1, 5.0, 2.0, 0.7), Piece(-20.0, 11.2, 0.3, 0.15, 2.0)])
def test_a_piece_has_its_exact_shadow_also_below_a_pixel(piece):
    scanner = parallel_beam(64, 64)
    shadow = chords(scanner, piece)
    assert np.allclose(shadow.sum(axis=1), math.pi * piece.long * piece.short, rtol=1e-9)
    # Its place and width in each view, from the moments of an ellipse's shadow: variance half width^2 / 4.
    s = np.arange(scanner.bins) - (scanner.bins - 1) / 2
    theta = np.arange(scanner.views) * math.pi / scanner.views
    mean = shadow @ s / shadow.sum(axis=1)
    wanted = piece.x * np.cos(theta) + piece.y * np.sin(theta)
    assert np.abs(mean - wanted).max() < 0.5
    if piece.long > 1:
        variance = shadow @ s**2 / shadow.sum(axis=1) - mean**2
        along, across = piece.long * np.cos(theta - piece.tilt), piece.short * np.sin(theta - piece.tilt)
        assert np.abs(mean - wanted).max() < 0.06
        assert np.abs(variance - (along**2 + across**2) / 4 - 1 / 12).max() < 0.25


def test_a_large_piece_is_projected_like_its_pixels():
    scanner = parallel_beam(96, 96)
    fine = 6
    axis = (np.arange(96 * fine) + 0.5) / fine - 48
    y, x = axis[:, None] + 5.5, axis[None, :] - 12.25
    u, v = x * math.cos(0.5) + y * math.sin(0.5), y * math.cos(0.5) - x * math.sin(0.5)
    image = ((u / 20) ** 2 + (v / 9) ** 2 < 1).reshape(96, fine, 96, fine).mean(axis=(1, 3)).astype(np.float32)
    error = chords(scanner, Piece(-5.5, 12.25, 20.0, 9.0, 0.5)) - scanner.project(image)
    assert np.sqrt((error**2).mean()) < 0.01 * 40


def test_pieces_lie_in_the_body_and_neither_in_the_lung_nor_in_the_table():
    attenuation = phantom() * 0.0192 * np.float32(1.5)
    scale = attenuation_scale(SCALE, attenuation.shape)
    regions, _ = label(phantom() >= 0.8)
    body = regions == regions[64, 64]
    numbers = set()
    for seed in range(60):
        pieces = place_pieces(case_generator(seed), attenuation, scale, 9.0)
        numbers.add(len(pieces))
        for piece in pieces:
            assert body[round(piece.y + 63.5), round(piece.x + 63.5)]
            assert piece.long == pytest.approx(3.0)
            assert 0.4 * piece.long <= piece.short <= piece.long
    assert numbers == {1, 2}


def test_an_image_of_air_may_hold_metal_anywhere():
    scale = attenuation_scale(SCALE, (1, 9))
    piece = place_pieces(case_generator(1), np.zeros((1, 9), np.float32), scale, 3.0)[0]
    assert abs(piece.x) <= 4.5
    assert abs(piece.y) <= 0.5


def test_rays_beside_the_metal_are_left_alone():
    scanner = parallel_beam(96, 96)
    metal = chords(scanner, Piece(0.0, 20.0, 4.0, 3.0, 0.0))
    sinogram = np.full(metal.shape, 3.0, np.float32)
    change = measured_change(sinogram, metal, 1e5, case_generator(0))
    assert (change[metal == 0] == 0).all()
    assert np.abs(change[metal > 1]).min() > 0


def test_hardly_any_metal_changes_hardly_anything_noise_included():
    tissue = np.full(10_000, 6.0)
    change = measure_through_metal(tissue, np.full(10_000, 1e-6), 1e5, case_generator(0)) - tissue
    assert np.abs(change).max() < 1e-3  # the noise of the tissue alone would be 0.1


@pytest.mark.parametrize(("tissue", "metal"), [(2.0, 1.0), (4.0, 2.0)])
def test_noise_behind_metal_is_what_counting_adds(tissue, metal):
    count = 200_000
    body, piece = np.full(count, tissue), np.full(count, metal)
    measured = measure_through_metal(body, piece, 1e5, case_generator(1))
    with_metal, alone = (1e5 * math.exp(-float(polychromatic(*rays)[0])) for rays in ((body, piece), (body,)))
    # Relative variances (m + v) / m^2 of both counts; the correction stretches the logarithm by its slope.
    added = (with_metal + 10) / with_metal**2 - (alone + 10) / alone**2
    around = polychromatic(body[:1], piece[:1]) + np.array([-0.01, 0.01])
    slope = float(np.diff(water_corrected(around))[0]) / 0.02
    assert measured.std() == pytest.approx(slope * math.sqrt(added), rel=0.03)
    assert measured.mean() < tissue + metal  # hardening: less than the sum


def test_without_noise_a_thicker_piece_looks_less_dense():
    tissue, metal = np.full(5, 3.0), np.array([0.01, 0.5, 1.0, 3.0, 6.0])
    seen = measure_through_metal(tissue, metal, 1e15, case_generator(0)) - tissue
    assert (np.diff(seen / metal) < 0).all()


def test_a_starved_ray_is_finite_and_capped():
    starved = measure_through_metal(np.full(1000, 8.0), np.full(1000, 200.0), 1e5, case_generator(2))
    cap = float(water_corrected(np.array([math.log(1e5 / 0.1)]))[0])
    assert np.isfinite(starved).all()
    assert starved.max() == pytest.approx(cap, rel=1e-6)


def test_the_exposure_does_not_depend_on_the_grid():
    body, metal = np.full(100_000, 2.0), np.full(100_000, 1.0)
    whole = measure_through_metal(body, metal, 1e5, case_generator(3))
    half = measure_through_metal(body, metal, 1e5, case_generator(3), share=0.5)
    assert half.std() == pytest.approx(math.sqrt(2) * whole.std(), rel=0.01)


def test_a_dark_band_runs_between_two_pieces_and_bright_ones_beside():
    scanner = parallel_beam(129, 129)
    axis = np.arange(129) - 64.0
    water = np.float32(0.0192 * 1.5)
    disc = (np.hypot(axis[:, None], axis) < 55).astype(np.float32) * water
    pieces = [Piece(0.0, side, 4.0, 4.0, 0.0) for side in (-30.0, 30.0)]
    metal = np.sum([chords(scanner, piece) for piece in pieces], axis=0) * 40 * water
    change = measured_change(scanner.project(disc), metal, 1e12, case_generator(0))
    result = scanner.reconstruct(change, "hann") / water * 1000
    assert result[63:66, 50:79].mean() < -100  # HU, between the pieces
    assert result[80:90, 60:69].mean() > result[63:66, 50:79].mean() + 100
    assert result[64, 34] > 5000
    assert result[64, 94] > 5000


@pytest.mark.parametrize("size", [48, 96])
def test_metal_itself_is_seen_bright(size):
    images = torch.from_numpy(phantom(size) * 0.2)[None, None]
    result = corrupt("ct-metal", images, 4, ["case"], ImageContext("ct", (-1000.0, 4000.0), 288 / size))
    assert result.max() > 0.9
    assert images.max() < 0.3
