import itertools

import numpy as np

from biclip_bench.corruptions.seeding import case_generator, case_seed


def test_a_seed_is_the_same_on_every_machine_and_in_every_run():
    assert case_seed("motion", 3, "patient-7/slice-12") == 0x6F0BCF9DDBEE28D1768B2B0267F1003


def test_every_argument_changes_the_seed():
    cases = itertools.product(["motion", "low-dose-ct"], [1, 2, 12], ["a", "2a", "é", ""])
    assert len({case_seed(*case) for case in cases}) == 24


def test_seeds_use_all_their_128_bits():
    seeds = [case_seed("motion", 1, str(case)) for case in range(2000)]
    set_bits = np.array([[seed >> bit & 1 for bit in range(128)] for seed in seeds]).mean(axis=0)
    assert max(seeds) < 2**128
    assert np.abs(set_bits - 0.5).max() < 0.06  # five standard deviations


def test_a_generator_depends_on_nothing_but_its_seed():
    np.random.seed(0)  # noqa: NPY002  (the global state that must not matter)
    first = case_generator(5).random(4)
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(first, case_generator(5).random(4))
    assert not np.array_equal(first, case_generator(6).random(4))


def test_any_file_name_has_a_seed():
    assert case_seed("motion", 1, "caf\udce9\ud800.png") != case_seed("motion", 1, "caf\udce8\ud800.png")
