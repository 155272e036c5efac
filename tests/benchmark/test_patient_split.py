import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.patient_split import PatientSplit, patient_overlap, patient_parts, split_text
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError


class Made:
    """A data set of nothing but an index."""

    name = "lvit"
    fingerprint = "f" * 64
    context = ImageContext()

    def __init__(self, index: pd.DataFrame) -> None:
        self.index = index

    def load(self, case: str):
        return case


def index_of(groups: list[str], parts: list[str]) -> pd.DataFrame:
    cases = [f"{part}/{number:03d}" for number, part in enumerate(parts)]
    lesions = np.random.default_rng(0).random(len(cases))
    return pd.DataFrame({"case": cases, "part": parts, "group": groups, "lesion_fraction": lesions, "text": ""})


# A published split by slice: neighbouring slices of a study stand in different parts.
BY_SLICE = index_of([f"study_{number // 10}" for number in range(300)], (["train"] * 8 + ["val", "test"]) * 30)


def test_the_overlap_of_a_split_by_slice():
    overlap = patient_overlap(BY_SLICE)
    assert (overlap.cases, overlap.shared_cases, overlap.groups, overlap.shared_groups) == (30, 30, 30, 30)
    assert "30 of 30 test cases come from a patient or study that is also in training" in split_text(
        Made(BY_SLICE), "official"
    )


def test_the_overlap_counts_training_alone():
    index = index_of(["a", "b", "a", "b", "c"], ["train", "val", "test", "test", "test"])
    overlap = patient_overlap(index)
    assert (overlap.cases, overlap.shared_cases, overlap.groups, overlap.shared_groups) == (3, 1, 3, 1)


def test_whole_patients_are_dealt_to_parts_of_the_published_sizes():
    split = PatientSplit(Made(BY_SLICE))
    assert (split.index.groupby("group")["part"].nunique() == 1).all()
    sizes = split.index["part"].value_counts()
    assert sizes.to_dict() == {"train": 240, "val": 30, "test": 30}
    assert patient_overlap(split.index).shared_cases == 0
    assert "not the published split" in split_text(split, "patient")
    assert "no test patient or study is in training" in split_text(split, "patient")
    assert split.fingerprint != Made.fingerprint
    assert split.load("train/000") == "train/000"
    burden = split.index.groupby("part")["lesion_fraction"].mean()
    assert burden.max() - burden.min() < 0.1


@given(st.lists(st.integers(1, 12), min_size=12, max_size=40), st.randoms(use_true_random=False))
def test_a_patient_split_is_whole_close_in_size_and_independent_of_order(sizes, random):
    groups = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
    parts = [random.choice(["train", "train", "train", "val", "test"]) for _ in groups]
    if len(set(parts)) < 3:
        return
    index = index_of(groups, parts)
    dealt = patient_parts(index)
    assert (dealt.groupby(index["group"]).nunique() == 1).all()
    wanted = index["part"].value_counts()
    off = (dealt.value_counts().reindex(wanted.index, fill_value=0) - wanted).abs()
    assert off.max() <= 2 * max(sizes)
    shuffled = index.sample(frac=1, random_state=1)
    assert patient_parts(shuffled).loc[index.index].equals(dealt)


def test_unknown_patients_cannot_be_split():
    index = index_of([f"p{number}" for number in range(6)], ["train"] * 4 + ["val", "test"])
    with pytest.raises(UserError, match="nothing in the data set 'lvit' tells"):
        PatientSplit(Made(index))
    assert "not known" in split_text(Made(index), "official")
    with pytest.raises(UserError, match="has 2 patients"):
        PatientSplit(Made(index_of(["a", "a", "b", "b"], ["train", "train", "val", "test"])))


def test_what_was_found_wrong_with_the_data_stays_known():
    dataset = Made(BY_SLICE)
    dataset.defects, dataset.left_out = ("a warning",), {"train/000": "unreadable"}
    split = PatientSplit(dataset)
    assert (split.defects, split.left_out) == (dataset.defects, dataset.left_out)
