import numpy as np
import pytest
from PIL import Image

from biclip_bench.reports.figures.preview import PreviewRow, preview_figures, write_preview
from biclip_bench.reports.figures.style import paper_style


def made_row(name="motion", *, severities=(1, 2, 3, 4, 5), shape=(32, 32), label="{} px", note="length: px"):
    generator = np.random.default_rng(0)
    images = {severity: generator.random(shape) for severity in (0, *severities)}
    return PreviewRow(name, note, images, {severity: label.format(severity) for severity in severities})


def drawn(rows, *arguments):
    with paper_style():
        return preview_figures(rows, "phantom, case 1.", *arguments)


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_a_row_a_corruption_and_a_column_a_severity_with_the_level_below():
    (figure,) = drawn([made_row("motion"), made_row("low-dose-ct", label="dose {}%")])
    assert len(figure.axes) == 12
    assert texts_of(figure)[:6] == ["clean", *(f"severity {number}" for number in range(1, 6))]
    for text in ("motion", "low-dose-ct", "3 px", "dose 5%", "phantom, case 1."):
        assert text in texts_of(figure)
    assert figure.get_figwidth() == pytest.approx(7.1)
    places = [axes.get_position() for axes in figure.axes]
    assert all(place.x0 >= 0 and place.x1 <= 1 and place.y0 >= 0 and place.y1 <= 1 for place in places)
    assert len({round(place.x0, 6) for place in places}) == 6
    assert len({round(place.y0, 6) for place in places}) == 2
    # Panels have the proportions of the images.
    width, height = figure.get_size_inches()
    np.testing.assert_allclose([place.width * width for place in places], [place.height * height for place in places])


def test_panels_show_the_images():
    row = made_row()
    (figure,) = drawn([row])
    for axes, image in zip(figure.axes, row.images.values(), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), np.round(image * 255))


def test_a_corruption_with_one_level_leaves_the_other_columns_empty():
    (figure,) = drawn([made_row("all"), made_row("one", severities=(1,))])
    assert len(figure.axes) == 6 + 2


def test_colour_images_and_images_that_are_not_square():
    (figure,) = drawn([made_row(shape=(20, 40, 3))])
    axes = figure.axes[0]
    assert axes.images[0].get_array().shape == (20, 40, 3)
    width, height = figure.get_size_inches()
    place = axes.get_position()
    assert place.height * height == pytest.approx(place.width * width / 2)


def test_many_corruptions_are_spread_evenly_over_pages_that_fit():
    figures = drawn([made_row(f"corruption-{number}") for number in range(11)])
    assert [len(figure.axes) // 6 for figure in figures] == [4, 4, 3]
    assert all(figure.get_figheight() <= 9.4 for figure in figures)


def test_long_labels_take_more_lines_and_long_notes_are_cut():
    plain = made_row()
    long = made_row(label="amplitude {} mm, period 4 s, phase 0.25, kernel hann", note="word " * 100)
    (short_figure,), (long_figure,) = drawn([plain]), drawn([long])
    assert long_figure.get_figheight() > short_figure.get_figheight()
    labels = [text for text in texts_of(long_figure) if text.startswith("amplitude")]
    assert len(labels) == 5
    assert all(text.count("\n") == 2 for text in labels)
    # A number stays with its unit.
    assert all("4 s" in text.replace("4\ns", "") for text in labels)
    figure = long_figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in (*figure.texts, *figure.artists) if text.get_text()]
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_the_outline_is_drawn_only_when_asked_for():
    truth = np.zeros((32, 32), bool)
    truth[8:20, 8:20] = True
    (plain,), (outlined,) = drawn([made_row()]), drawn([made_row()], truth)
    assert not any(axes.collections for axes in plain.axes)
    assert all(len(axes.collections) == 2 for axes in outlined.axes)
    vertices = outlined.axes[0].collections[-1].get_paths()[0].vertices
    assert vertices.min() == 7.5
    assert vertices.max() == 19.5


def test_files_are_the_same_bytes_with_truetype_fonts_and_numbered_pages(tmp_path):
    rows = [made_row()]
    first, second = (write_preview("preview-a", rows, "Note.", tmp_path / name) for name in "ab")
    assert [path.name for path in first] == ["preview-a.pdf", "preview-a.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    pdf = first[0].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert Image.open(first[1]).width == round(7.1 * 300)
    many = write_preview("preview-b", rows * 8, "Note.", tmp_path)
    assert [path.name for path in many][::2] == ["preview-b-page-1.pdf", "preview-b-page-2.pdf"]
