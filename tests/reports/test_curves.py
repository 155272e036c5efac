import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from biclip_bench.reports import condition_scores
from biclip_bench.reports.figures.curves import robustness_figures
from biclip_bench.reports.figures.style import COLOURS, FORMATS, model_styles, paper_style, render
from biclip_bench.reports.wording import interval_text


def draw(scores, details):
    with paper_style():
        return robustness_figures(scores, details)


def line_of(axes, colour):
    """Return the curve of a model, whose colour it has and which alone has markers."""
    (line,) = (line for line in axes.lines if line.get_color() == colour and line.get_marker() != "None")
    return line


def test_the_lines_are_the_scores_in_percent(frame, details):
    scores = condition_scores(frame)
    (item,) = draw(scores, details)
    dice, iou = item.figure.axes
    for model, colour in (("model A", COLOURS[0]), ("model B", COLOURS[1])):
        expected = scores[scores["model"] == model].sort_values("severity")
        for axes, column in ((dice, "dice_mean"), (iou, "iou_mean")):
            assert line_of(axes, colour).get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
            np.testing.assert_allclose(line_of(axes, colour).get_ydata(), 100 * expected[column])
    assert dice.get_ylabel() == "Dice (%), mean over cases"
    assert iou.get_ylabel() == "IoU (%), mean over cases"
    assert dice.get_xlabel() == "Severity of motion"
    assert [label.get_text() for label in dice.get_xticklabels()] == ["clean", "1", "2", "3", "4", "5"]


def test_the_bands_are_the_intervals(frame, details):
    scores = condition_scores(frame)
    (item,) = draw(scores, details)
    band = item.figure.axes[0].collections[0].get_paths()[0].vertices
    expected = scores[scores["model"] == "model A"]
    assert band[:, 1].min() == pytest.approx(100 * expected["dice_low"].min())
    assert band[:, 1].max() == pytest.approx(100 * expected["dice_high"].max())


def test_the_footnote_names_profile_sample_and_who_was_trained_for_it(frame, details):
    (item,) = draw(condition_scores(frame), details)
    footnote = " ".join(item.figure.get_supxlabel().split())
    assert "Setting: quick profile (96 px, width 12, 20 epochs)." in footnote
    assert "36 test cases of 12 patients, 1 seed" in footnote
    assert "95% bootstrap intervals over patients" in footnote
    assert "Training saw the corruption's family: model B (motion)." in footnote


def test_one_label_fraction_has_a_row_per_corruption_and_several_a_figure_per_corruption(make_frame, details):
    corruptions = ("motion", "low-dose-ct")
    (one,) = draw(condition_scores(make_frame(corruptions=corruptions)), details)
    assert [axes.get_xlabel() for axes in one.figure.axes[::2]] == ["Severity of motion", "Severity of low-dose-ct"]
    several = draw(condition_scores(make_frame(corruptions=corruptions, labels=(1.0, 10.0, 100.0))), details)
    assert [item.stem for item in several] == ["robustness-motion", "robustness-low-dose-ct"]
    titles = [axes.get_title() for axes in several[0].figure.axes[:3]]
    assert titles == [f"{x}% of the training labels" for x in (1, 10, 100)]
    for row in (several[0].figure.axes[:3], several[0].figure.axes[3:]):
        assert len({axes.get_ylim() for axes in row}) == 1


def test_many_corruptions_share_a_figure_of_small_panels_and_have_one_each(make_frame, details):
    corruptions = tuple(f"corruption-{number}" for number in range(6))
    scores = condition_scores(make_frame(corruptions=corruptions))
    overview, *figures = draw(scores, details)
    assert (overview.stem, overview.corruptions) == ("robustness", corruptions)
    panels = [axes for axes in overview.figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == list(corruptions)
    assert len({axes.get_ylim() for axes in panels}) == 1
    for axes, name in zip(panels, corruptions, strict=True):
        shown = scores[(scores["model"] == "model B") & scores["corruption"].isin(["clean", name])]
        expected = 100 * shown.sort_values("severity")["dice_mean"]
        np.testing.assert_allclose(line_of(axes, COLOURS[1]).get_ydata(), expected)
    assert [item.stem for item in figures] == [f"robustness-{name}" for name in corruptions]
    assert [item.corruptions for item in figures] == [(name,) for name in corruptions]
    for item, name in zip(figures, corruptions, strict=True):
        assert [axes.get_xlabel() for axes in item.figure.axes] == [f"Severity of {name}"] * 2
        assert item.figure.axes[1].get_ylabel() == "IoU (%), mean over cases"


def test_an_overview_marks_corruptions_that_a_training_saw_and_names_its_labels(make_frame, details):
    corruptions = ("motion", "low-dose-ct", "jpeg")
    overview = draw(condition_scores(make_frame(corruptions=corruptions, labels=(5.0, 50.0))), details)[0]
    assert [axes.get_title() for axes in overview.figure.axes[:3]] == ["motion\u2020", "low-dose-ct", "jpeg"]
    assert "With 50% of the training labels." in overview.caption
    assert "\u2020 Training saw the corruption's family: model B (motion)." in " ".join(
        overview.figure.get_supxlabel().split()
    )


def test_caption_and_alternative_say_what_is_shown_and_what_it_comes_to(frame, details):
    scores = condition_scores(frame)
    (item,) = draw(scores, details)
    for sentence in (
        "Dice and IoU against the severity of motion",
        "means over test cases",
        "36 test cases of 12 patients, 1 seed",
        f"Bands: {interval_text(scores, 0.95)}",
        "Where truth and prediction are both empty, Dice and IoU are 1.",
    ):
        assert sentence in item.caption
    worst = scores[scores["severity"] == 5].set_index("model")["dice_mean"]
    values = f"model A {100 * worst['model A']:.1f}% and model B {100 * worst['model B']:.1f}%"
    assert f"At severity 5 of motion: highest and lowest Dice {values}." in item.alternative


def test_without_intervals_the_figure_says_so_and_has_no_bands(make_frame, details):
    (item,) = draw(condition_scores(make_frame(groups=4, severities=(1, 3))), details)
    assert "fewer than 10 patients no interval is given" in " ".join(item.figure.get_supxlabel().split())
    assert "Bands" not in item.figure.get_supxlabel()
    assert [label.get_text() for label in item.figure.axes[0].get_xticklabels()] == ["clean", "1", "3"]


def test_thirty_models_differ_in_more_than_colour():
    styles = model_styles([f"model {i}" for i in range(30)])
    assert len(set(styles.values())) == 30
    assert len({(style.marker, style.dashes) for style in list(styles.values())[:10]}) == 10


def test_files_are_the_same_bytes_on_every_run_and_ignore_the_users_settings(frame, details):
    import matplotlib

    scores = condition_scores(frame)

    def files():
        with paper_style():
            return [render(item.figure, kind) for item in robustness_figures(scores, details) for kind in FORMATS]

    first = files()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "pdf.fonttype": 3}):
        assert files() == first


def test_pdf_embeds_truetype_fonts_and_svg_is_outlines(frame, details):
    with paper_style():
        (item,) = robustness_figures(condition_scores(frame), details)
        pdf, svg, png = (render(item.figure, kind) for kind in FORMATS)
    assert pdf.startswith(b"%PDF-")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert re.findall(rb"/BaseFont /([\w+-]+)", pdf)
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert not [element for element in root.iter() if element.tag.endswith("}text")]
    links = [value for element in root.iter() for name, value in element.items() if name.endswith("href")]
    assert links
    assert all(link.startswith("#") for link in links)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == round(7.1 * 300)


def test_names_with_dollar_signs_and_slashes_are_drawn_as_they_are(make_frame, details):
    scores = condition_scores(make_frame(models=("cost $x^{2$", "m_1"), corruptions=("a/b $",), labels=(1.0, 2.0)))
    with paper_style():
        (item,) = robustness_figures(scores, details)
        render(item.figure, "svg")
    assert item.stem == "robustness-a-b"
    assert item.corruptions == ("a/b $",)
