import shutil
import subprocess

import pytest

from biclip_bench.errors import UserError
from biclip_bench.reports import condition_scores, robustness_summary
from biclip_bench.reports.tables.latex import to_latex
from biclip_bench.reports.tables.latex_text import escape_latex
from biclip_bench.reports.tables.markup import escape_markdown, to_markdown
from biclip_bench.reports.tables.robustness_table import robustness_table, robustness_tables
from biclip_bench.reports.wording import NO_VALUE

NASTY = r"50% & $x_1^2$ #1 {a} \b ~ <i> | *x*"


@pytest.fixture
def tables(frame, details):
    return robustness_tables(condition_scores(frame), robustness_summary(frame), details)


def test_cells_are_the_scores_in_percent_with_one_decimal(frame, tables):
    scores = condition_scores(frame).set_index(["model", "corruption", "severity"])
    summary = robustness_summary(frame).set_index("model")
    assert [table.name for table in tables] == ["dice", "dice_pooled", "iou", "iou_pooled"]
    for table in tables:
        column = {"dice": "dice_mean", "iou": "iou_mean"}.get(table.name, table.name)
        ((corruption, rows),) = table.groups
        assert corruption == "motion"
        for row in rows:
            expected = [scores.loc[(row.model, "motion" if s else "clean", s), column] for s in range(6)]
            expected += [summary.loc[row.model, f"{table.name}_{name}"] for name in ("corrupted", "retention")]
            assert [cell.text for cell in row.cells] == [f"{100 * value:.1f}" for value in expected]
    first = tables[0].groups[0][1][0].cells[0]
    low, high = scores.loc[("model A", "clean", 0), ["dice_low", "dice_high"]]
    assert first.interval == f"{100 * low:.1f} to {100 * high:.1f}"


def test_the_caption_states_convention_sample_and_setting(tables):
    assert tables[0].caption.startswith("Dice, mean over cases (%), on Simulated scores (by patient): ")
    assert tables[1].caption.startswith("Dice, pooled over all pixels (%)")
    for table in tables:
        assert "36 test cases of 12 patients, 1 seed." in table.caption
        assert "both empty, Dice and IoU are 1" in table.caption
        assert "quick profile (96 px, width 12, 20 epochs)" in table.caption


def test_only_the_model_trained_for_this_corruption_has_a_dagger(make_frame, details):
    frame = make_frame(corruptions=("motion", "low-dose-ct"))
    tables = robustness_tables(condition_scores(frame), robustness_summary(frame), details)
    marked = [(name, row.model) for name, rows in tables[0].groups for row in rows if row.trained_for]
    assert marked == [("motion", "model B")]
    assert "model B†" in to_markdown(tables)
    assert r"model B\textsuperscript{\textdagger}" in to_latex(tables)
    assert "† This model's training saw the corruption's family" in to_markdown(tables)


def test_no_dagger_no_note(frame, make_details):
    table = robustness_tables(condition_scores(frame), robustness_summary(frame), make_details(trained=False))[0]
    assert "training" not in table.note
    assert "†" not in to_markdown([table])


def test_what_is_missing_is_a_dash(make_frame, details):
    frame = make_frame(clean=False, corruptions=("motion", "low-dose-ct"))
    frame = frame[(frame["corruption"] == "motion") | (frame["severity"] < 3)]
    table = robustness_tables(condition_scores(frame), robustness_summary(frame), details)[0]
    (_, motion), (_, low_dose) = table.groups
    assert motion[0].cells[0].text == motion[0].cells[-1].text == NO_VALUE
    assert [cell.text == NO_VALUE for cell in low_dose[0].cells] == [True, False, False, True, True, True, False, True]
    assert "low-dose-ct}} \\\\\n    model A & 100\\% & -- & " in to_latex([table])


def test_few_patients_are_named_in_the_caption(make_frame, details):
    frame = make_frame(groups=5)
    table = robustness_tables(condition_scores(frame), robustness_summary(frame), details)[0]
    assert "fewer than 10 patients no interval is given" in table.caption
    assert all(cell.interval == "" for row in table.groups[0][1] for cell in row.cells)


def test_an_unknown_corruption_is_refused(frame, details):
    with pytest.raises(UserError, match=r"no scores for the corruption 'fog'\. Known: motion"):
        robustness_table(condition_scores(frame), robustness_summary(frame), details, "dice", ["fog"])


def test_markdown_has_one_line_per_row_and_as_many_cells_as_columns(tables):
    text = to_markdown(tables)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4 * (2 + 2)
    assert {line.count("|") for line in lines} == {3 + 8 + 1}


def test_markdown_sets_the_best_bold_and_the_second_underlined(tables):
    rows = [line.split(" | ") for line in to_markdown(tables[:1]).splitlines() if line.startswith("| motion")]
    for column in range(3, 11):
        printed = sorted((cells[column].removesuffix(" |") for cells in rows), key=lambda text: "**" in text)
        numbers = [float(text.strip("*").removeprefix("<ins>").removesuffix("</ins>")) for text in printed]
        if numbers[0] != numbers[1]:
            assert printed[0] == f"<ins>{numbers[0]:.1f}</ins>"
            assert printed[1] == f"**{numbers[1]:.1f}**"
            assert numbers[0] < numbers[1]


def test_markdown_and_latex_escape_what_they_would_act_on():
    assert escape_latex(NASTY) == (
        r"50\% \& \$x\_1\textasciicircum{}2\$ \#1 \{a\} \textbackslash{}b \textasciitilde{} "
        r"\textless{}i\textgreater{} \textbar{} *x*"
    )
    assert escape_latex("two\n\nlines") == "two lines"
    assert escape_markdown("<b>|a_b|\n*c*") == r"&lt;b&gt;\|a\_b\| \*c\*"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_with_booktabs_alone_whatever_the_names(make_frame, details, tmp_path):
    frame = make_frame(models=(NASTY, "model B"), corruptions=("motion", NASTY[::-1]))
    tables = robustness_tables(condition_scores(frame), robustness_summary(frame), details)
    (tmp_path / "tables.tex").write_text(to_latex(tables), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{tables}\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
