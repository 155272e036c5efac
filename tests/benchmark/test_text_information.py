import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biclip_bench.benchmark.describing.mask_position import cell_shares, centroid_cell, occupied_cells
from biclip_bench.benchmark.describing.text_information import entropy, information
from biclip_bench.benchmark.describing.text_statistics import known_share, text_statistics
from biclip_bench.benchmark.describing.text_yardstick import GRID, mean_mask, shrink, yardstick

LABELS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=60)


def test_by_hand():
    # Four pairs (a,1) and one each of (a,2), (b,1), (b,2) and once more (b,2): joint shares 4/8, 1/8, 1/8, 2/8.
    first, second = "aaaaabbb", "11112122"
    joint = np.array([[4, 1], [1, 2]]) / 8
    rows, columns = joint.sum(1, keepdims=True), joint.sum(0, keepdims=True)
    expected = float((joint * np.log2(joint / (rows * columns))).sum())
    assert information(first, second, shuffles=1).observed == pytest.approx(expected, abs=1e-12)
    assert entropy("aabbccdd") == 2.0
    assert entropy("aaaa") == 0.0
    assert entropy("") == 0.0


def test_independent_labels_tell_nothing_beyond_chance():
    generator = np.random.default_rng(0)
    found = [information(generator.integers(30, size=200), generator.integers(6, size=200), 50) for _ in range(20)]
    # As counted they seem to tell half a bit: that is what the correction is for.
    assert np.mean([told.observed for told in found]) > 0.4
    assert np.mean([told.excess for told in found]) == pytest.approx(0.0, abs=0.015)
    assert 0.3 < np.mean([told.p_value for told in found]) < 0.7


def test_a_label_that_names_the_cell_tells_the_entropy_of_the_cells():
    cells = np.random.default_rng(1).choice(6, size=4000, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05])
    told = information([f"The lesion lies in cell {cell}." for cell in cells], cells)
    assert told.observed == pytest.approx(told.entropy, abs=1e-9)
    assert told.excess == pytest.approx(told.entropy, abs=0.01)
    assert told.share == pytest.approx(1.0)
    assert told.p_value == pytest.approx(1 / 201)


def test_texts_that_are_all_different_tell_nothing():
    told = information(range(50), [number % 2 for number in range(50)])
    assert told.observed == pytest.approx(1.0)
    assert told.excess == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(told.share)
    assert told.p_value == 1.0


@given(LABELS, st.randoms())
@settings(max_examples=40, deadline=None)
def test_information_is_symmetric_and_at_most_either_entropy(first, random):
    second = [random.choice("xyz") for _ in first]
    told, other = information(first, second, 3), information(second, first, 3)
    assert told.observed == pytest.approx(other.observed, abs=1e-9)
    assert 0.0 <= told.observed <= min(entropy(first), entropy(second)) + 1e-9


def test_a_mask_in_each_cell_is_named_by_it():
    for cell in range(6):
        mask = np.zeros((30, 40), bool)
        row, column = divmod(cell, 2)
        mask[10 * row + 4, 20 * column + 7] = True
        assert centroid_cell(mask) == cell + 1
        assert occupied_cells(mask) == "".join("1" if place == cell else "0" for place in range(6))
    assert centroid_cell(np.zeros((30, 40), bool)) == 0
    assert occupied_cells(np.zeros((30, 40), bool)) == "000000"


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_every_lesion_pixel_is_in_one_cell(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    assert cell_shares(mask).sum() == pytest.approx(float(mask.any()))
    assert 0 <= centroid_cell(mask) <= 6


def test_a_rim_across_a_border_does_not_occupy_a_cell():
    mask = np.zeros((30, 40), bool)
    mask[5, 1:20] = True
    mask[5, 20] = True
    assert occupied_cells(mask) == "100000"
    mask[5, 20:23] = True
    assert occupied_cells(mask) == "110000"


def block(row, column, side=96):
    mask = np.zeros((side, side), bool)
    mask[row : row + 24, column : column + 24] = True
    return mask


def test_texts_that_name_the_place_give_the_whole_mask_away_and_one_mask_for_all_does_not():
    places = [(0, 0), (0, 72), (72, 0), (72, 72)]
    training = np.stack([shrink(block(*place)) for place in places * 3])
    labels = places * 3
    tests = [(block(*place), place) for place in places]
    told = yardstick(training, labels, tests)
    assert told.dice > 0.98
    assert told.matched == 1.0
    # All four corners are predicted, of which one is right: Dice 2 / (4 + 1).
    assert yardstick(training, [""] * 12, [(mask, "") for mask, _ in tests]).dice == pytest.approx(0.4, abs=0.01)
    unknown = yardstick(training, labels, [(mask, "never met") for mask, _ in tests])
    assert unknown.matched == 0.0
    assert unknown.dice == pytest.approx(0.4, abs=0.01)


def test_texts_of_clear_lungs_give_an_empty_mask():
    empty = np.zeros((96, 96), bool)
    training = np.stack([shrink(empty), shrink(block(0, 0))])
    assert yardstick(training, ["clear", "upper"], [(empty, "clear")]).dice == 1.0
    assert yardstick(training, ["clear", "upper"], [(empty, "upper")]).dice == 0.0


def test_the_level_is_the_best_of_those_tried():
    generator = np.random.default_rng(0)
    masks = (generator.random((20, GRID, GRID)) < np.linspace(0, 0.8, GRID)).astype(np.uint8) * 255
    best = mean_mask(masks)

    def score(level):
        guess, truth = best.mean > level, masks >= 128
        return np.mean([2 * (guess & one).sum() / (guess.sum() + one.sum()) for one in truth])

    levels = (np.linspace(0.05, 0.95, 19) * float(best.mean.max())).astype(np.float32)
    assert score(np.float32(best.level)) == pytest.approx(max(map(score, levels)))


def test_words_and_texts_are_counted():
    found = text_statistics(
        ["One lesion, upper left.", "one lesion, upper left.", "Two.", "", "One lesion, upper left."], 2
    )
    assert (found.cases, found.with_text, found.distinct, found.vocabulary) == (5, 4, 3, 5)
    assert (found.shortest, found.median, found.longest) == (1, 4.0, 4)
    assert found.frequent == (("One lesion, upper left.", 2), ("Two.", 1))
    assert known_share(["a", "b", "", "b"], ["b", ""]) == pytest.approx(2 / 3)
    assert np.isnan(known_share([""], ["b"]))
