"""From a data set and corruptions to a judged calibration, ready to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..corruptions import CorruptionSpec
from ..reports.audits.calibration_details import CalibrationDetails
from .calibration import SSIM_WINDOW, measure_cases, spread_cases
from .calibration_summary import LEVEL, MINIMUM_GROUPS, RESAMPLES, summarise_levels
from .calibration_verdict import RULES, Verdict, judge_corruption
from .corruption_notes import corruption_note
from .datasets.base import Dataset, cases_of
from .level_words import graded_units, level_words

DEFINITIONS = (
    "Every measure compares the corrupted with the clean image as a model sees them: after the data set's intensity "
    "window, on the image's native grid, not resized; the two in HU before the window. SSIM is the structural "
    f"similarity of Wang et al. (2004): Gaussian window of {SSIM_WINDOW} x {SSIM_WINDOW} pixels and sd 1.5 pixels, "
    "K1 = 0.01, K2 = 0.03, data range 1, population variances, mean over colour channels. PSNR refers to the full "
    "range of the window. RMSE and change sd (standard deviation of corrupted minus clean) are in grey levels, 255 to "
    "the window's range. Newly clipped is the share of values at an end of the window that were not there in the "
    "clean image.",
    "Every number is a mean over cases.",
)


@dataclass(frozen=True)
class Calibration:
    """A measured and judged calibration.

    Parameters
    ----------
    cases
        As :func:`~biclip_bench.benchmark.calibration.measure_cases` gives it.
    levels
        As :func:`~biclip_bench.benchmark.calibration_summary.summarise_levels` gives it, with ``level`` (what it is
        physically, in a few words), ``parameters`` and ``units`` (the same in full), ``step`` and ``verdict``.
    verdicts
        One a corruption.
    details
        What the report says besides.
    """

    cases: pd.DataFrame
    levels: pd.DataFrame
    verdicts: tuple[Verdict, ...]
    details: CalibrationDetails


def calibrate(dataset: Dataset, specs: Sequence[CorruptionSpec], severities: Sequence[int], count: int) -> Calibration:
    """Measure and judge the severities of corruptions on up to ``count`` test cases.

    Raises
    ------
    UserError
        If there are no test cases, or an image is too small to be measured.
    """
    names = spread_cases(dataset, count)
    cases = measure_cases(dataset, specs, severities, names)
    levels = summarise_levels(cases)
    verdicts = tuple(judge_corruption(levels[levels["corruption"] == spec.name]) for spec in specs)
    details = CalibrationDetails(
        dataset=dataset.name,
        sample=_sample(dataset, cases, levels),
        rules=(*DEFINITIONS, *RULES),
        corruptions=tuple(corruption_note(spec, dataset) for spec in specs),
        intervals=_intervals(levels),
    )
    return Calibration(cases, _with_words(levels, specs, verdicts), verdicts, details)


def _with_words(levels: pd.DataFrame, specs: Sequence[CorruptionSpec], verdicts: Sequence[Verdict]) -> pd.DataFrame:
    texts = []
    judged = {verdict.corruption: verdict for verdict in verdicts}
    known = {spec.name: spec for spec in specs}
    for name, severity in zip(levels["corruption"], levels["severity"], strict=True):
        if not severity:
            texts.append(("", "", "", "", ""))
            continue
        spec, verdict, units = known[name], judged[name], graded_units(known[name])
        values = spec.values(severity)
        texts.append(
            (
                level_words(spec, severity),
                "; ".join(f"{key}={values[key]}" for key in units),
                "; ".join(f"{key}: {unit}" for key, unit in units.items()),
                verdict.steps[severity],
                verdict.text,
            )
        )
    words = pd.DataFrame(texts, columns=["level", "parameters", "units", "step", "verdict"], index=levels.index)
    return pd.concat(
        [levels[["corruption", "severity"]], words, levels.drop(columns=["corruption", "severity"])], axis=1
    )


def _sample(dataset: Dataset, measured: pd.DataFrame, levels: pd.DataFrame) -> str:
    cases, groups = int(levels["n_cases"].iloc[0]), int(levels["n_groups"].iloc[0])
    sizes = [f"{row.width} x {row.height}" for row in measured[["width", "height"]].drop_duplicates().itertuples()]
    size = f"{sizes[0]} pixels" if len(sizes) == 1 else f"{len(sizes)} image sizes, the first {sizes[0]} pixels"
    of = len(cases_of(dataset, "test"))
    chosen = _counted(of, "test case") if cases == of else f"{cases} of {of} test cases, evenly spaced over the set"
    text = f"{dataset.name} (fingerprint {dataset.fingerprint[:12]}): {chosen}, {_counted(groups, 'patient')}, {size}."
    if dataset.context.hu_range and dataset.context.window_hu:
        low, high = dataset.context.hu_range
        seen = dataset.context.window_hu
        text += f" A model sees {seen[0]:.0f} to {seen[1]:.0f} HU, the images hold {low:.0f} to {high:.0f} HU."
    if levels["ssim_other_mean"].isna().all():
        text += " There is no other patient's image of the same shape: whether a level is at its floor is not judged."
    return text


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _intervals(levels: pd.DataFrame) -> str:
    if int(levels["n_groups"].iloc[0]) < MINIMUM_GROUPS:
        return f"With fewer than {MINIMUM_GROUPS} patients no interval is given, and no step can be judged."
    return f"Bands and intervals: {LEVEL:.0%} percentile bootstrap over patients, {RESAMPLES} resamples."
