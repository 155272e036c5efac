import dataclasses
import pickle

import numpy as np
import pytest

from biclip_bench.reports import Picture
from biclip_bench.reports.figures.report_figures import (
    draw,
    figure_tasks,
    outlined_models,
    report_figures,
)
from biclip_bench.reports.figures.stems import corruption_stems
from biclip_bench.reports.figures.style import LAYOUTS, paper_style
from biclip_bench.reports.picture_source import PictureList

HOSTILE_MODELS = ("a $x^{2$ & <b>_%#~\\", "unet-plus-plus-" * 9, "Мод\u00e9l\u00df \u03b1\u2082\nnew line", "m")
HOSTILE_CORRUPTIONS = ("noise$_{5$/\\a", "a-corruption-with-a-very-long-name-" * 3, "caf\u00e9 \u03bb=5%")


def items_of(analysis, details, pictures, style="plain"):
    with paper_style(style) as layout:
        return [task.plan(layout) for task in figure_tasks(analysis, details, PictureList(pictures), style)]


def stems(analysis, details, pictures=()):
    return [item.stem for item in items_of(analysis, details, pictures)]


def pictures_of(models, corruptions, *, cases=2, size=24):
    rows, columns = np.mgrid[:size, :size]
    truth = (rows - 12) ** 2 + (columns - 9) ** 2 < 20
    conditions = [("clean", 0), *((name, severity) for name in corruptions for severity in range(1, 6))]
    return [
        Picture(
            f"case-{case:03d}", "An area $ in the left lung, " * 9, corruption, severity, np.full(truth.shape, 0.3),
            truth, {model: np.roll(truth, severity) for model in models},
        )
        for case in range(cases)
        for corruption, severity in conditions
    ]  # fmt: skip


def test_a_full_report_has_every_kind_of_figure_in_order(make_frame, make_analysis, details):
    models, corruptions = ("model A", "model B", "c"), ("motion", "low-dose-ct", "jpeg")
    frame = make_frame(models=models, corruptions=corruptions, labels=(1.0, 100.0), severities=(1, 5))
    analysis = make_analysis(frame, resamples=10)
    assert stems(analysis, details, pictures_of(models, corruptions)) == [
        "robustness", *(f"robustness-{name}" for name in corruptions), "heat-map-labels-1", "heat-map-labels-100",
        "label-efficiency", *(f"labels-severity-{name}" for name in corruptions), "ranks", "paired-clean",
        "paired-corrupted", *(f"gallery-{name}" for name in corruptions), "failures",
    ]  # fmt: skip


def test_figures_that_the_data_do_not_allow_are_left_out(make_frame, make_analysis, details):
    assert stems(make_analysis(make_frame()), details) == ["robustness", "heat-map", "paired"]
    assert stems(make_analysis(make_frame(models=("model A",))), details) == ["robustness", "heat-map"]
    assert stems(make_analysis(make_frame(corruptions=())), details) == ["robustness", "paired"]
    assert stems(make_analysis(make_frame(models=("model A",), corruptions=())), details) == ["robustness"]


@pytest.mark.parametrize(
    "few",
    [
        {"models": ("model A",)},
        {"severities": (3,)},
        {"corruptions": ()},
        {"groups": 1, "cases_a_group": 1},
        {"clean": False},
        {"severities": (3,), "labels": (1.0, 100.0), "groups": 2},
    ],
    ids=["one model", "one severity", "clean only", "one case", "no clean", "two fractions"],
)
def test_little_data_is_drawn_and_can_be_read(make_frame, make_analysis, details, few, find_crowded_texts):
    analysis = make_analysis(make_frame(**few), resamples=10)
    models = analysis.frame["model"].unique().tolist()
    corruptions = sorted(set(analysis.frame["corruption"]) - {"clean"})
    with paper_style("ieee"):
        for item in items_of(analysis, details, pictures_of(models, corruptions, cases=1), "ieee"):
            assert find_crowded_texts(item.figure) == [], item.stem


@pytest.mark.parametrize("style", ["plain", "miccai"])
def test_text_stays_in_the_figure_and_never_overlaps_whatever_the_names(
    make_frame, make_analysis, details, style, find_crowded_texts
):
    details = dataclasses.replace(details, dataset="d" * 150, profile="x " * 90)
    frame = make_frame(models=HOSTILE_MODELS, corruptions=HOSTILE_CORRUPTIONS, labels=(1.0, 100.0), severities=(1, 5))
    analysis = make_analysis(frame, resamples=20)
    pictures = pictures_of(HOSTILE_MODELS, HOSTILE_CORRUPTIONS[:2], cases=1)
    widths = {LAYOUTS[style].one_column, LAYOUTS[style].two_columns}
    with paper_style(style):
        for item in items_of(analysis, details, pictures, style):
            assert item.figure.get_figwidth() in widths
            assert item.figure.get_figheight() <= LAYOUTS[style].height
            assert find_crowded_texts(item.figure) == [], item.stem


def test_ten_models_and_many_corruptions_can_be_read(make_frame, make_analysis, details, find_crowded_texts):
    models = [f"model-{name}" for name in ("unet", "biclip", "lvit", "clip", "net", "swin", "deep", "f", "g", "h")]
    corruptions = [f"corruption-{number}" for number in range(5)]
    analysis = make_analysis(make_frame(models=models, corruptions=corruptions), resamples=20)
    pictures = pictures_of(models, corruptions[:1])
    with paper_style("miccai"):
        for item in items_of(analysis, details, pictures, "miccai"):
            if not item.stem.startswith("robustness-corruption"):
                assert find_crowded_texts(item.figure) == [], item.stem


def test_pictures_of_many_models_outline_the_best(make_frame, make_analysis, details):
    models = [f"model {letter}" for letter in "FEDCBA"]
    analysis = make_analysis(make_frame(models=models))
    # Models of the frame lose more the later they come.
    assert outlined_models(analysis, sorted(models)) == ["model C", "model D", "model E", "model F"]
    item = next(item for item in items_of(analysis, details, pictures_of(models, ["motion"])) if "gallery" in item.stem)
    assert "Of 6 models the 4 with the best mean Dice." in item.caption
    assert len(item.figure.legends[0].get_texts()) == 5


def test_a_task_drawn_in_another_process_has_the_same_bytes(make_frame, make_analysis, details):
    models, corruptions = ("model A", "model B", "c"), ("motion",)
    analysis = make_analysis(make_frame(models=models, corruptions=corruptions))
    source = PictureList(pictures_of(models, corruptions))
    drawn = list(report_figures(analysis, details, source, "neurips"))
    for task, figure in zip(figure_tasks(analysis, details, source, "neurips"), drawn, strict=True):
        again = draw(pickle.loads(pickle.dumps(task)))
        assert (again.stem, again.section, again.caption) == (figure.stem, figure.section, figure.caption)
        assert again.files == figure.files
        assert b"/Type3" not in figure.files["pdf"]


def test_charts_are_vectors_and_pictures_and_the_first_curves_have_pixels_too(make_frame, make_analysis, details):
    analysis = make_analysis(make_frame())
    figures = list(report_figures(analysis, details, PictureList(pictures_of(("model A",), ("motion",)))))
    kinds = {figure.stem: (figure.section, tuple(figure.files)) for figure in figures}
    assert kinds == {
        "robustness": ("curves", ("pdf", "svg", "png")),
        "heat-map": ("curves", ("pdf", "svg")),
        "paired": ("comparison", ("pdf", "svg")),
        "gallery-motion": ("pictures", ("pdf", "png")),
        "failures": ("pictures", ("pdf", "png")),
    }
    for figure in figures:
        assert "Dice" in figure.caption
        assert figure.alternative.endswith(".")


def test_names_that_files_cannot_tell_apart_do_not_overwrite_each_other(make_frame, make_analysis, details):
    assert corruption_stems(["a b", "A-b", "a/b", "a-b-2", "c"]) == {
        "a b": "a-b", "A-b": "A-b-2", "a/b": "a-b-3", "a-b-2": "a-b-2-2", "c": "c"
    }  # fmt: skip
    corruptions = ("a b", "a/b", "A-B")
    analysis = make_analysis(make_frame(corruptions=corruptions, labels=(1.0, 100.0)), resamples=10)
    found = [stem.casefold() for stem in stems(analysis, details, pictures_of(["model A"], corruptions, cases=1))]
    assert len(set(found)) == len(found)
