"""The page as a reader has it: opened from disk in a browser, explored with the pointer and with the keyboard."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from biclip_bench.reports import CorruptionNote, ModelNote
from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.page.html import report_page
from biclip_bench.reports.picture import Picture
from biclip_bench.reports.picture_source import PictureList
from biclip_bench.reports.tables.report_tables import report_tables

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
selenium = pytest.importorskip("selenium")
pytestmark = pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="no Chromium with its driver is here")

PLANTED = "</script><script>window.planted = 1</script><img src=x onerror=\"window.planted = 1\"> & 'x'"
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))
    yield driver
    driver.quit()


def write(path, analysis, details, pictures):
    tables = report_tables(analysis, details)
    text = report_page(analysis, details, tables=tables, pictures=PictureList(pictures), methods_text="A method.")
    path.write_text(text, encoding="utf-8")
    return path


def planted_pictures():
    generator, pictures = np.random.default_rng(1), []
    rows, columns = np.mgrid[:48, :48]
    for number, case in enumerate((PLANTED, "case-001", "case-002")):
        truth = (rows - 24) ** 2 + (columns - 16 - 4 * number) ** 2 < 60
        for name, severity in [("clean", 0), *((name, s) for name in (PLANTED, "motion") for s in (1, 2, 3))]:
            image = np.clip(0.3 + 0.4 * truth + generator.normal(0, 0.02 + 0.05 * severity, truth.shape), 0, 1)
            found = {PLANTED: np.roll(truth, severity, axis=1), "model B": np.roll(truth, severity * (1 + number), 0)}
            pictures.append(Picture(case, f"{PLANTED} {case}", name, severity, image, truth, found))
    return pictures


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Open a page in whose every user text something is planted; give the driver and what the page was made from."""
    from .conftest import report_details, scores_frame

    frame = scores_frame(
        models=(PLANTED, "model B"), labels=(5.0, 100.0), corruptions=(PLANTED, "motion"), severities=(1, 2, 3)
    )
    frame["case"] = frame["case"].replace("case-000", PLANTED)
    frame["group"] = frame["group"].replace("patient-000", PLANTED)
    # One corruption was not run for a model: its cells are missing.
    frame = frame[~((frame["model"] == "model B") & (frame["corruption"] == "motion") & (frame["severity"] == 2))]
    details = replace(
        report_details(),
        title=PLANTED,
        models=(ModelNote(PLANTED, True, (PLANTED,), PLANTED, 1), ModelNote("model B", False, (), "Paper", 1)),
        corruptions=(CorruptionNote(PLANTED, (PLANTED,), PLANTED, {PLANTED: PLANTED}, [{PLANTED: 1.0}]),),
        settings={PLANTED: PLANTED},
        provenance={PLANTED: PLANTED},
    )
    analysis = analyse(frame, AnalysisOptions(resamples=100))
    pictures = planted_pictures()
    path = write(tmp_path_factory.mktemp("report") / "a report.html", analysis, details, pictures)
    browser.get(path.as_uri())
    browser.analysis, browser.pictures, browser.page = analysis, pictures, path
    return browser


@pytest.fixture
def page(opened):
    """The planted page, as it is when it has just been opened on a desk."""
    view(opened, 1280)
    opened.get(opened.page.as_uri())
    return opened


def view(driver, width, scheme="light", medium=""):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    preferred = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in preferred.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})


def one(driver, selector):
    return driver.find_element("css selector", selector)


def text(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def count(driver, selector):
    return len(driver.find_elements("css selector", selector))


def press(driver, element, *keys):
    from selenium.webdriver.common.keys import Keys

    element.send_keys(*(getattr(Keys, key) for key in keys))


def choose(driver, selector, shown):
    from selenium.webdriver.support.select import Select

    Select(one(driver, selector)).select_by_visible_text(shown)


def requests(driver):
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]


def test_opening_and_using_it_gives_no_error_and_asks_for_nothing(page):
    page.get_log("browser")
    requests(page)
    page.get(page.page.as_uri())
    press(page, one(page, "[data-part=severity]"), "ARROW_LEFT", "ARROW_LEFT")
    one(page, "[data-part=next]").click()
    one(page, "#table-dice button.sort").click()
    assert page.get_log("browser") == []
    asked = requests(page)
    assert asked[0] == page.page.as_uri()
    assert all(url.startswith("data:image/") for url in asked[1:])


def test_what_is_planted_is_shown_and_does_nothing(page):
    assert page.execute_script("return window.planted") is None
    assert text(page, "h1") == PLANTED
    assert page.title == PLANTED
    listed = [element.text for element in page.find_elements("css selector", "[role=option] .name")]
    assert PLANTED in listed
    assert PLANTED in text(page, "#case-browser [data-part=models]")
    assert PLANTED in text(page, "#curve-explorer [data-part=models]")
    assert PLANTED in text(page, "#curve-explorer [data-part=corruption]")
    page.execute_script(
        "[...document.querySelectorAll('[role=option]')].find((one) => one.textContent.includes('planted')).click()"
    )
    assert text(page, "#case-browser [data-part=title]") == PLANTED
    assert text(page, "#case-browser [data-part=text]") == f"{PLANTED} {PLANTED}"
    assert text(page, "#case-browser [data-part=patient]") == PLANTED
    assert page.execute_script("return window.planted") is None


def test_even_a_script_that_became_an_element_does_not_run(page):
    page.execute_script(
        """const script = document.createElement("script");
        script.textContent = "window.planted = 1";
        const holder = document.createElement("div");
        holder.innerHTML = `<img src="data:," onerror="window.planted = 1">
          <a href="javascript:window.planted = 1">x</a>`;
        document.body.append(script, holder);
        holder.querySelector("a").click();"""
    )
    page.execute_async_script("setTimeout(arguments[0], 100)")
    assert page.execute_script("return window.planted") is None
    page.get_log("browser")


def test_the_slider_swaps_the_image_the_outlines_and_the_scores(page):
    slider, seen = one(page, "[data-part=severity]"), []
    title = text(page, "#case-browser [data-part=title]")
    for severity in (3, 2, 1, 0):
        if severity < 3:
            press(page, slider, "ARROW_LEFT")
        name = PLANTED if severity else "clean"
        picture = next(
            one for one in page.pictures if (one.case, one.corruption, one.severity) == (title, name, severity)
        )
        condition = f"{name}, severity {severity}" if severity else "clean"
        assert text(page, "#case-browser [data-part=condition]") == condition
        assert slider.get_attribute("aria-valuetext") == condition
        for place, model in enumerate((PLANTED, "model B")):
            assert text(page, f"[data-part=dice-{place}]") == f"{100 * picture.dice(model):.1f}%"
        image = one(page, "[data-part=image]")
        page.execute_async_script("arguments[0].decode().then(arguments[1])", image)
        assert image.get_property("naturalWidth") == 48
        outlines = [path.get_attribute("d") for path in page.find_elements("css selector", ".panel .outline")]
        seen.append((image.get_attribute("src"), *outlines))
    assert len(set(seen)) == 4
    assert len({source for source, *_ in seen}) == 4


def test_cases_come_worst_first_and_are_stepped_through_with_the_keyboard(page):
    def mean_dice(case, severity):
        found = [one for one in page.pictures if (one.case, one.severity) == (case, severity)]
        return np.mean([one.dice(model) for one in found if one.corruption != "motion" for model in one.predictions])

    def listed():
        return page.execute_script(
            "return [...document.querySelectorAll('[role=option] .name')].map((one) => one.textContent)"
        )

    cases = {picture.case for picture in page.pictures}
    assert listed() == sorted(cases, key=lambda case: mean_dice(case, 3))
    drop = sorted(cases, key=lambda case: mean_dice(case, 3) - mean_dice(case, 0))
    choose(page, "[data-part=order]", "Largest drop from clean first")
    assert listed() == drop
    choose(page, "[data-part=order]", "By name")
    assert listed() == [PLANTED, "case-001", "case-002"]
    listbox = one(page, "[role=listbox]")
    press(page, listbox, "HOME")
    press(page, listbox, "ARROW_DOWN")
    assert text(page, "#case-browser [data-part=title]") == "case-001"
    assert text(page, "[aria-selected=true] .name") == "case-001"
    assert listbox.get_attribute("aria-activedescendant") == one(page, "[aria-selected=true]").get_attribute("id")
    press(page, listbox, "END")
    assert text(page, "#case-browser [data-part=title]") == "case-002"
    press(page, listbox, "TAB")
    assert page.switch_to.active_element.text == "Previous"


def test_another_corruption_shows_its_own_pictures(page):
    before = one(page, "[data-part=image]").get_attribute("src")
    choose(page, "#case-browser [data-part=corruption]", "motion")
    assert text(page, "#case-browser [data-part=condition]") == "motion, severity 3"
    assert one(page, "[data-part=image]").get_attribute("src") != before


def test_outlines_and_curves_are_switched_off_and_on(page):
    for boxes, lines in (
        ("#case-browser [data-part=models] input", ".panel .outline, .panel .truth"),
        ("#curve-explorer [data-part=models] input", ".plot .curve"),
    ):
        toggles = page.find_elements("css selector", boxes)
        everything = count(page, lines)
        assert everything == len(toggles)
        press(page, toggles[0], "SPACE")
        assert count(page, lines) == everything - 1
        toggles[0].click()
        assert count(page, lines) == everything


def rows_of(page, table):
    return page.execute_script(
        """return [...document.querySelectorAll(`#${arguments[0]} tbody`)].map((body) => [...body.rows]
        .filter((row) => row.querySelector("[scope=row]"))
        .map((row) => [...row.children].map((cell) => cell.dataset.value ?? cell.textContent)))""",
        table,
    )


def test_tables_sort_by_the_full_value_with_pointer_and_keyboard_and_missing_last(page):
    heads = page.find_elements("css selector", "#table-dice thead th")
    names = [head.text.strip() for head in heads]
    before = rows_of(page, "table-dice")
    for heading, key in (("2", None), ("Model", "ENTER")):
        place = names.index(heading)
        for _ in range(2):
            button = heads[place].find_element("css selector", "button")
            press(page, button, key) if key else button.click()
            way = heads[place].get_attribute("aria-sort")
            groups = rows_of(page, "table-dice")
            for group, old in zip(groups, before, strict=True):
                assert sorted(group) == sorted(old)
                column = [row[place] for row in group]
                known = [value for value in column if value]
                assert column == known + [""] * (len(column) - len(known))
                ordered = sorted(known, key=float if heading == "2" else str, reverse=way == "descending")
                assert known == ordered
        assert count(page, "#table-dice [aria-sort]") == 1
    assert any("" in row for group in before for row in group)


def test_a_severity_under_the_pointer_is_told_in_numbers(page):
    from selenium.webdriver import ActionChains

    plot = one(page, ".plot")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", plot)
    ActionChains(page).move_to_element_with_offset(plot, -plot.size["width"] // 2 + 60, 0).perform()
    assert text(page, "#curve-explorer [data-part=condition]") == "Clean images: Dice, mean over cases (%)"
    scores = page.analysis.scores
    clean = scores[(scores["corruption"] == "clean") & (scores["labels"] == 100.0)].set_index("model")
    for row in page.find_elements("css selector", ".readout tbody tr"):
        model, *cells = [cell.text for cell in row.find_elements("css selector", "th, td")]
        known = clean.loc[model.removesuffix("†")]
        assert cells == [
            f"{100 * known['dice_mean']:.1f}",
            f"{100 * known['dice_low']:.1f} to {100 * known['dice_high']:.1f}",
            "36",
            "12",
            "1",
        ]
    assert text(page, "[data-part=spoken]") == ""
    press(page, plot, "ARROW_RIGHT")
    assert text(page, "#curve-explorer [data-part=condition]").startswith(f"{PLANTED}, severity 1")
    assert "36 cases of 12 patients" in text(page, "[data-part=spoken]")


def test_every_measure_corruption_and_label_fraction_can_be_drawn(page):
    from selenium.webdriver.support.select import Select

    drawn, choices = [], 0
    for name in ("measure", "corruption", "labels"):
        select = Select(one(page, f"#curve-explorer [data-part={name}]"))
        before = select.first_selected_option.text
        for option in [option.text for option in select.options]:
            select.select_by_visible_text(option)
            drawn.append(one(page, ".plot").get_attribute("innerHTML"))
        select.select_by_visible_text(before)
        choices += len(select.options)
    assert choices > 6
    # The state from which each choice starts is drawn once more for each of the other two.
    assert len(set(drawn)) == choices - 2
    assert "NaN" not in "".join(drawn)


def test_the_bar_is_drawn_for_the_dice_that_it_is_of(page):
    assert text(page, ".plot .bar + .tick") == "bar 70"
    choose(page, "#curve-explorer [data-part=measure]", "IoU, mean over cases (%)")
    assert count(page, ".plot .bar") == 0


CONTRAST = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => channels(colour).slice(0, 3).map((v) => v / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  for (let here = element; here; here = here.parentElement) {
    const colour = getComputedStyle(here).backgroundColor;
    if (channels(colour)[3] !== 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const ratios = [];
const texts = "h1, p, a, li, th, td, summary, select, button, label, dt, dd, .score, .interval";
for (const element of document.querySelectorAll(texts)) {
  if (!element.checkVisibility() || element.closest(".stage, .skip")) continue;
  const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
  ratios.push((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
}
return [ratios.length, Math.min(...ratios), luminance(getComputedStyle(document.body).backgroundColor)];
"""


@pytest.mark.parametrize(("scheme", "darkest", "lightest"), [("light", 0.9, 1), ("dark", 0, 0.05)])
def test_text_can_be_read_on_light_and_on_dark(page, scheme, darkest, lightest):
    view(page, 1280, scheme)
    elements, contrast, ground = page.execute_script(CONTRAST)
    assert elements > 100
    assert contrast >= 4.5
    assert darkest <= ground <= lightest


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_the_page_never_scrolls_sideways(page, width):
    view(page, width)
    page.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert one(page, ".plot svg").size["width"] <= width


def test_paper_shows_results_and_no_controls(page):
    view(page, 800, medium="print")
    for selector in ("nav", ".controls", "[role=listbox]", "[data-part=severity]", "[data-copies]"):
        assert not any(element.is_displayed() for element in page.find_elements("css selector", selector))
    for selector in (".plot svg", ".readout table", ".panel img", "#table-overview"):
        assert one(page, selector).is_displayed()


def test_paper_has_every_table_unfolded_and_the_screen_has_what_it_had(page):
    closed = "details:not([open])"
    before = count(page, closed)
    assert before > 0
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert count(page, closed) == 0
    page.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert count(page, closed) == before


def test_everything_essential_is_there_without_scripts(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get(page.page.as_uri())
        assert one(page, "#table-overview").is_displayed()
        assert one(page, "#method").is_displayed()
        assert not one(page, "#curve-explorer").is_displayed()
        assert not one(page, "#case-browser").is_displayed()
        assert not any(button.is_displayed() for button in page.find_elements("css selector", "button"))
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_copy_button_says_what_it_did(page):
    button = one(page, "[data-copies=methods-text]")
    button.click()
    page.execute_async_script("setTimeout(arguments[0], 200)")
    assert text(page, ".action [role=status]").split(":")[0] in ("Copied.", "Selected")


@pytest.mark.parametrize(
    ("options", "cases"),
    [
        ({"models": ("model A",)}, 1),
        ({"severities": ()}, 1),
        ({"clean": False}, 2),
        ({"groups": 4}, 0),
        ({"models": tuple(f"model {i}" for i in range(12)), "labels": (1.0, 100.0)}, 2),
    ],
    ids=("one model and case", "clean alone", "no clean scores", "no pictures", "twelve models"),
)
def test_every_shape_of_report_opens(browser, tmp_path, make_frame, details, make_pictures, options, cases):
    analysis = analyse(make_frame(**options), AnalysisOptions(resamples=50))
    pictures = [one for one in make_pictures(cases=cases) if one.severity == 0 or options.get("severities") != ()]
    browser.get_log("browser")
    browser.get(write(tmp_path / "report.html", analysis, details, pictures).as_uri())
    assert browser.get_log("browser") == []
    assert count(browser, ".plot .curve") == len(set(analysis.scores["model"]))
    assert count(browser, "[role=option]") == cases
    assert count(browser, ".panel img[src^='data:image/webp']") == min(cases, 1)
