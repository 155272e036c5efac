import base64
import dataclasses
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from biclip_bench.reports import ModelNote
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.page.embedding import json_block
from biclip_bench.reports.page.html import report_page, sort_value
from biclip_bench.reports.page.page_figures import FIGURE_BYTES, PageFigure, data_address, fitting_figures
from biclip_bench.reports.page.references import METHOD_REFERENCES
from biclip_bench.reports.picture_source import PictureList
from biclip_bench.reports.tables.report_tables import report_tables
from biclip_bench.reports.tables.result_table import TableCell

PLANTED = "<script>alert('x')</script><img src=https://example.org/x.png onerror=alert(1)>"


class Elements(HTMLParser):
    """Collect all elements as (tag, attributes) and the text."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text, self.open = [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("img", "input", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def read(html):
    elements = Elements(html)
    assert elements.open == []
    return html, elements


def page_of(frame, details, pictures=(), **more):
    """Make the page around a small drawing that stands for the figures."""
    analysis = analyse(frame, AnalysisOptions(resamples=200))
    figure = PageFigure(
        data_address("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "A drawing. " * 4, ""
    )
    return read(
        report_page(
            analysis,
            details,
            tables=report_tables(analysis, details),
            figures=[figure],
            pictures=PictureList(pictures),
            **more,
        )
    )


def test_nothing_on_the_whole_page_asks_another_file_or_host(frame, details, pictures):
    html, elements = page_of(frame, details, pictures, methods_text="A method.", references=METHOD_REFERENCES)
    html = re.sub(r"base64,[\w+/=]+", "", html).replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|url\(", html)
    assert [name for name, _ in elements.found if name in ("link", "iframe", "object", "form")] == []
    for name, attributes in elements.found:
        for attribute in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(attribute, "#").startswith(("data:image/", "#")), name


def test_only_the_pages_own_scripts_may_run(frame, details, pictures):
    html, elements = page_of(frame, details, pictures)
    policy = next(item["content"] for item in elements.all("meta") if "Content-Security-Policy" in item.values())
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    running = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    assert {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in running} == allowed
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    assert {item.get("type") for item in elements.all("script")} == {None, "application/json"}
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", "".join(running))


@pytest.mark.parametrize("text", ["</script><script>", "<!--", "\u2028\u2029", "a & b", 'quote " and \\', "Größe ≤"])
def test_a_block_of_data_holds_any_text_and_cannot_be_left(text):
    block = str(json_block({text: [text]}))
    assert json.loads(block) == {text: [text]}
    assert not set(block) & set("<>&\u2028\u2029")


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        json_block([math.nan])


def test_what_users_write_is_text_and_never_markup(make_frame, details, make_pictures):
    frame = make_frame(models=(PLANTED, "model B"), corruptions=(PLANTED,))
    pictures = make_pictures(cases=1, models=(PLANTED,), text=PLANTED)
    spoiled = dataclasses.replace(
        details,
        title=PLANTED,
        profile=PLANTED,
        dataset=PLANTED,
        split=PLANTED,
        settings={PLANTED: PLANTED},
        versions={PLANTED: PLANTED},
        models=(ModelNote(PLANTED, True, (PLANTED,), PLANTED, 1),),
        corruptions=(
            dataclasses.replace(
                details.corruptions[0],
                name=PLANTED,
                families=(PLANTED,),
                summary=PLANTED,
                units={PLANTED: PLANTED},
                levels=[{PLANTED: 1.0}],
            ),
        ),
    )
    spoiled = dataclasses.replace(spoiled, provenance={PLANTED: PLANTED})
    html, elements = page_of(frame, spoiled, pictures, methods_text=PLANTED, references=(PLANTED,))
    assert PLANTED not in html
    assert all("onerror" not in attributes for _, attributes in elements.found)
    assert all(image.get("src", "data:image/").startswith("data:image/") for image in elements.all("img"))
    assert elements.text.count(PLANTED) > 20


def test_tables_and_figures_can_be_read_without_seeing_them(frame, details, pictures):
    html, elements = page_of(frame, details, pictures)
    assert html.startswith("<!doctype html>")
    assert elements.all("html")[0]["lang"] == "en"
    assert all(len(image["alt"]) > 30 for image in elements.all("img") if "src" in image)
    assert all(head.get("scope") in ("col", "row", "rowgroup", "colgroup") for head in elements.all("th"))
    assert len(elements.all("caption")) >= 4
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    identifiers = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = {link["href"][1:] for link in elements.all("a")}
    assert targets <= set(identifiers)


def test_the_banner_warns_unless_the_setting_is_the_papers(frame, make_details):
    html, elements = page_of(frame, make_details())
    assert 'class="banner warning"' in html
    assert "Not comparable with published numbers." in elements.text
    assert "quick profile (96 px, width 12, 20 epochs)" in elements.text
    html, elements = page_of(frame, make_details(is_paper_setting=True))
    assert 'class="banner warning"' not in html
    assert "Not comparable" not in elements.text


def test_the_page_shows_every_setting_note_level_and_version(frame, details):
    _, elements = page_of(frame, details)
    for text in (
        "Optimizer",
        "AdamW, learning rate 1e-3",
        "Bootstrap resamples",
        "200",
        "1,234,567",
        "Paper of model B",
        "motion-blur",
        "length (px)",
        "15",
        "0.025",
        "biclip-bench",
        "0.1.0",
        "where truth and prediction are both empty",
    ):
        assert text in elements.text


def test_a_page_without_notes_or_pictures_is_written(make_frame, details):
    bare = dataclasses.replace(details, settings={}, models=(), corruptions=(), versions={})
    _, elements = page_of(make_frame(models=("model A",), severities=()), bare)
    assert "No corruption was tested." in elements.text
    assert "case-browser" not in {attributes.get("id") for _, attributes in elements.found}


def test_the_page_says_how_the_numbers_were_made_and_whom_to_cite(frame, details):
    traced = dataclasses.replace(details, provenance={"Suite version": "7", "Condition motion 3": "ab" * 32})
    _, elements = page_of(frame, traced, methods_text="We resampled patients.", references=METHOD_REFERENCES)
    for text in (
        "We resampled patients.",
        "ab" * 32,
        "Where one of them is empty, Dice, IoU and NSD are 0 and HD95 is the image's diagonal",
        "within 2 px of the other",
        "Holm",
        "Wilcoxon signed-rank test",
        "expanded by Student's t",
        "trained models",
        "Bar",
        *METHOD_REFERENCES,
    ):
        assert text in elements.text


def test_references_are_bibtex_entries_with_keys_of_their_own():
    keys = [re.match(r"@(article|inproceedings)\{(\w+),\n", entry)[2] for entry in METHOD_REFERENCES]
    assert len(set(keys)) == len(keys)
    for entry in METHOD_REFERENCES:
        assert entry.count("{") == entry.count("}")
        assert {"author", "title", "year"} <= set(re.findall(r"^  (\w+)\s+= \{", entry, flags=re.MULTILINE))


def test_figures_beyond_the_pages_room_are_named_instead_of_shown(frame, details):
    def figure(name, size):
        return PageFigure("data:image/png;base64," + "A" * size, "A drawing.", "Caption.", name=name)

    small, large, last = figure("one.png", 400), figure("two.png", FIGURE_BYTES), figure("three.png", 400)
    assert fitting_figures([small, large, last]) == ([small, last], ["two.png"])


@pytest.mark.parametrize(("inches", "share"), [(7.1, 1), (3.55, 0.5), (9, 1)])
def test_figures_keep_the_sizes_that_they_have_to_each_other_in_print(inches, share):
    from matplotlib.figure import Figure

    from biclip_bench.reports.figures.style import paper_style, render

    with paper_style():
        drawn = Figure(figsize=(inches, 2))
        address = data_address("image/svg+xml", render(drawn, "svg"))
    assert PageFigure(address, "", "").share == pytest.approx(share, abs=0.02)
    assert PageFigure("data:image/png;base64,AAAA", "", "").share == 1


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (TableCell("80.1", value=80.123456), "80.123456"),
        (TableCell("never", value=math.inf), "Infinity"),
        (TableCell("\u2013"), ""),
        (TableCell("not settled"), "not settled"),
    ],
)
def test_cells_are_sorted_by_what_they_stand_for(cell, value):
    assert sort_value(cell) == value
