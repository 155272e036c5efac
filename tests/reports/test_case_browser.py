import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from biclip_bench.reports.inference.analysis import AnalysisOptions, analyse
from biclip_bench.reports.page.browser import browser_text, case_browser, worst_first
from biclip_bench.reports.page.compression import LEVELS, choose_level, encode_picture
from biclip_bench.reports.page.curve_data import curve_data
from biclip_bench.reports.page.embedding import json_block
from biclip_bench.reports.page.html import PAGE_BYTES, report_page
from biclip_bench.reports.picture import Picture
from biclip_bench.reports.picture_source import PictureList

BUDGET = 8_000_000


class NoisyCases:
    """Cases of 224 px whose noise hardly compresses, made when they are asked for."""

    def __init__(self, cases):
        self.names = [f"case-{number:03d}" for number in range(cases)]
        self.asked = []

    def cases(self):
        return self.names

    def pictures(self, case):
        self.asked.append(case)
        generator = np.random.default_rng(int(case[-3:]))
        rows, columns = np.mgrid[:224, :224] / 224
        body = 0.25 + 0.3 * (((columns - 0.5) / 0.4) ** 2 + ((rows - 0.5) / 0.45) ** 2 < 1)
        truth = (columns - 0.35) ** 2 + (rows - 0.5) ** 2 < 0.01
        pictures = []
        for name, severity in [("clean", 0), *((name, s) for name in ("motion", "low-dose-ct") for s in range(1, 6))]:
            image = np.clip(body + 0.2 * truth + generator.normal(0, 0.02 + 0.03 * severity, truth.shape), 0, 1)
            found = {
                model: np.roll(truth, severity * shift, 1) ^ (generator.random(truth.shape) < 1e-4 * severity)
                for shift, model in enumerate(("model A", "model B"), 1)
            }
            pictures.append(Picture(case, "Two areas.", name, severity, image, truth, found))
        return pictures


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L")).astype(float) / 255


def test_a_hundred_noisy_cases_fit_a_page_that_can_be_sent(make_frame, details):
    analysis = analyse(
        make_frame(groups=50, cases_a_group=2, corruptions=("motion", "low-dose-ct")), AnalysisOptions(resamples=20)
    )
    page = report_page(analysis, details, tables=(), pictures=NoisyCases(100))
    assert "All 100 test cases are shown." in page
    assert page.count('id="case-data-') == 100
    assert 0.5 * PAGE_BYTES < len(page.encode()) < PAGE_BYTES


def test_what_is_shown_is_what_there_was(frame, details, pictures):
    shown = case_browser(PictureList(pictures), frame, details, budget=BUDGET)
    assert [one["name"] for one in shown.index["cases"]] == worst_first(["case-000", "case-001"], frame)
    assert [model["name"] for model in shown.index["models"]] == ["model A", "model B"]
    assert shown.index["corruptions"] == ["motion"]
    assert shown.index["conditions"] == [[-1, 0], *([0, severity] for severity in range(1, 6))]
    found = {(picture.case, picture.severity): picture for picture in pictures}
    for listed, block in zip(shown.index["cases"], shown.blocks, strict=True):
        assert listed["text"] == "One area, left lung."
        assert listed["patient"] == frame.set_index("case").loc[listed["name"], "group"].iloc[0]
        for severity, (shot, dice) in enumerate(zip(block["shots"], listed["dice"], strict=True)):
            picture = found[listed["name"], severity]
            assert np.abs(decoded(shot["image"]) - picture.image).mean() < 0.03
            assert dice == [round(1000 * picture.dice(model)) for model in ("model A", "model B")]


def test_cases_come_worst_first_and_those_without_scores_last(frame):
    means = frame.groupby("case")["dice"].mean().sort_values()
    assert worst_first(["unknown", *frame["case"].unique()], frame) == [*means.index, "unknown"]


def test_with_little_room_pictures_shrink_and_then_cases_are_left_out(make_frame, details):
    frame = make_frame(groups=5, cases_a_group=1, corruptions=("motion", "low-dose-ct"))
    source, room = NoisyCases(5), (4_000_000, 500_000, 80_000)
    ample, modest, scarce = (case_browser(source, frame, details, budget=size) for size in room)
    assert ample.level == LEVELS[0]
    assert len(ample.blocks) == len(modest.blocks) == 5
    assert modest.level.side < ample.level.side
    assert 0 < len(scarce.blocks) < 5
    assert scarce.level == LEVELS[-1]
    assert [one["name"] for one in scarce.index["cases"]] == worst_first(source.names, frame)[: len(scarce.blocks)]
    assert f"{len(scarce.blocks)} of 5 cases are shown, those with the lowest mean Dice" in browser_text(scarce, 5)
    for shown, size in zip((ample, modest, scarce), room, strict=True):
        assert sum(len(json_block(block)) for block in shown.blocks) + len(json_block(shown.index)) <= size
    assert "All 5 test cases are shown." in browser_text(ample, 5)
    assert "5 of 9 test cases are shown: a few typical ones" in browser_text(ample, 9)
    assert case_browser(source, frame, details, budget=1000) is None


def test_every_case_is_asked_for_once(make_frame, details):
    source = NoisyCases(6)
    case_browser(source, make_frame(groups=6, cases_a_group=1), details, budget=300_000)
    assert sorted(source.asked) == source.names


def test_gaps_texts_and_truths_that_change_are_kept(frame, details, make_pictures):
    pictures = make_pictures(cases=2)
    moved = pictures[2]
    pictures[2] = Picture(
        moved.case, "No areas.", moved.corruption, moved.severity, moved.image, moved.truth.T.copy(), moved.predictions
    )
    del pictures[8]
    shown = case_browser(PictureList(pictures), frame, details, budget=BUDGET)
    blocks = {one["name"]: block for one, block in zip(shown.index["cases"], shown.blocks, strict=True)}
    assert blocks["case-000"]["shots"][2]["text"] == "No areas."
    assert blocks["case-000"]["shots"][2]["truth"] != blocks["case-000"]["truth"]
    assert {"text", "truth"}.isdisjoint(blocks["case-000"]["shots"][1])
    assert [shot is None for shot in blocks["case-001"]["shots"]] == [False, False, True, False, False, False]


def test_levels_go_from_the_most_to_the_fewest_bytes():
    images = [picture.image for picture in NoisyCases(1).pictures("case-000")[::3]]
    sizes = [sum(len(encode_picture(image, level)) for image in images) for level in LEVELS]
    assert sizes == sorted(sizes, reverse=True)
    for size, level in zip(sizes, LEVELS, strict=True):
        assert choose_level(images, size) == level
    assert choose_level(images, 1) == LEVELS[-1]


@pytest.mark.parametrize(
    "options", [{}, {"labels": (1.0, 100.0), "corruptions": ("motion", "low-dose-ct")}, {"groups": 4}]
)
def test_curves_are_drawn_from_the_scores(make_frame, details, options):
    analysis = analyse(make_frame(**options), AnalysisOptions(resamples=50))
    data = curve_data(analysis.scores, details)
    assert len(data["points"]) == len(analysis.scores)
    by_measure = {measure["key"]: place for place, measure in enumerate(data["measures"])}
    assert list(by_measure)[:4] == ["dice", "dice_pooled", "iou", "iou_pooled"]
    scores = analysis.scores.set_index(["model", "labels", "corruption", "severity"])
    for point in data["points"]:
        corruption = "clean" if point["corruption"] < 0 else data["corruptions"][point["corruption"]]
        labels = float(re.fullmatch(r"(.+)%", data["labels"][point["labels"]])[1])
        row = scores.loc[(data["models"][point["model"]]["name"], labels, corruption, point["severity"])]
        mean, low, high = point["values"][by_measure["dice"]]
        assert mean == pytest.approx(100 * row["dice_mean"], abs=1e-4)
        assert point["counts"] == [row["n_cases"], row["n_groups"], row["n_draws"], row["n_seeds"]]
        if options.get("groups") == 4:
            assert (low, high) == (None, None)
        else:
            assert (low, high) == pytest.approx((100 * row["dice_low"], 100 * row["dice_high"]), abs=1e-4)
    json_block(data)


def test_distances_are_drawn_in_their_unit(frame, details):
    frame = frame.assign(hd95=7.0, area_error=-0.01)
    scores = analyse(frame, AnalysisOptions(resamples=20)).scores
    data = curve_data(scores.assign(hd95_mean=7.0, area_error_mean=-0.01), details)
    measures = {one["key"]: (place, one["unit"]) for place, one in enumerate(data["measures"])}
    assert measures["hd95"][1] == "px"
    assert "sensitivity" not in measures
    assert data["points"][0]["values"][measures["hd95"][0]][0] == 7.0
    assert data["points"][0]["values"][measures["area_error"][0]][0] == -1.0
