import numpy as np
import pandas as pd

from biclip_bench.benchmark.pictures import typical_cases


def index(fractions: list[float], patients: int) -> pd.DataFrame:
    names = [f"c{number:02d}" for number in range(len(fractions))]
    groups = [f"p{number % patients}" for number in range(len(fractions))]
    return pd.DataFrame({"case": names, "part": "test", "group": groups, "lesion_fraction": fractions})


def test_shown_cases_span_the_lesion_sizes_and_are_of_different_patients():
    table = index(list(np.linspace(0, 0.2, 21)), 21)
    shown = table.set_index("case").loc[typical_cases(table, 3)]
    assert shown["lesion_fraction"].is_monotonic_increasing
    np.testing.assert_allclose(shown["lesion_fraction"], [0.06, 0.11, 0.15], atol=0.011)
    assert shown["group"].nunique() == 3


def test_fewer_cases_than_asked_for_are_shown_once_each():
    assert typical_cases(index([0.1], 1), 3) == ["c00"]


def test_without_any_lesion_normal_cases_are_shown():
    assert len(typical_cases(index([0.0, 0.0, 0.0, 0.0], 4), 2)) == 2
