import dataclasses
import re

import numpy as np
import pytest

from biclip_bench.errors import UserError
from biclip_bench.reports import Picture
from biclip_bench.reports.figures.gallery import GALLERY_DPI, gallery_figures, gallery_plans
from biclip_bench.reports.figures.style import STYLES, model_styles, paper_style, render
from biclip_bench.reports.picture_source import PictureList


def draw(pictures, details, models=("model A", "model B")):
    with paper_style():
        return gallery_figures(PictureList(pictures), details, list(models))


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_a_row_per_case_and_a_column_per_severity(pictures, details):
    (item,) = draw(pictures, details)
    assert item.stem == "gallery-motion"
    assert len(item.figure.axes) == 2 * 6
    columns = texts_of(item.figure)[:6]
    assert columns == ["clean", "motion 1", "motion 2", "motion 3", "motion 4", "motion 5"]
    assert "case-000: One area, left lung." in texts_of(item.figure)
    assert any("quick profile" in text for text in texts_of(item.figure))


def test_each_panel_states_every_models_dice(pictures, details):
    (item,) = draw(pictures, details)
    numbers = [text for text in texts_of(item.figure) if re.fullmatch(r"[\d.]+", text)]
    expected = [f"{100 * picture.dice(model):.1f}" for picture in pictures for model in ("model A", "model B")]
    assert numbers == expected
    assert numbers[0] == "100.0"
    assert float(numbers[-1]) < 80


def test_outlines_run_between_the_pixels_of_the_mask_and_close_at_the_border(details):
    truth = np.zeros((8, 10), bool)
    truth[2:5, 0:4] = True
    picture = Picture("c", "", "clean", 0, np.zeros((8, 10)), truth, {})
    (item,) = draw([picture], details)
    (outline,) = item.figure.axes[0].collections[-1].get_paths()
    assert outline.vertices.min(axis=0).tolist() == [-0.5, 1.5]
    assert outline.vertices.max(axis=0).tolist() == [3.5, 4.5]
    np.testing.assert_array_equal(outline.vertices[0], outline.vertices[-1])


def test_empty_and_full_masks_large_images_and_missing_panels_are_drawn(details):
    image = np.linspace(0, 1, 600 * 400).reshape(600, 400)
    empty, full = np.zeros(image.shape, bool), np.ones(image.shape, bool)
    pictures = [
        Picture("a", "", "clean", 0, image, empty, {"model A": empty, "another": full}),
        Picture("b", "$\\frac{$ " + "x" * 900, "motion", 2, image, full, {"model B": full}),
    ]
    (item,) = draw(pictures, details)
    with paper_style():
        assert len(render(item.figure, "pdf", dpi=GALLERY_DPI)) < 300_000
    assert [text.get_text() for axes in item.figure.axes for text in axes.texts] == ["no picture"] * 2
    assert texts_of(item.figure).count("100.0") == 2
    assert texts_of(item.figure).count("0.0") == 1


def test_a_model_keeps_its_dashes_from_the_curves(pictures, details):
    models = ["model Z", "model A", "model B"]
    (item,) = draw(pictures, details, models)
    legend = item.figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["truth", "model A", "model B"]
    drawn = [line._unscaled_dash_pattern[1] for line in legend.get_lines()[1:]]
    styles = model_styles(models)
    assert [tuple(dashes or ()) for dashes in drawn] == [styles["model A"].dashes, styles["model B"].dashes]


def test_the_same_pictures_give_the_same_bytes(make_pictures, details):
    def files():
        (item,) = draw(make_pictures(cases=1), details)
        with paper_style():
            return render(item.figure, "png", dpi=GALLERY_DPI), render(item.figure, "pdf", dpi=GALLERY_DPI)

    assert files() == files()


def test_no_pictures_no_figure(details):
    assert draw([], details) == []


def test_a_picture_that_contradicts_itself_is_refused(pictures):
    with pytest.raises(UserError, match=r"case 'case-000' \(clean 0\).*for 'model A' \(3, 3\)"):
        dataclasses.replace(pictures[0], predictions={"model A": np.zeros((3, 3), bool)})
    with pytest.raises(UserError, match="must be"):
        dataclasses.replace(pictures[0], image=np.zeros((3, 32, 32)))
    with pytest.raises(UserError, match="'clean' goes with severity 0"):
        dataclasses.replace(pictures[0], severity=3)


def test_two_empty_masks_have_a_dice_of_one():
    empty = np.zeros((4, 4), bool)
    picture = Picture("c", "", "clean", 0, np.zeros((4, 4)), empty, {"a": empty, "b": ~empty})
    assert picture.dice("a") == 1
    assert picture.dice("b") == 0


def test_only_the_chosen_cases_are_read_and_only_the_chosen_models_outlined(make_pictures, details):
    pictures = make_pictures(cases=3, models=("model A", "model B", "model C"))

    read = []

    class Source(PictureList):
        def pictures(self, case):
            read.append(case)
            return super().pictures(case)

    models = ["model A", "model B", "model C"]
    shown = ["model A", "model C"]
    plans = list(gallery_plans(Source(pictures), details, models, cases=["case-001"], shown=shown))
    assert read == ["case-001"]
    with paper_style() as layout:
        (item,) = [plan(layout) for plan in plans]
    assert [text.get_text() for text in item.figure.legends[0].get_texts()] == ["truth", "model A", "model C"]
    assert len(item.figure.axes) == 6
    (last,) = (picture for picture in pictures if picture.case == "case-001" and picture.severity == 5)
    assert f"model A 100.0 to {100 * last.dice('model A'):.1f}" in item.alternative


def test_many_models_have_their_numbers_in_lines_that_fit_the_panel(make_pictures, details, find_crowded_texts):
    models = [f"model {letter}" for letter in "ABCDEFGHIJ"]
    (item,) = draw(make_pictures(cases=1, models=models), details, models)
    numbers = [text for text in texts_of(item.figure) if re.fullmatch(r"[\d.]+", text)]
    assert len(numbers) == 10 * 6
    with paper_style():
        assert find_crowded_texts(item.figure) == []


@pytest.mark.parametrize("style", STYLES)
def test_a_corruption_with_a_long_name_stands_above_its_severities(make_pictures, details, style, find_crowded_texts):
    pictures = [
        dataclasses.replace(picture, corruption="a very long corruption" * 3 if picture.severity else "clean")
        for picture in make_pictures(cases=1)
    ]
    with paper_style(style) as layout:
        (item,) = gallery_figures(PictureList(pictures), details, ["model A", "model B"], layout=layout)
        assert find_crowded_texts(item.figure) == []
    above, *heads = texts_of(item.figure)[:7]
    assert above.startswith("severity of a very long")
    assert heads == ["clean", "1", "2", "3", "4", "5"]
