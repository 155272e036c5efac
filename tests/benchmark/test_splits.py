import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.patient_split import patient_parts
from biclip_bench.benchmark.splits import label_order, labelled_cases


@st.composite
def indexes(draw):
    groups = draw(st.integers(2, 40))
    rows = []
    for group in range(groups):
        for case in range(draw(st.integers(1, 4))):
            burden = draw(st.sampled_from([0.0, 0.0, 0.01, 0.03, 0.1, 0.2]))
            rows.append((f"g{group:03d}-{case}", "train", f"g{group:03d}", burden))
    rows += [("v-0", "val", "v", 0.1), ("t-0", "test", "t", 0.2)]
    return pd.DataFrame(rows, columns=["case", "part", "group", "lesion_fraction"])


PERCENTAGES = st.floats(0.5, 100)


@given(indexes(), PERCENTAGES, PERCENTAGES, st.integers(0, 5))
def test_regimes_are_nested_and_made_of_whole_training_patients(index, one, other, seed):
    small, large = (set(labelled_cases(index, percent, seed)) for percent in sorted((one, other)))
    assert small <= large
    training = index[index["part"] == "train"]
    assert large <= set(training["case"])
    for _, cases in training.groupby("group")["case"]:
        assert set(cases) <= small or not set(cases) & small


@given(indexes(), PERCENTAGES, st.integers(0, 5))
def test_there_is_a_lesion_whenever_the_data_has_one(index, percent, seed):
    chosen = index[index["case"].isin(labelled_cases(index, percent, seed))]
    has_lesion = (index.loc[index["part"] == "train", "lesion_fraction"] > 0).any()
    assert (chosen["lesion_fraction"] > 0).any() == has_lesion


@given(indexes(), st.integers(0, 5))
def test_all_labels_are_all_training_cases_and_a_draw_repeats(index, seed):
    assert set(labelled_cases(index, 100, seed)) == set(index.loc[index["part"] == "train", "case"])
    assert labelled_cases(index, 30, seed) == labelled_cases(index.sample(frac=1, random_state=1), 30, seed)


def patients(count: int) -> pd.DataFrame:
    burden = np.linspace(0, 0.3, count)
    names = [f"p{number:03d}" for number in range(count)]
    return pd.DataFrame({"case": names, "part": "train", "group": names, "lesion_fraction": burden})


def test_the_share_is_met_as_closely_as_whole_patients_allow():
    assert len(labelled_cases(patients(200), 5, 0)) == 10
    assert len(labelled_cases(patients(200), 0.1, 0)) == 1


def test_a_small_regime_has_the_lesion_burden_of_the_whole():
    index = patients(200)
    means = [
        index.loc[index["case"].isin(labelled_cases(index, 10, seed)), "lesion_fraction"].mean() for seed in range(20)
    ]
    # Twenty cases drawn at random would have a mean with sd 0.087 / sqrt(20) = 0.019; the strata cut that.
    assert np.std(means) < 0.008
    assert np.mean(means) == pytest.approx(0.15, abs=0.005)


def test_another_seed_is_another_draw():
    index = patients(100)
    assert label_order(index, 0) != label_order(index, 1)


@pytest.mark.parametrize("percent", [0, -1, 100.5])
def test_no_share_outside_0_to_100(percent):
    with pytest.raises(ValueError, match="above 0 and at most 100"):
        labelled_cases(patients(5), percent, 0)


def test_draws_and_splits_are_the_same_on_every_machine_and_in_every_order_of_rows():
    """Pinned: whoever publishes a seed must get these cases on any platform and with any version of NumPy."""
    parts_in_turn = ("train", "train", "train", "val", "test")
    index = pd.DataFrame(
        [(f"case{n:03d}", parts_in_turn[n % 5], f"p{n // 4}", (n * 37 % 101) / 1000 * (n % 7 > 0)) for n in range(60)],
        columns=["case", "part", "group", "lesion_fraction"],
    )
    order = "p5 p2 p10 p8 p4 p14 p3 p0 p11 p7 p12 p13 p9 p6 p1"
    parts = "eeeerrrraaaaaaaarrrrrrrrrrrrrrrrrrrreeeeeeeerrrrrrrraaaarrrr"  # the second letter of each part
    for rows in (index, index.sample(frac=1, random_state=0)):
        assert label_order(rows, 0) == order.split()
        assert labelled_cases(rows, 10, 3) == ("case045", "case046", "case047")
        assert "".join(part[1] for part in patient_parts(rows).sort_index()) == parts
