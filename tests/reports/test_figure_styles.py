import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biclip_bench.errors import UserError
from biclip_bench.reports import condition_scores
from biclip_bench.reports.figures.curves import robustness_figures
from biclip_bench.reports.figures.heat_map import ink_on, luminance
from biclip_bench.reports.figures.panel import on_grey
from biclip_bench.reports.figures.style import COLOURS, LAYOUTS, PAGE_WIDTH, STYLES, paper_style, render
from biclip_bench.reports.figures.text_width import one_line, shorten_text, text_width, wrap_text

WIDTHS = {"plain": (3.5, 7.1), "neurips": (5.5, 5.5), "miccai": (12.2 / 2.54, 12.2 / 2.54), "ieee": (3.5, 7.16)}
SIZES = {"plain": 7.5, "neurips": 9, "miccai": 8, "ieee": 8}


@pytest.mark.parametrize("name", STYLES)
def test_a_style_has_its_venues_width_font_and_size(name, frame, details):
    import matplotlib

    with paper_style(name) as layout:
        assert (layout.one_column, layout.two_columns) == pytest.approx(WIDTHS[name])
        assert layout is LAYOUTS[name]
        assert matplotlib.rcParams["font.size"] == SIZES[name]
        (item,) = robustness_figures(condition_scores(frame), details, layout=layout)
        assert item.figure.get_figwidth() == pytest.approx(WIDTHS[name][1])
        assert item.figure.axes[0].xaxis.label.get_fontsize() == SIZES[name]
        family = item.figure.axes[0].xaxis.label.get_fontfamily()[0]
        assert family == ("DejaVu Sans" if name == "plain" else "STIXGeneral")
        pdf = render(item.figure, "pdf")
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf
    # The page in points is the width in inches: nothing is cropped, so text keeps its size in the paper.
    (box,) = re.findall(rb"/MediaBox \[([\d. ]+)\]", pdf)
    assert float(box.split()[2]) == pytest.approx(72 * WIDTHS[name][1])


@pytest.mark.parametrize("name", STYLES)
def test_a_style_ignores_the_users_settings_and_leaves_them(name):
    import matplotlib

    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        with paper_style(name):
            assert matplotlib.rcParams["axes.facecolor"] == "white"
            assert matplotlib.rcParams["pdf.fonttype"] == 42
            assert not matplotlib.rcParams["text.parse_math"]
        assert matplotlib.rcParams["font.size"] == 20


def test_an_unknown_style_names_those_that_there_are():
    with (
        pytest.raises(UserError, match=r"no figure style 'nature'.*plain, neurips, miccai, ieee"),
        paper_style("nature"),
    ):
        pass


def test_the_page_is_the_plain_styles():
    assert LAYOUTS["plain"].two_columns == PAGE_WIDTH


def rgb(colour):
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def test_the_first_models_differ_in_grey_print_and_stand_out_from_paper_and_image():
    greys = [luminance(rgb(colour)) for colour in COLOURS]
    assert all(abs(a - b) > 0.12 for a, b in pairwise(greys[:4]))
    assert max(greys) < 0.5
    assert min(luminance(rgb(on_grey(colour))) for colour in COLOURS) > 0.2


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_ink_can_be_read_on_every_colour(colour):
    ink, paper = luminance(rgb(ink_on(colour))), luminance(colour)
    light, dark = max(ink, paper), min(ink, paper)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_colour_map_survives_grey_print():
    import matplotlib

    from biclip_bench.reports.figures.heat_map import COLOUR_MAP

    lightness = [luminance(colour[:3]) for colour in matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 1, 64))]
    assert (np.diff(lightness) > 0).all()
    assert lightness[-1] - lightness[0] > 0.6


words = st.text(st.characters(max_codepoint=0x24F, categories=("L", "N", "P", "S")), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=12).map(" ".join), st.floats(0.8, 4), st.sampled_from(STYLES))
def test_broken_and_shortened_text_fits(text, width, name):
    with paper_style(name):
        wrapped = wrap_text(text, width, 7)
        assert all(text_width(line, 7) <= width for line in wrapped.split("\n"))
        assert "".join(wrapped.split()) == "".join(text.split())
        for short in (shorten_text(text, width, 7), one_line(text, width, 7)):
            assert text_width(short, 7) <= width
            assert "\n" not in short
        if text_width(" ".join(text.split()), 7) <= width / 1.04:
            assert shorten_text(text, width, 7) == " ".join(text.split())


def test_a_shortened_name_keeps_both_its_ends():
    with paper_style():
        short = shorten_text("unet-plus-plus-with-resnet50-seed-1", 1.0, 7)
    assert re.fullmatch(r"unet-.*….*seed-1", short)
