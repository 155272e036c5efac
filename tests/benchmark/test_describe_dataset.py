import re

import numpy as np
import pandas as pd
import pytest

from biclip_bench.benchmark.datasets.base import Case
from biclip_bench.benchmark.describing.describe import describe_dataset
from biclip_bench.benchmark.describing.given_away import text_labels
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.reports.audits.description import description_page

CORNERS = {"upper left": (0, 0), "upper right": (0, 22), "lower left": (30, 0), "lower right": (30, 22)}


class Corners:
    """Lesions in a corner of the image, with texts that name it or do not."""

    name = "corners"
    fingerprint = "0" * 64
    context = ImageContext("other")

    def __init__(self, texts=None, counts=(40, 8, 16), shared=0):
        rows = []
        for part, count in zip(("train", "val", "test"), counts, strict=True):
            for number in range(count):
                corner = list(CORNERS)[number % 4]
                text = f"A lesion in the {corner} corner." if texts is None else texts[number % len(texts)]
                group = f"train-{number}" if part == "test" and number < shared else f"{part}-{number // 2 * 2}"
                rows.append((f"{part}/{number:02d}", part, group, text, corner))
        index = pd.DataFrame(rows, columns=["case", "part", "group", "text", "corner"])
        self._corner = dict(zip(index["case"], index.pop("corner"), strict=True))
        index["lesion_fraction"] = [float(self.load_mask(case).mean()) for case in index["case"]]
        self.index = index.sort_values("case", ignore_index=True)

    def load_mask(self, case):
        row, column = CORNERS[self._corner[case]]
        mask = np.zeros((48, 40), bool)
        mask[row : row + 18, column : column + 18] = True
        return mask

    def load(self, case):
        row = self.index.set_index("case").loc[case]
        mask = self.load_mask(case)
        return Case(case, mask[None].astype(np.float32), mask, row["text"], row["group"])


def table(description, title):
    (found,) = [table for table in description.tables if table.title == title]
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_texts_that_name_the_corner_give_the_mask_away():
    told = describe_dataset(Corners(), "official")
    (cells, centre) = table(told, "What the texts say about the mask's place")
    for row in (cells, centre):
        assert row["Entropy"] == row["Observed"] == "2.000"
        assert row["Percent"] == "100.0"
    one, text = table(told, "Guessing the mask from the text alone")
    assert float(text["Dice (%)"]) > 97
    assert float(one["Dice (%)"]) == pytest.approx(40, abs=1)
    assert text["Matched (%)"] == "100.0"
    assert any("of 2.00 bits" in finding for finding in told.findings)


def test_texts_that_say_nothing_give_nothing_away():
    told = describe_dataset(Corners(["There is a lesion."]), "official")
    for row in table(told, "What the texts say about the mask's place"):
        assert (row["Observed"], row["Beyond chance"], row["Percent"], row["p"]) == ("0.000", "0.000", "0.0", "1.000")
    one, text = table(told, "Guessing the mask from the text alone")
    assert one["Dice (%)"] == text["Dice (%)"]


def test_without_texts_nothing_is_said_of_them():
    told = describe_dataset(Corners([""]), "official")
    titles = [table.title for table in told.tables]
    assert titles == ["Parts", "Image sizes", "Lesion burden", "Patients in two parts"]
    assert "There are no texts." in told.findings


def test_counts_by_hand():
    told = describe_dataset(Corners(shared=4), "official")
    parts = {row["Part"]: row for row in table(told, "Parts")}
    assert [parts[part]["Cases"] for part in ("train", "val", "test", "all")] == ["40", "8", "16", "64"]
    assert parts["train"]["Patients or studies"] == "20"
    assert parts["all"]["Distinct texts"] == "4"
    (size,) = table(told, "Image sizes")
    assert tuple(size.values()) == ("40 x 48", "grey", "64")
    burden = {row["Part"]: row for row in table(told, "Lesion burden")}
    assert burden["val"]["median"] == f"{100 * 18 * 18 / (48 * 40):.2f}"
    # Groups of two: of the test cases 0 to 3, 0 and 2 bear the name of a training patient.
    overlap = {row["Parts"]: row for row in table(told, "Patients in two parts")}
    assert overlap["test in training"]["Cases"] == "2 of 16"
    assert overlap["validation in training"]["Cases"] == "0 of 8"
    texts = {row["Part"]: row for row in table(told, "Texts")}
    assert texts["all"]["Vocabulary (words)"] == "9"
    assert texts["test"]["Words: fewest"] == "7"


def test_what_reports_state_is_read_where_most_follow_the_grammar():
    report = "Unilateral pulmonary infection, one infected area, upper left lung."
    labels = text_labels([report, report.replace("one", "two"), "No pulmonary infection, no infected area.", "Else."])
    assert len(labels) == 3
    whole = labels["the side, number and zones it states"]
    assert len(set(whole)) == 4
    side = labels["the side it states"]
    assert side[0] == side[1] != side[2]
    assert side[3] is None
    assert list(text_labels(["Something.", report, "Else."])) == ["its words"]


def test_the_page_holds_pictures_and_escapes_texts(phantom):
    data = Corners(["<script>alert(1)</script> a lesion"])
    page = description_page(describe_dataset(data, "official", pictures=True))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert len(re.findall(r'<img src="data:image/jpeg;base64,', page)) == 6 + 2
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_the_phantoms_reports_tell_where_its_lesions_lie(phantom):
    told = describe_dataset(phantom, "made, whole patients in one part", pictures=True)
    rows = table(told, "What the texts say about the mask's place")
    stated = next(
        row for row in rows if row["What tells"] == "the side it states" and row["Of what"] == "cell of the centre"
    )
    assert float(stated["Beyond chance"]) > 0.3
    assert float(stated["p"]) < 0.05
    assert "CT" in told.facts["Images"]
