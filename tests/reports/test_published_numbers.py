import csv
from importlib.resources import files

import pytest

from biclip_bench.errors import UserError
from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.tables.markup import to_markdown
from biclip_bench.reports.tables.published import COLUMNS, published_scores, read_published, same_model
from biclip_bench.reports.tables.published_columns import published_table
from biclip_bench.reports.tables.robustness_table import robustness_table, robustness_tables
from biclip_bench.reports.wording import NO_VALUE

GOOD = {
    "source": "A paper, 2025",
    "url": "https://example.org/paper",
    "dataset": "simulated",
    "model": "Model A",
    "labels": "100",
    "corruption": "clean",
    "severity": "",
    "measure": "dice",
    "convention": "mean over cases",
    "value": "91.20",
    "note": "",
}


def write(path, *rows, columns=COLUMNS):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**GOOD, **row} for row in rows)
    return path


def test_the_numbers_of_the_biclip_paper_are_installed_with_their_conventions():
    scores = published_scores("qata-lvit")
    clean = {(s.model, s.labels, s.measure): s for s in scores if s.corruption == "clean"}
    assert clean["BiCLIP", "100", "dice"].value == "90.59"
    assert clean["BiCLIP", "100", "dice"].convention == "pooled over all pixels"
    assert clean["LViT", "100", "iou"].convention == "mean over cases"
    assert clean["U-Net", "100", "dice"].convention == "not stated"
    assert clean["EF-UNet", "1", "dice"].value == "66.76"
    assert clean["LanGuideMedSeg", "100", "iou"].source.startswith("Zhong et al.")
    assert {s.value for s in published_scores("mosmed") if s.model == "BiCLIP" and s.measure == "dice"} == {
        "80.80", "72.18", "68.29", "64.71", "46.49",
    }  # fmt: skip
    assert published_scores("phantom") == []


def test_levels_without_a_unit_say_so_and_claim_no_label_fraction():
    noise = [s for s in published_scores("qata") if s.corruption == "low-dose CT noise"]
    assert len(noise) == 12
    assert {s.severity for s in noise} == {"level 140", "level 120", "level 110"}
    assert all("without a unit" in s.note and s.labels == "" for s in noise)


def test_every_file_that_comes_with_the_package_is_valid():
    paths = [item for item in files("biclip_bench.published").iterdir() if item.name.endswith(".csv")]
    assert len(paths) >= 2
    for path in paths:
        assert read_published(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"measure": "hd95"}, "has the measure 'hd95': it is one of dice, iou"),
        ({"convention": "average"}, "has the convention 'average'"),
        ({"value": "101"}, "has the value '101': it is a percentage"),
        ({"value": "=1+1"}, "has the value '=1"),
        ({"labels": "0"}, "has the labels '0'"),
        ({"labels": "ten"}, "has the labels 'ten'"),
        ({"source": ""}, "has no source"),
        ({"url": "javascript:x"}, "has the url 'javascript:x'"),
        ({"severity": "3"}, "clean images have none"),
    ],
)
def test_a_bad_row_is_named(tmp_path, change, words):
    path = write(tmp_path / "mine.csv", {"model": "fine"}, change)
    with pytest.raises(UserError) as caught:
        read_published(path)
    assert str(caught.value).startswith("Row 3 of the published numbers mine.csv ")
    assert words in str(caught.value)


def test_a_missing_column_a_repeated_row_a_ragged_row_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"mine\.csv lack the column\(s\) convention\. Needed are: source"):
        read_published(write(tmp_path / "mine.csv", {}, columns=[c for c in COLUMNS if c != "convention"]))
    with pytest.raises(UserError, match=r"Row 4 of the published numbers mine\.csv repeats row 2"):
        read_published(write(tmp_path / "mine.csv", {}, {"model": "B"}, {"value": "80"}))
    path = write(tmp_path / "mine.csv", {})
    path.write_text(path.read_text() + "too,few\n")
    with pytest.raises(UserError, match=r"Row 3 .* another number of cells"):
        read_published(path)
    path.write_text(",".join(COLUMNS) + "\n" + ",".join([*GOOD.values(), "more"]) + "\n")
    with pytest.raises(UserError, match=r"Row 2 .* another number of cells"):
        read_published(path)
    with pytest.raises(UserError, match=r"none\.csv cannot be read"):
        read_published(tmp_path / "none.csv")


def test_names_agree_but_for_capitals_spaces_and_hyphens():
    assert same_model("U-Net", "unet")
    assert same_model("BiCLIP", "biclip")
    assert not same_model("U-Net", "unet++")
    assert not same_model("BiCLIP", "biclip:cycle=off")


@pytest.fixture
def published(tmp_path):
    path = write(
        tmp_path / "mine.csv",
        {},
        {"model": "model b", "convention": "pooled over all pixels", "value": "99.9", "source": "Another, 2026"},
        {"model": "elsewhere", "value": "70.0"},
        {"labels": "1", "value": "50.0"},
        {"measure": "iou", "value": "85.0"},
        {"corruption": "fog", "severity": "thick", "labels": "", "note": "Its unit is not stated."},
    )
    return published_scores("simulated", [path])


def test_published_numbers_stand_in_columns_of_their_own_beside_the_model_they_belong_to(frame, details, published):
    scores, summary = condition_scores(frame, resamples=0), robustness_summary(frame, resamples=0)
    plain = robustness_table(scores, summary, details, "dice")
    table = robustness_table(scores, summary, details, "dice", (), None, published)
    assert table.columns == (*plain.columns, "Clean [1]", "Clean [2]")
    assert table.spans == (("Measured here", 8), ("Published", 2))
    ((_, rows),), ((_, plain_rows),) = table.groups, plain.groups
    assert [[cell.text for cell in row.cells[8:]] for row in rows] == [["91.20 (m)", NO_VALUE], [NO_VALUE, "99.9 (p)"]]
    assert [row.cells[:8] for row in rows] == [row.cells for row in plain_rows]
    assert all(not cell.mark and not cell.significance for row in rows for cell in row.cells[8:])
    assert "(m) mean over cases; (p) pooled over all pixels" in table.note
    assert "[1] A paper, 2025, https://example.org/paper. [2] Another, 2026" in table.note
    assert "were not measured here" in table.note
    assert "Published: Clean \\[1\\]" in to_markdown([table])


def test_a_published_number_stands_in_both_tables_of_its_measure_with_its_convention(frame, details, published):
    scores, summary = condition_scores(frame, resamples=0), robustness_summary(frame, resamples=0)
    tables = {t.name: t for t in robustness_tables(scores, summary, details, None, published)}
    shown = {name: [cell.text for cell in t.groups[0][1][0].cells[8:]] for name, t in tables.items()}
    assert shown == {
        "dice": ["91.20 (m)", NO_VALUE],
        "dice_pooled": ["91.20 (m)", NO_VALUE],
        "iou": ["85.0 (m)"],
        "iou_pooled": ["85.0 (m)"],
    }


def test_unless_asked_for_nothing_published_is_shown(frame, details):
    scores, summary = condition_scores(frame, resamples=0), robustness_summary(frame, resamples=0)
    for table in robustness_tables(scores, summary, details):
        assert table.spans == ()
        assert "ublished" not in table.note + table.caption
    assert published_table((), details) is None


def test_the_table_of_published_numbers_lists_all_of_them(details, published):
    table = published_table(published, details)
    assert [heading for heading, _ in table.groups] == ["clean", "fog, thick"]
    found = {(row.model, row.labels): [cell.text for cell in row.cells] for _, rows in table.groups for row in rows}
    assert found[("Model A", "100%")] == ["91.20 (m)", "85.0 (m)", "[1]"]
    assert found[("elsewhere", "100%")] == ["70.0 (m)", NO_VALUE, "[1]"]
    assert found[("Model A", "not stated")] == ["91.20 (m)", NO_VALUE, "[1]"]
    assert "Its unit is not stated." in table.note
    assert "none of them was measured here" in table.caption
