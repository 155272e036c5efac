"""Simulated scores and pictures with known properties."""

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from biclip_bench.reports import (
    AnalysisOptions,
    CorruptionNote,
    ModelNote,
    Picture,
    ReportDetails,
    ReportOptions,
    WrittenReport,
    write_report,
)
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.inference.analysis import Analysis, analyse
from biclip_bench.reports.material import Material
from biclip_bench.reports.picture_source import PictureList


def scores_frame(
    *,
    dataset: str = "simulated",
    models: Sequence[str] = ("model A", "model B"),
    labels: Sequence[float] = (100.0,),
    seeds: Sequence[int] = (0,),
    corruptions: Sequence[str] = ("motion",),
    severities: Sequence[int] = (1, 2, 3, 4, 5),
    clean: bool = True,
    groups: int = 12,
    cases_a_group: int = 3,
    draw: int = 0,
) -> pd.DataFrame:
    """Make patients of unlike difficulty, cases of unlike size, and models that lose Dice at unlike rates."""
    generator = np.random.default_rng(draw)
    n_cases = groups * cases_a_group
    group = np.repeat(np.arange(groups), cases_a_group)
    difficulty = generator.normal(0, 0.5, groups)[group] + generator.normal(0, 0.4, n_cases)
    size = np.exp(generator.normal(6, 0.8, n_cases)).astype(int)
    blocks = []
    for m, model in enumerate(models):
        for fraction in labels:
            for seed in seeds:
                shift = generator.normal(0, 0.1)
                conditions = [(name, s) for name in corruptions for s in severities]
                for name, severity in [("clean", 0)] * clean + conditions:
                    rate = 0.18 + 0.16 * m + 0.08 * (corruptions.index(name) if severity else 0)
                    noise = generator.normal(0, 0.2, n_cases)
                    found = 1 / (1 + np.exp(-(1.8 + shift + difficulty + noise - rate * severity)))
                    missed = np.round(size * (1 - found)).astype(int)
                    extra = np.round(size * (1 - found) * 0.8).astype(int)
                    blocks.append(
                        pd.DataFrame(
                            {
                                "dataset": dataset,
                                "model": model,
                                "labels": fraction,
                                "seed": seed,
                                "corruption": name,
                                "severity": severity,
                                "case": [f"case-{i:03d}" for i in range(n_cases)],
                                "group": [f"patient-{g:03d}" for g in group],
                                **score_columns(size - missed, extra, missed),
                            }
                        )
                    )
    return pd.concat(blocks, ignore_index=True)


def score_columns(overlap: np.ndarray, extra: np.ndarray, missed: np.ndarray) -> dict[str, np.ndarray]:
    """Make the score and count columns of cases whose masks are not empty."""
    return {
        "dice": 2 * overlap / (2 * overlap + extra + missed),
        "iou": overlap / (overlap + extra + missed),
        "true_positive": overlap,
        "false_positive": extra,
        "false_negative": missed,
    }


def frame_of_dice(
    dice: np.ndarray,
    group: np.ndarray,
    *,
    models: Sequence[str] = ("model A",),
    conditions: Sequence[tuple[str, int]] = (("clean", 0),),
) -> pd.DataFrame:
    """Make a frame of many data sets from Dice of shape (data sets, models, trainings, conditions, cases).

    Dice is kept to four digits: counts are on a grid of 10,000 pixels a mask. ``group`` numbers the patients, one
    number a case. Trainings are seeds.
    """
    overlap = np.round(np.clip(dice, 0, 1) * 10_000).astype(int).ravel()
    errors = 10_000 - overlap
    d, m, t, c, i = (index.ravel() for index in np.indices(dice.shape))
    return pd.DataFrame(
        {
            "dataset": np.array([f"data set {number:04d}" for number in range(dice.shape[0])])[d],
            "model": np.array(models)[m],
            "labels": 100.0,
            "draw": 0,
            "seed": t,
            "corruption": np.array([name for name, _ in conditions])[c],
            "severity": np.array([severity for _, severity in conditions])[c],
            "case": np.array([f"case {number:03d}" for number in range(dice.shape[4])])[i],
            "group": np.array([f"patient {number:03d}" for number in group])[i],
            "dice": overlap / 10_000,
            "iou": overlap / (overlap + 2 * errors),
            "true_positive": overlap,
            "false_positive": errors,
            "false_negative": errors,
        }
    )


def report_details(*, is_paper_setting: bool = False, trained: bool = True) -> ReportDetails:
    return ReportDetails(
        title="Robustness of model A and model B",
        profile="quick profile (96 px, width 12, 20 epochs)",
        is_paper_setting=is_paper_setting,
        dataset="Simulated scores",
        split="by patient",
        settings={"Image size": "96 px", "Optimizer": "AdamW, learning rate 1e-3"},
        models=(
            ModelNote("model A", True, (), "Paper of model A", 1_234_567),
            ModelNote("model B", False, ("motion-blur",) if trained else (), "Paper of model B", 7_654_321),
        ),
        corruptions=(
            CorruptionNote(
                "motion",
                ("motion-blur",),
                "A moving patient.",
                {"length": "px"},
                [{"length": x} for x in (3, 5, 7, 11, 15)],
            ),
            CorruptionNote(
                "low-dose-ct", ("quantum-noise",), "Few photons.", {"dose": "fraction"}, [{"dose": 0.025}] * 5
            ),
        ),
        versions={"biclip-bench": "0.1.0"},
    )


def case_pictures(
    *,
    cases: int = 2,
    size: int = 32,
    models: Sequence[str] = ("model A", "model B"),
    text: str = "One area, left lung.",
) -> list[Picture]:
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    pictures = []
    for case in range(cases):
        for severity in range(6):
            truth = (rows - size / 2) ** 2 + (columns - size / 3) ** 2 < (size / 6) ** 2
            image = np.clip(0.2 + 0.5 * truth + generator.normal(0, 0.05, truth.shape), 0, 1)
            predictions = {model: np.roll(truth, severity + i, axis=1) for i, model in enumerate(models)}
            corruption = "motion" if severity else "clean"
            pictures.append(Picture(f"case-{case:03d}", text, corruption, severity, image, truth, predictions))
    return pictures


def made_analysis(frame: pd.DataFrame, *, resamples: int = 100, reference: str | None = None) -> Analysis:
    return analyse(frame, AnalysisOptions(resamples=resamples, reference=reference))


def crowded_texts(figure: Figure, *, dpi: int = 200) -> list[str]:
    """Draw a figure and list texts that leave it, and pairs of texts that overlap (slanted ones apart)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn = {}
    draw_text = renderer.draw_text

    def noted(*arguments, **others):
        text = others.get("mtext")
        if text is not None and text.get_text().strip():
            drawn[id(text)] = text
        return draw_text(*arguments, **others)

    renderer.draw_text = noted
    figure.draw(renderer)
    boxes = [(text.get_text(), text.get_rotation() % 90, text.get_window_extent(renderer)) for text in drawn.values()]
    width, height = figure.bbox.size
    found = [
        f"{text!r} leaves the figure"
        for text, _, box in boxes
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
    for (one, slant, a), (other, also, b) in combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        # Boxes of lines include room for letters above and below that may not be there.
        along = min(a.y1, b.y1) - max(a.y0, b.y0) - 0.2 * min(a.height, b.height)
        if across > 1 and along > 1 and not (slant and also):
            found.append(f"{one!r} overlaps {other!r}")
    return found


@pytest.fixture
def find_crowded_texts() -> Callable[..., list[str]]:
    return crowded_texts


@pytest.fixture
def make_analysis() -> Callable[..., Analysis]:
    return made_analysis


@pytest.fixture
def make_frame() -> Callable[..., pd.DataFrame]:
    return scores_frame


@pytest.fixture
def make_dice_frame() -> Callable[..., pd.DataFrame]:
    return frame_of_dice


@pytest.fixture
def make_details() -> Callable[..., ReportDetails]:
    return report_details


@pytest.fixture
def make_pictures() -> Callable[..., list[Picture]]:
    return case_pictures


@pytest.fixture
def frame() -> pd.DataFrame:
    return scores_frame()


@pytest.fixture
def details() -> ReportDetails:
    return report_details()


@pytest.fixture
def pictures() -> list[Picture]:
    return case_pictures()


def write_simulated(
    frame: pd.DataFrame, details: ReportDetails, folder: Path, pictures: Sequence[Picture] = (), **options: Any
) -> WrittenReport:
    """Write a report of scores and pictures in memory; ``options`` are the analysis'."""
    material = Material(validate_frame(frame), details, PictureList(pictures))
    return write_report(material, folder, ReportOptions(AnalysisOptions(**{"resamples": 200} | options)))


@pytest.fixture
def write() -> Callable[..., WrittenReport]:
    return write_simulated
