import base64
import dataclasses
import re
from html.parser import HTMLParser

from biclip_bench.reports import ModelNote, condition_scores, robustness_summary, write_report
from biclip_bench.reports.page.html import curve_figure, gallery_figure, report_page
from biclip_bench.reports.tables.robustness_table import robustness_tables
from biclip_bench.reports.wording import corruption_names

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
        if tag not in ("img", "meta"):
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


def page_of(frame, details, pictures=()):
    """Make the page around two small drawings that stand for the figures."""
    scores, summary = condition_scores(frame, resamples=200), robustness_summary(frame, resamples=200)
    return read(
        report_page(
            scores,
            summary,
            details,
            tables=robustness_tables(scores, summary, details),
            curves=[curve_figure(b"<svg xmlns='http://www.w3.org/2000/svg'/>", scores, corruption_names(scores), 0.95)],
            gallery=[gallery_figure(b"PNG", pictures, pictures[-1].corruption)] if pictures else [],
            bootstrap={"Bootstrap resamples": "200"},
            level=0.95,
        )
    )


def test_nothing_on_the_whole_page_asks_another_file_or_host(frame, details, pictures, tmp_path):
    html, elements = read(write_report(frame, details, pictures, tmp_path).page.read_text(encoding="utf-8"))
    assert not re.search(r"https?://|//\w|@import|url\(", re.sub(r"base64,[\w+/=]+", "", html))
    assert [name for name, _ in elements.found if name in ("script", "link", "iframe", "object", "form")] == []
    for name, attributes in elements.found:
        for attribute in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(attribute, "#").startswith(("data:image/", "#")), name
    policy = next(item for item in elements.all("meta") if item.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy["content"]
    inlined = [base64.b64decode(image["src"].split(",")[1]) for image in elements.all("img")]
    assert inlined == [(tmp_path / name).read_bytes() for name in ("robustness.svg", "gallery-motion.png")]


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
    html, elements = page_of(frame, spoiled, pictures)
    assert elements.all("script") == []
    assert "<script" not in html
    assert all(image["src"].startswith("data:image/") and "onerror" not in image for image in elements.all("img"))
    assert elements.text.count(PLANTED) > 20


def test_tables_and_figures_can_be_read_without_seeing_them(frame, details, pictures):
    html, elements = page_of(frame, details, pictures)
    assert html.startswith("<!doctype html>")
    assert elements.all("html")[0]["lang"] == "en"
    assert all(len(image["alt"]) > 30 for image in elements.all("img"))
    assert all(head.get("scope") in ("col", "row", "rowgroup") for head in elements.all("th"))
    assert len(elements.all("caption")) >= 4
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
        "Where truth and prediction are both empty",
    ):
        assert text in elements.text


def test_a_page_without_notes_or_pictures_is_written(make_frame, details):
    bare = dataclasses.replace(details, settings={}, models=(), corruptions=(), versions={})
    _, elements = page_of(make_frame(models=("model A",), severities=()), bare)
    assert "No corruption was tested." in elements.text
    assert "Pictures" not in elements.text
