"""The page on the scores says what the code does: every column, its range and its rule for empty masks."""

import re
from pathlib import Path

import pytest
import torch

from biclip_bench.benchmark.calibration_error import BINS
from biclip_bench.benchmark.scores import score_cases
from biclip_bench.benchmark.surface_distance import NSD_TOLERANCE
from biclip_bench.benchmark.threshold import CANDIDATES
from biclip_bench.reports.frame import FURTHER_SCORES, SCORE_COLUMNS

PAGE = (Path(__file__).parents[1] / "docs" / "scores.md").read_text(encoding="utf-8")
ROWS = {
    name: [cell.strip() for cell in cells.split("|")][2:]
    for name, cells in re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE)
}
EMPTY, LESION = torch.zeros(1, 6, 8, dtype=torch.bool), torch.zeros(1, 6, 8, dtype=torch.bool)
LESION[0, 2:4, 3] = True


def test_every_score_has_a_row():
    assert tuple(ROWS) == (*SCORE_COLUMNS, *FURTHER_SCORES)


@pytest.mark.parametrize(("column", "prediction", "truth"), [(0, EMPTY, EMPTY), (1, LESION, EMPTY), (2, EMPTY, LESION)])
def test_the_rules_for_empty_masks_are_those_of_the_table(column, prediction, truth):
    (row,) = score_cases(prediction, truth, prediction.float()).to_dict("records")
    for name, cells in ROWS.items():
        said = cells[column]
        if said == "undefined":
            assert row[name] != row[name]
        elif said == "as the formula":
            assert row[name] == row[name]
        else:
            assert row[name] == (10.0 if said == "diagonal" else float(said))


def test_the_constants_are_those_of_the_code():
    assert f"sum over {BINS} bins" in PAGE
    assert f"tolerance of NSD is {NSD_TOLERANCE:g} mm, or {NSD_TOLERANCE:g} px" in PAGE
    assert f"the one of {CANDIDATES[0]:.2f}, {CANDIDATES[1]:.2f}, ... {CANDIDATES[-1]:.2f}" in PAGE
