from dataclasses import replace

import numpy as np
import pytest

from biclip_bench.reports import ModelNote
from biclip_bench.reports.details import ScoringNote
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.tables.latex import to_latex
from biclip_bench.reports.tables.markup import to_markdown
from biclip_bench.reports.tables.report_tables import report_tables

OPTIONS = AnalysisOptions(resamples=200)


def with_further_scores(frame):
    return frame.assign(
        hd95=40 * (1 - frame["dice"]),
        nsd=frame["dice"] ** 2,
        sensitivity=frame["dice"],
        precision=frame["iou"],
        area_error=0.02 * (frame["dice"] - 0.9),
        ece=0.1 * (1 - frame["dice"]),
    )


def tables_of(frame, details, options=OPTIONS, published=()):
    return {table.name: table for table in report_tables(analyse(frame, options), details, published)}


def rows_of(table, heading=None):
    return {
        (row.model, row.labels): dict(zip(table.columns, row.cells, strict=True))
        for title, rows in table.groups
        for row in rows
        if heading in (None, title)
    }


def test_the_overview_is_the_analysis_in_percent(make_frame, details):
    frame = make_frame(corruptions=("motion", "low-dose-ct"))
    analysis = analyse(frame, OPTIONS)
    table = {table.name: table for table in report_tables(analysis, details)}["overview"]
    for row in analysis.overall.to_dict("records"):
        cells = rows_of(table)[(row["model"], "100%")]
        for heading, column in (
            ("Clean", "dice_clean"),
            ("Corrupted", "dice_corrupted"),
            ("Retention", "dice_retention"),
            ("Area", "dice_area"),
            ("Drop", "dice_drop"),
            ("mCE", "mean_corruption_error"),
        ):
            assert cells[heading].value == 100 * row[column], heading
        assert cells["Corrupted"].low == 100 * row["dice_corrupted_low"]
        rank = analysis.ranks[(analysis.ranks["corruption"] == "all") & (analysis.ranks["model"] == row["model"])]
        assert cells["Rank"].value == rank["rank"].item()
    assert "relative to model A (100)" in table.note
    assert "Below 70 is the first severity" in table.note


def test_the_bar_of_the_overview_is_the_readers(frame, details):
    table = tables_of(frame, details, replace(OPTIONS, bar=0.999))["overview"]
    assert {cells["Below 99.9"].text for cells in rows_of(table).values()} == {"0"}
    table = tables_of(frame, details, replace(OPTIONS, bar=0.0))["overview"]
    assert {cells["Below 0"].text for cells in rows_of(table).values()} == {"never"}


def test_lower_is_better_for_distances_errors_and_drops(make_frame, details):
    frame = with_further_scores(make_frame())
    tables = tables_of(frame, details)
    scores = rows_of(tables["further-scores"], "motion (mean over severities 1 to 5)")
    better, worse = scores[("model A", "100%")], scores[("model B", "100%")]
    for heading in ("HD95", "ECE"):
        assert better[heading].value < worse[heading].value
        assert better[heading].mark == "best", heading
    assert better["NSD"].mark == "best"
    assert better["Area bias"].mark == worse["Area bias"].mark == ""
    overview = rows_of(tables["overview"])
    assert overview[("model A", "100%")]["Drop"].mark == "best"
    assert overview[("model B", "100%")]["Drop"].mark == "second"
    assert overview[("model A", "100%")]["mCE"].text == "100.0"


def test_further_scores_are_means_over_severities_with_the_distance_in_its_unit(make_frame, details):
    frame = with_further_scores(make_frame())
    details = replace(details, scoring=ScoringNote("mm", 1.5))
    table = tables_of(frame, details)["further-scores"]
    assert [heading for heading, _ in table.groups] == ["clean", "motion (mean over severities 1 to 5)"]
    one = frame[(frame["model"] == "model A") & (frame["severity"] > 0)]
    cells = rows_of(table, table.groups[1][0])[("model A", "100%")]
    assert cells["HD95"].value == pytest.approx(one.groupby("severity")["hd95"].mean().mean())
    assert cells["Sensitivity"].value == pytest.approx(100 * one.groupby("severity")["sensitivity"].mean().mean())
    assert cells["Area error"].value == pytest.approx(
        100 * one.groupby("severity")["area_error"].agg(lambda x: x.abs().mean()).mean()
    )
    assert "HD95 in mm" in table.caption
    assert "at 1.5 mm" in table.note


def test_scores_from_before_there_were_further_ones_show_none_of_their_columns(frame, details):
    table = tables_of(frame, details).get("further-scores")
    assert table is None or not {"HD95", "NSD", "ECE"} & set(table.columns)


def test_a_severity_without_a_number_leaves_no_mean(make_frame, details):
    frame = with_further_scores(make_frame())
    frame.loc[(frame["model"] == "model A") & (frame["severity"] == 3), "ece"] = np.nan
    table = tables_of(frame, details)["further-scores"]
    assert rows_of(table, table.groups[1][0])[("model A", "100%")]["ECE"].text == "\u2013"


def test_comparisons_are_those_of_the_analysis_and_say_what_they_are_about(make_frame, details):
    frame = make_frame(models=("model A", "model B", "model C"))
    analysis = analyse(frame, OPTIONS)
    table = {table.name: table for table in report_tables(analysis, details)}["comparisons"]
    assert [heading for heading, _ in table.groups] == ["clean", "motion"]
    assert all(len(rows) == 3 for _, rows in table.groups)
    found = analysis.comparisons.set_index(["corruption", "model_a", "model_b"])
    for condition, rows in table.groups:
        for row in rows:
            first, second = row.model.split(" \u2212 ")
            expected, cells = found.loc[(condition, first, second)], dict(zip(table.columns, row.cells, strict=True))
            assert cells["Difference"].value == 100 * expected["difference"]
            assert cells["Difference"].low == 100 * expected["low"]
            assert cells["p"].value == expected["p_holm"]
            words = {"a": f"{first} better", "b": f"{second} better"}.get(expected["verdict"], expected["verdict"])
            assert cells["Verdict"].text == words
    assert "about these trained models" in table.note
    assert "Holm-adjusted" in table.note


def test_with_a_reference_every_pair_ends_with_it_and_is_turned_as_a_whole(make_frame, details):
    frame = make_frame(models=("model A", "model B", "model C"))
    options = replace(OPTIONS, reference="model A")
    analysis = analyse(frame, options)
    table = {table.name: table for table in report_tables(analysis, details)}["comparisons"]
    rows = dict(table.groups)["motion"]
    assert [row.model for row in rows] == ["model B \u2212 model A", "model C \u2212 model A"]
    means = analysis.summary.set_index("model")["dice_corrupted"]
    for row in rows:
        cells = dict(zip(table.columns, row.cells, strict=True))
        expected = means[row.model.split(" \u2212 ")[0]] - means["model A"]
        assert cells["Difference"].value == pytest.approx(100 * expected)
        assert cells["Difference"].low < cells["Difference"].value < cells["Difference"].high
        assert cells["Superiority"].value < 50
        assert cells["Effect"].value < 0
        assert cells["Verdict"].text == "model A better"


def test_of_many_models_only_the_pairs_with_the_best_are_shown(make_frame, details):
    names = tuple(f"model {letter}" for letter in "ABCDE")
    table = tables_of(make_frame(models=names), details)["comparisons"]
    rows = dict(table.groups)["motion"]
    assert [row.model for row in rows] == [f"{name} \u2212 model A" for name in names[1:]]
    assert "comparisons.csv has all" in table.note


def test_label_efficiency_has_a_column_a_label_fraction(make_frame, details):
    frame = make_frame(labels=(1.0, 10.0, 100.0))
    analysis = analyse(frame, OPTIONS)
    table = {table.name: table for table in report_tables(analysis, details)}["label-efficiency"]
    assert table.columns == ("1%", "10%", "100%", "Area", "To match")
    clean = analysis.scores[analysis.scores["severity"] == 0].set_index(["model", "labels"])["dice_mean"]
    for (model, _), cells in rows_of(table, "clean").items():
        assert [cells[f"{share}%"].value for share in (1, 10, 100)] == [
            100 * clean[model, share] for share in (1.0, 10.0, 100.0)
        ]
    assert "reaches the Dice of model A" in table.note


def test_a_text_only_model_takes_no_place_and_is_named(make_frame, details):
    details = replace(details, models=(ModelNote("model A", True, (), "", None, uses_image=False), *details.models[1:]))
    tables = tables_of(
        make_frame(models=("model A", "model B", "model C")), details, replace(OPTIONS, not_compared=("model A",))
    )
    for name in ("overview", "dice"):
        assert all(
            cell.mark == ""
            for (model, _), cells in rows_of(tables[name]).items()
            if model == "model A"
            for cell in cells.values()
        )
        assert "No place is given to model A, which never sees the image." in tables[name].note


def test_signs_stand_on_tested_columns_alone(make_frame, details):
    tables = tables_of(make_frame(models=("model A", "model B", "model C"), groups=30), details)
    signed = {
        (name, heading)
        for name, table in tables.items()
        for cells in rows_of(table).values()
        for heading, cell in cells.items()
        if cell.significance
    }
    assert signed <= {("dice", "Clean"), ("dice", "Mean"), ("overview", "Clean"), ("overview", "Corrupted")}
    assert {("dice", "Mean"), ("overview", "Corrupted")} <= signed
    for name in ("dice_pooled", "iou", "iou_pooled"):
        assert "Only the mean Dice was tested for differences." in tables[name].note


def test_with_few_patients_nothing_is_tested_and_the_tables_say_so(make_frame, details):
    tables = tables_of(make_frame(groups=4), details)
    for name in ("overview", "dice"):
        assert "No difference between models was tested: there are too few patients." in tables[name].note
    verdicts = {cells["Verdict"].text for cells in rows_of(tables["comparisons"]).values()}
    assert verdicts == {"too few patients"}


@pytest.mark.parametrize(
    "options",
    [
        {"models": ("model A",)},
        {"severities": (3,)},
        {"clean": False},
        {"severities": ()},
        {"groups": 3},
        {"corruptions": ("motion", "low-dose-ct"), "labels": (10.0, 100.0), "seeds": (0, 1), "severities": (5,)},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_shape_of_frame_has_its_tables(make_frame, details, options):
    tables = report_tables(analyse(make_frame(**options), OPTIONS), details)
    assert {"dice", "dice_pooled", "iou", "iou_pooled"} <= {table.name for table in tables}
    for table in tables:
        assert all(len(row.cells) == len(table.columns) for _, rows in table.groups for row in rows), table.name
    for text in (to_markdown(tables), to_latex(tables)):
        assert "nan" not in text
        assert "inf" not in text.replace("inferred", "")


def test_every_caption_states_cases_seeds_and_setting(make_frame, details):
    frame = with_further_scores(make_frame(labels=(10.0, 100.0), seeds=(0, 1)))
    for table in report_tables(analyse(frame, OPTIONS), details):
        assert "36 test cases of 12 patients, 2 seeds" in table.caption, table.name
        assert "quick profile (96 px, width 12, 20 epochs)" in table.caption, table.name


def test_the_order_of_rows_changes_nothing(make_frame, details):
    frame = with_further_scores(make_frame(labels=(10.0, 100.0)))
    first = report_tables(analyse(frame, OPTIONS), details)
    second = report_tables(analyse(frame.sample(frac=1, random_state=1), OPTIONS), details)
    assert to_latex(first) == to_latex(second)
