import io
import math

import pandas as pd
import pytest

from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.tables.comma_separated import plain_text, to_csv
from biclip_bench.reports.tables.report_tables import report_tables
from biclip_bench.reports.tables.result_table import ResultTable, TableCell, TableRow
from biclip_bench.reports.tables.robustness_table import robustness_table


def read(text):
    return pd.read_csv(io.StringIO(text), float_precision="round_trip")


def test_a_line_a_row_with_the_scores_in_full_precision(frame, details):
    scores, summary = condition_scores(frame), robustness_summary(frame)
    found = read(to_csv(robustness_table(scores, summary, details, "dice")))
    assert found["model"].tolist() == ["model A", "model B"]
    assert found["trained_for"].tolist() == [False, True]
    assert found["labels"].tolist() == [100, 100]
    for row in found.to_dict("records"):
        for severity, column in enumerate(["clean", *(f"severity_{number}" for number in range(1, 6))]):
            (expected,) = scores[(scores["model"] == row["model"]) & (scores["severity"] == severity)].to_dict(
                "records"
            )
            assert row[column] == 100 * expected["dice_mean"]
            assert row[f"{column}_low"] == 100 * expected["dice_low"]
            assert row[f"{column}_high"] == 100 * expected["dice_high"]


def test_every_table_can_be_read_back(make_frame, details):
    frame = make_frame(labels=(10.0, 100.0), corruptions=("motion", "low-dose-ct"))
    for table in report_tables(analyse(frame, AnalysisOptions(resamples=200)), details):
        found = read(to_csv(table))
        assert len(found) == sum(len(rows) for _, rows in table.groups)
        assert found.columns.is_unique
        assert not any("*" in column or " " in column for column in found.columns)


@pytest.mark.parametrize("text", ["=1+1", "@x", "+1", "-1", "\tx"])
def test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe_and_numbers_do_not(text):
    row = TableRow(text, "1%", False, (TableCell("-1.5", value=-1.5), TableCell(text)))
    table = ResultTable("t", "T", "", ("Difference", "Verdict"), ((text, (row,)),))
    found = read(to_csv(table)).iloc[0]
    assert found["corruption"] == found["model"] == found["verdict"] == f"'{text}"
    assert found["difference"] == -1.5
    assert plain_text("unet-1") == "unet-1"


def test_a_missing_number_is_empty_and_never_is_infinite():
    rows = tuple(TableRow("m", "", False, (cell,)) for cell in (TableCell("-"), TableCell("never", value=math.inf)))
    found = read(to_csv(ResultTable("t", "T", "", ("To match",), (("", rows),), heads=("Model",))))
    assert found.columns.tolist() == ["model", "to_match"]
    assert math.isnan(found["to_match"][0])
    assert found["to_match"][1] == math.inf
