import itertools
import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.cells import TrainingCell, TrainingSettings
from biclip_bench.benchmark.label_sets import draw_label_sets, read_label_sets, write_label_table
from biclip_bench.errors import UserError

CELL = TrainingCell("phantom", "f" * 64, 5.0, ("a",), 0, "unet", {}, TrainingSettings(1, 1, 2, 1e-3, 0.0, 1.0, 0.0))


def index_of(patients: int = 40, slices: int = 3) -> pd.DataFrame:
    rows = [
        (f"{part}/{number:03d}-{place}", part, f"{part}{number}", 0.001 * (number % 7))
        for part, count in (("train", patients), ("val", patients // 2), ("test", 4))
        for number in range(count)
        for place in range(slices)
    ]
    return pd.DataFrame(rows, columns=["case", "part", "group", "lesion_fraction"]).assign(text="")


INDEX = index_of()


def cells_of(sets):
    return [
        replace(CELL, labels=one.labels, draw=one.draw, seed=one.seed, cases=one.cases, validation=one.validation)
        for one in sets
    ]


@given(
    st.integers(2, 30), st.integers(1, 4), st.lists(st.sampled_from([1, 5, 10, 25, 50, 100]), min_size=2, unique=True)
)
def test_sets_are_nested_whole_patients_and_training_cases(patients, slices, labels):
    index = index_of(patients, slices)
    part, group = index.set_index("case")["part"], index.set_index("case")["group"]
    sizes = index[index["part"] == "train"].groupby("group").size()
    for draw in range(2):
        sets = [one for one in draw_label_sets(index, sorted(labels), [0], 2, "full") if one.draw in (draw, None)]
        for smaller, larger in itertools.pairwise(sets):
            if smaller.labels < larger.labels < 100:
                assert set(smaller.cases) <= set(larger.cases)
        for one in sets:
            assert set(part[list(one.cases)]) == {"train"}
            counted = group[list(one.cases)].value_counts()
            assert (counted == sizes[counted.index]).all()
            assert one.validation is None


def test_draws_are_crossed_with_seeds_and_differ():
    sets = draw_label_sets(INDEX, [10, 100], [3, 4], 5, "full")
    assert [(one.labels, one.draw, one.seed) for one in sets] == [
        *((10, draw, seed) for draw in range(5) for seed in (3, 4)),
        (100, 0, 3),
        (100, 0, 4),
    ]
    by_draw = {one.draw: one.cases for one in sets if one.labels == 10}
    assert len(set(by_draw.values())) == 5
    assert all(one.cases == by_draw[one.draw] for one in sets if one.labels == 10)


def test_without_draws_each_seed_draws():
    one, other = draw_label_sets(INDEX, [10], [0, 1], None, "full")
    assert one.draw is other.draw is None
    assert one.cases != other.cases


def test_a_scaled_validation_part_is_as_scarce_as_the_labels():
    ten, all_of_it = draw_label_sets(INDEX, [10, 100], [0], None, "scaled")
    assert len(ten.validation) == 6  # 10% of 60, whole patients of three cases
    assert set(INDEX.set_index("case").loc[list(ten.validation), "part"]) == {"val"}
    assert all_of_it.validation is None


@pytest.mark.parametrize("policy", ["full", "scaled"])
def test_written_sets_are_read_back(tmp_path, policy):
    sets = draw_label_sets(INDEX, [5, 10], [0, 1], 3, policy)
    write_label_table(cells_of(sets), tmp_path / "labels.csv")
    assert read_label_sets(tmp_path / "labels.csv", INDEX, None) == sets
    assert read_label_sets(tmp_path / "labels.csv", INDEX, [1]) == [one for one in sets if one.seed == 1]


def test_a_bare_list_of_cases_serves_every_seed(tmp_path):
    (tmp_path / "mine.csv").write_text("case\ntrain/001-0\ntrain/000-0\n")
    sets = read_label_sets(tmp_path / "mine.csv", INDEX, [0, 7])
    assert [(one.labels, one.seed, one.draw) for one in sets] == [(1.66667, 0, None), (1.66667, 7, None)]
    assert sets[0].cases == ("train/000-0", "train/001-0")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("case\ntrain/000-0\nnobody\n", "Row 3 .*'nobody' is none of the data set"),
        ("case\ntest/000-0\n", "Row 2 .*is of the part test"),
        ("case\ntrain/000-0\ntrain/000-0\n", "Row 3 .*repeats"),
        ("case,labels\ntrain/000-0,120\n", "Row 2 .*labels is 120"),
        ("case,labels\ntrain/000-0,many\n", "Row 2 .*labels is 'many'"),
        ("case,seed\ntrain/000-0,-1\n", "Row 2 .*seed is -1"),
        ("case,seed\ntrain/000-0,0.5\n", "Row 2 .*seed is 0.5"),
        ("case,part\ntrain/000-0,test\n", "Row 2 .*the part 'test'"),
        ("name\ntrain/000-0\n", "needs a column case"),
        ("case\n", "needs a column case"),
        ("case,part\nval/000-0,val\n", "without training cases"),
    ],
)
def test_a_wrong_labels_file_is_named_with_its_row(tmp_path, content, says):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=says) as raised:
        read_label_sets(path, INDEX, None)
    assert str(path) in str(raised.value)


def test_a_missing_file_and_a_seed_without_a_set_are_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_label_sets(tmp_path / "none.csv", INDEX, None)
    (tmp_path / "labels.csv").write_text("case,seed\ntrain/000-0,2\n")
    with pytest.raises(UserError, match=re.escape("no label set for seed 5")):
        read_label_sets(tmp_path / "labels.csv", INDEX, [5])


def test_a_cells_key_is_what_it_was_without_draws_and_changes_with_them():
    plain = CELL.key
    assert "draw" not in CELL.identity()
    assert "validation" not in CELL.identity()
    assert len({plain, replace(CELL, draw=0).key, replace(CELL, draw=1).key, replace(CELL, validation=("v",)).key}) == 4
