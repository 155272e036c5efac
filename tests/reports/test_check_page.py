import base64
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from biclip_bench.reports.audits.check import CheckPicture, KindOfFinding, check_table, counted
from biclip_bench.reports.audits.check_page import MOST_MESSAGES, check_page, outlined_jpeg

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PLANTED = "<script>document.title='gone'</script><img src=x onerror=\"document.title='gone'\">"


def make_picture(case="train/a", text="A text.", side=40, mask=True, channels=()):
    image = np.linspace(0, 1, side * side).reshape(side, side)
    truth = np.zeros((side, side), bool)
    truth[side // 4 : side // 2, side // 4 : side // 2] = True
    if channels:
        image = np.repeat(image[..., None], 3, axis=-1)
    return CheckPicture(case, text, image, truth if mask else None)


def make_kinds(text=PLANTED):
    pictures = (make_picture(text, text), make_picture(mask=False, channels=(3,)), make_picture(side=600))
    return [
        KindOfFinding(text, "error", text, tuple(f"{text} {i}" for i in range(MOST_MESSAGES + 3)), 5, pictures),
        KindOfFinding("empty-mask", "warning", "About it.", ("The mask a.png is empty.",), 1),
    ]


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_users_words_are_text_and_the_page_needs_nothing_else():
    page = check_page(PLANTED, {"Folder": PLANTED}, make_kinds())
    elements = Elements(page)
    assert not {tag for tag, _ in elements.tags} & {"script", "link", "iframe", "object", "form"}
    images = [attributes for tag, attributes in elements.tags if tag == "img"]
    assert len(images) == 3
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images)
    assert all("onerror" not in attributes for _, attributes in elements.tags)
    assert not re.search(r"https?://", page)
    assert "default-src 'none'" in page
    assert elements.text.count(PLANTED) > MOST_MESSAGES
    assert "and 3 more, which --json lists" in elements.text
    assert "3 of 5 cases are shown" in elements.text
    assert "103 errors, 1 warning" in elements.text


def test_a_page_without_findings_says_so():
    assert "0 errors, 0 warnings.</strong> Nothing was found." in check_page("lvit", {}, [])


def test_the_outline_lies_on_the_masks_border():
    drawn = np.asarray(Image.open(io.BytesIO(outlined_jpeg(make_picture(side=80)))).convert("RGB")).astype(int)
    yellowness = drawn[..., 0] - drawn[..., 2]
    assert yellowness[20:40, 20].min() > 80
    assert abs(yellowness[24:36, 24:36]).max() < 60
    assert drawn[25:35, 19].max() < 90


def test_a_large_picture_is_shrunk_and_one_without_mask_has_no_outline():
    assert max(Image.open(io.BytesIO(outlined_jpeg(make_picture(side=600)))).size) == 224
    plain = np.asarray(Image.open(io.BytesIO(outlined_jpeg(make_picture(mask=False)))).convert("RGB")).astype(int)
    assert abs(plain[..., 0] - plain[..., 2]).max() < 12


def test_the_terminals_table_takes_brackets_as_they_are(capsys):
    from rich.console import Console

    kinds = [KindOfFinding("unreadable", "error", "", ("The image [red]a[/red].png", "b"), 2)]
    Console(width=100).print(check_table(kinds))
    shown = capsys.readouterr().out
    assert "[red]a[/red].png" in shown
    assert counted(kinds) == "2 errors, 0 warnings"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is here")
def test_a_browser_runs_nothing_that_was_planted_and_shows_the_pictures(tmp_path):
    page = tmp_path / "check.html"
    page.write_text(check_page("lvit", {"Folder": PLANTED}, make_kinds()), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shot = tmp_path / "page.png"
    dump = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=90, check=True
    ).stdout
    assert "<title>Check of lvit</title>" in dump
    assert "gone'&lt;/script&gt;" in dump
    subprocess.run(
        [CHROMIUM, *options, f"--screenshot={shot}", "--window-size=1000,14000", page.as_uri()],
        capture_output=True, timeout=90, check=True,
    )  # fmt: skip
    drawn = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    outline = (drawn[..., 0] > 200) & (drawn[..., 1] > 190) & (drawn[..., 2] < 120)
    assert outline.sum() > 100
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', dump)
    assert all(Image.open(io.BytesIO(base64.b64decode(source))).format == "JPEG" for source in sources)
