"""Simulated scores and pictures with known properties."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from biclip_bench.reports import CorruptionNote, ModelNote, Picture, ReportDetails


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


@pytest.fixture
def make_frame() -> Callable[..., pd.DataFrame]:
    return scores_frame


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
