import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from biclip_bench.reports import CorruptionNote
from biclip_bench.reports.audits.calibration import write_calibration
from biclip_bench.reports.audits.calibration_details import CalibrationDetails
from biclip_bench.reports.audits.calibration_figure import calibration_figures
from biclip_bench.reports.audits.calibration_table import COLUMNS, calibration_markdown, calibration_table
from biclip_bench.reports.figures.style import COLOURS, FORMATS, paper_style, render
from biclip_bench.reports.wording import NO_VALUE

LENGTHS = (3.0, 5.0, 7.0, 11.0, 15.0)


def made_levels(names=("motion",), *, steps=("real",) * 5, hounsfield=True, intervals=True):
    rows = []
    for place, name in enumerate(names):
        for severity in range(6):
            row = {"corruption": name, "severity": severity, "level": f"{severity} px" if severity else ""}
            row |= {
                "step": steps[severity - 1] if severity else "",
                "verdict": "Every step is real." if severity else "",
            }
            for number, key in enumerate(COLUMNS):
                mean = 1 - 0.08 * severity - 0.02 * place if key == "ssim" else 1.0 + severity + number
                mean = np.inf if key == "psnr_db" and not severity else 0.2 if key == "ssim_other" else mean
                mean = 0.123 if key == "clipped" else mean
                mean = np.nan if key.endswith("_hu") and not hounsfield else mean
                known = intervals and np.isfinite(mean)
                edges = (mean - 0.01, mean + 0.02) if known else (np.nan, np.nan)
                row |= {f"{key}_mean": mean, f"{key}_low": edges[0], f"{key}_high": edges[1]}
            rows.append(row)
    return pd.DataFrame(rows)


def made_details(names=("motion",)):
    notes = tuple(
        CorruptionNote(name, ("blur",), "It moves.", {"length": "px at 224 px", "mode": "kind"},
                       [{"length": x, "mode": "line"} for x in LENGTHS], ("Made for CT.",))
        for name in names
    )  # fmt: skip
    return CalibrationDetails("phantom", "40 test cases.", ("A rule.",), notes, "95% intervals.")


def drawn(levels, details):
    with paper_style():
        (figure,) = calibration_figures(levels, details)
    return figure


def test_the_curves_are_the_levels_and_the_clean_image_has_no_psnr():
    levels = made_levels()
    ssim, psnr = drawn(levels, made_details()).axes
    curve = ssim.lines[0]
    assert curve.get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(curve.get_ydata(), levels["ssim_mean"])
    assert psnr.lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(psnr.lines[0].get_ydata(), levels["psnr_db_mean"][1:])
    assert [label.get_text() for label in psnr.get_xticklabels()] == ["clean", "1", "2", "3", "4", "5"]
    assert (ssim.get_ylabel(), psnr.get_ylabel()) == ("SSIM", "PSNR (dB)")
    band = ssim.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(levels["ssim_low"].min())
    assert band.max() == pytest.approx(levels["ssim_high"].max())
    (other,) = (line for line in ssim.lines if line.get_color() != COLOURS[0] and line.get_linestyle() != "None")
    np.testing.assert_allclose(other.get_ydata(), 0.2)


def test_a_step_that_is_not_real_has_a_hollow_marker_and_the_legend_says_so():
    figure = drawn(made_levels(steps=("real", "no step", "reversed", "real", "undecided")), made_details())
    (hollow,) = (line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white")
    assert hollow.get_xdata().tolist() == [2, 3, 5]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "the step to this level is not real" in labels
    real = drawn(made_levels(), made_details())
    assert "the step to this level is not real" not in [text.get_text() for text in real.legends[0].get_texts()]


def test_corruptions_stand_four_to_a_row_on_one_scale():
    names = tuple(f"corruption-{number}" for number in range(6))
    figure = drawn(made_levels(names), made_details(names))
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in shown if axes.get_title()] == list(names)
    limits = Counter(axes.get_ylim() for axes in shown)
    assert sorted(limits.values()) == [6, 6]
    assert figure.get_figwidth() == pytest.approx(7.1)


def test_many_corruptions_are_spread_over_pages_that_fit():
    names = tuple(f"corruption-{number:02d}" for number in range(20))
    with paper_style():
        figures = calibration_figures(made_levels(names), made_details(names))
    titles = [[axes.get_title() for axes in figure.axes if axes.axison and axes.get_title()] for figure in figures]
    assert [len(page) for page in titles] == [12, 8]
    assert tuple(title for page in titles for title in page) == names
    assert all(figure.get_figheight() < 9.5 for figure in figures)


@pytest.mark.parametrize("hounsfield", [True, False])
def test_markdown_has_a_row_a_level_with_units_measures_and_step(hounsfield):
    text = calibration_markdown(made_levels(("a_b", "c"), hounsfield=hounsfield), made_details(("a_b", "c")))
    tables = [part for part in text.split("\n\n") if part.startswith("| Severity")]
    assert len(tables) == 2
    head, _, clean, *rows = tables[0].splitlines()
    assert "length (px at 224 px)" in head
    assert "mode" not in head
    assert ("RMSE (HU)" in head) is hounsfield
    assert clean.startswith(f"| clean | {NO_VALUE} | 1.000 (0.990 to 1.020) | ∞ |")
    assert [row.split(" | ")[1] for row in rows] == ["3", "5", "7", "11", "15"]
    assert rows[2].startswith("| 3 | 7 | 0.760 (0.750 to 0.780) | 5.0 (5.0 to 5.0) |")
    assert all(row.endswith("| real |") for row in rows)
    assert {line.count("|") for line in tables[0].splitlines()} == {head.count("|")}
    assert "- **a\\_b**: Every step is real." in text
    assert text.rstrip().endswith("A rule.")


def test_the_terminals_table_is_no_wider_than_80_columns():
    console = Console(width=80, record=True, no_color=True)
    steps = ("real", "undecided", "reversed", "no step", "real")
    console.print(calibration_table(made_levels(steps=steps), "motion"))
    printed = console.export_text()
    assert all(len(line) <= 80 for line in printed.splitlines())
    for word in (*steps, "0.600", "0.590 to 0.620", "5 px", "Every step is real."):
        assert word in printed


def test_files_are_the_same_bytes_on_every_run_with_fonts_embedded_as_truetype(tmp_path):
    levels, details = made_levels(), made_details()
    first, second = (write_calibration(levels, levels, details, tmp_path / name) for name in "ab")
    assert [path.name for path in first] == [
        "calibration.md", "calibration.pdf", "calibration.svg", "calibration.png", "calibration.csv",
        "calibration-cases.csv",
    ]  # fmt: skip
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    pdf = first[1].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    read = pd.read_csv(first[4])
    np.testing.assert_array_equal(read["ssim_mean"], levels["ssim_mean"])


def test_levels_without_intervals_and_names_that_look_like_mathematics_are_drawn():
    names = ("a $x^{2$ b",)
    with paper_style():
        (figure,) = calibration_figures(made_levels(names, intervals=False), made_details(names))
        for kind in FORMATS:
            assert render(figure, kind)
    assert re.search(r"a \$x", figure.axes[0].get_title())
