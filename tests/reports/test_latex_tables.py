import re
import shutil
import subprocess
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.reports import ModelNote, condition_scores, robustness_summary
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.tables.latex import to_latex
from biclip_bench.reports.tables.latex_text import escape_latex
from biclip_bench.reports.tables.published import published_scores
from biclip_bench.reports.tables.report_tables import report_tables
from biclip_bench.reports.tables.result_table import ResultTable, TableCell, TableRow
from biclip_bench.reports.tables.robustness_table import robustness_tables

HOSTILE = (
    r"50%_&_#1_$x$_\input{y}_^2_~z",
    "<i>|{a}[b]*c*",
    "[b]starts a row",
    "*starts a row",
    'a--b "quoted" `tick`',
    "unet\u2020\u2021",
    "Zürich, Łódź, Señor, naïve, façade",
    "\u03b1-unet \u2265 \u03b2 \u2192 100 \u03bcm \u00b1 1\u00b0",
    "a_very_long_name_without_any_space_" * 3 + "end",
)

NEEDS_LATEX = pytest.mark.skipif(
    shutil.which("pdflatex") is None or shutil.which("pdftotext") is None, reason="needs pdflatex and pdftotext"
)

MODELS = (
    "biclip",
    "ef-unet",
    "lvit",
    "unet",
    "nnunet",
    "text-only",
    "segformer",
    "swin-unetr",
    "deeplabv3+",
    "clipseg",
)


def paper(options, packages="booktabs", body=r"\input{tables}"):
    return (
        rf"\documentclass[{options}]{{article}}\usepackage{{{packages}}}\begin{{document}}"
        rf"A sentence of the paper; Table~\ref{{tab:robustness-dice}}. {body}\end{{document}}"
    )


def compiled(folder, source):
    """Compile twice, as references need, and return the log and the text of the pages."""
    (folder / "paper.tex").write_text(source, encoding="ascii")
    for _ in range(2):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:]
    text = subprocess.run(
        ["pdftotext", "-layout", "paper.pdf", "-"], cwd=folder, capture_output=True, check=True
    ).stdout
    return done.stdout, text.decode("utf-8")


def squeezed(text):
    """Without white space, with compatible characters alike: names break into lines, and fonts know one mu."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def overfull(log):
    return [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]


@pytest.fixture
def all_tables(make_frame, make_details):
    frame = make_frame(models=MODELS, labels=(10.0, 100.0), corruptions=("motion", "low-dose-ct"))
    frame = frame.assign(hd95=20 * (1 - frame["dice"]), nsd=frame["dice"], ece=0.1 * frame["iou"], area_error=-0.01)
    notes = (
        ModelNote("biclip", True, ("motion-blur",), "", 1),
        ModelNote("text-only", True, (), "", 1, uses_image=False),
    )
    details = replace(make_details(), models=notes)
    options = AnalysisOptions(resamples=200, not_compared=("text-only",))
    return report_tables(analyse(frame, options), details, published_scores("qata-lvit"))


@NEEDS_LATEX
@pytest.mark.parametrize("options", ["10pt", "10pt,twocolumn", "a4paper,11pt,twocolumn"])
def test_a_paper_with_every_table_and_a_figure_compiles_and_nothing_leaves_the_page(all_tables, tmp_path, options):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0])
    figure.savefig(tmp_path / "curve.pdf", metadata={"CreationDate": None})
    (tmp_path / "tables.tex").write_text(to_latex(all_tables), encoding="ascii")
    body = r"\begin{figure}\centering\includegraphics{curve}\caption{A curve.}\end{figure}\listoftables\input{tables}"
    log, text = compiled(tmp_path, paper(options, "booktabs,graphicx", body))
    assert overfull(log) == []
    assert "undefined" not in log
    assert "Float too large" not in log
    assert len(all_tables) == 9
    assert (tmp_path / "paper.lot").read_text().count(r"\contentsline") == 9
    for number, table in enumerate(all_tables, start=1):
        assert f"Table {number}:" in text, table.name
    for model in MODELS:
        assert model in text


@NEEDS_LATEX
@pytest.mark.parametrize("options", ["10pt", "10pt,twocolumn"])
def test_a_table_of_ten_models_and_five_severities_fits_with_booktabs_alone(all_tables, tmp_path, options):
    (table,) = (table for table in all_tables if table.name == "dice")
    (tmp_path / "tables.tex").write_text(to_latex([table]), encoding="ascii")
    log, text = compiled(tmp_path, paper(options))
    assert max(overfull(log), default=0) <= 10
    rows = [line.split() for line in text.splitlines() if line.split() and line.split()[0] in MODELS]
    assert len(rows) >= 3 * len(MODELS)


@pytest.fixture
def hostile_source(make_frame, details, tmp_path):
    frame = make_frame(models=HOSTILE, corruptions=("motion", HOSTILE[0]), severities=(1,), groups=2)
    tables = robustness_tables(condition_scores(frame), robustness_summary(frame), details)[:1]
    (tmp_path / "tables.tex").write_text(to_latex(tables), encoding="ascii")
    return tmp_path


@NEEDS_LATEX
@pytest.mark.parametrize("options", ["10pt", "10pt,twocolumn"])
def test_whatever_the_names_a_default_document_compiles_and_nothing_leaves_the_page(hostile_source, options):
    log, text = compiled(hostile_source, paper(options))
    assert max(overfull(log), default=0) <= 10
    assert "[b]starts a row" in text
    assert "*starts a row" in text


@NEEDS_LATEX
@pytest.mark.skipif(
    not shutil.which("kpsewhich") or subprocess.run(["kpsewhich", "lmodern.sty"], capture_output=True).returncode != 0,
    reason="needs the fonts of lmodern: the default ones draw an underscore as a line",
)
def test_whatever_the_names_they_print_as_they_are(hostile_source):
    source = paper("10pt").replace(r"\begin{document}", r"\usepackage[T1]{fontenc}\usepackage{lmodern}\begin{document}")
    compiled(hostile_source, source)
    raw = subprocess.run(["pdftotext", "-raw", "paper.pdf", "-"], cwd=hostile_source, capture_output=True, check=True)
    printed = squeezed(raw.stdout.decode("utf-8"))
    for name in HOSTILE:
        # The degree sign is a raised ring there; it is the last character.
        assert squeezed(name).removesuffix("\u00b0") in printed, name


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_ascii_with_every_brace_closed_and_nothing_active(text, breakable):
    source = escape_latex(text, breakable=breakable)
    assert source.isascii()
    assert "\n" not in source
    bare = re.sub(r"\\(?:[A-Za-z]+|.)", "", source)
    assert bare.count("{") == bare.count("}")
    assert not set("%&#_~") & set(bare)
    assert bare.count("$") % 2 == 0


def test_the_source_is_ascii_and_unknown_characters_are_told_by_their_number():
    text = escape_latex("模型 \U0001f600 é \x07 " + "".join(HOSTILE))
    assert text.isascii()
    assert r"\texttt{U+6A21}" in text
    assert r"\texttt{U+1F600}" in text
    assert r"\'{e}" in text
    assert "\x07" not in text


@NEEDS_LATEX
def test_names_of_many_lines_stay_on_their_page(make_frame, details, tmp_path):
    frame = make_frame(
        models=[f"{number} {HOSTILE[-1]}" for number in range(9)], corruptions=("motion", "fog"), groups=2
    )
    (table, *_) = robustness_tables(condition_scores(frame), robustness_summary(frame), details)
    (tmp_path / "tables.tex").write_text(to_latex([table]), encoding="ascii")
    log, _ = compiled(tmp_path, paper("10pt"))
    assert "Float too large" not in log
    assert overfull(log) == []


def tiny_table(cells, note="", rows=1):
    row = TableRow("m", "1%", False, tuple(cells))
    heads = tuple(f"c{place}" for place in range(len(cells)))
    return ResultTable("tiny", "Tiny", "A caption.", heads, (("motion", (row,) * rows),), note)


def test_the_best_is_bold_the_second_underlined_and_a_sign_leaves_its_room():
    best = TableCell("81.5", value=81.5, mark="best")
    second = TableCell("80.0", value=80.0, mark="second", significance="*")
    lines = to_latex([tiny_table([best, second, TableCell("-1.5", value=-1.5)])])
    assert r"m & 1\% & \textbf{81.5} & \underline{80.0}* & $-$1.5 \\" in lines
    above = replace(
        tiny_table([best]), groups=(("", (TableRow("a", "1%", False, (best,)), TableRow("b", "1%", False, (second,)))),)
    )
    assert r"\textbf{81.5}\phantom{*} \\" in to_latex([above])


def test_a_long_table_becomes_several_floats_under_one_number():
    source = to_latex([tiny_table([TableCell("1.0", value=1.0)], "A note.", rows=70)])
    assert source.count(r"\begin{table*}") == 3
    assert source.count(r"\label{tab:robustness-tiny}") == 1
    assert source.count(r"\addtocounter{table}{-1}") == 2
    assert source.count("m & 1") == 70
    assert source.count("A note.") == 1
