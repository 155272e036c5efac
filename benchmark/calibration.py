"""What every severity of a corruption does to the test images, measured case by case."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from biclip_bench.errors import UserError

from ..corruptions import CorruptionSpec, corrupt
from .cells import CLEAN
from .datasets.base import Case, Dataset, existing_tests
from .inputs import apply_window, native_batches

BATCH = 16
"""Cases corrupted at once."""

GREY_LEVELS = 255
"""Differences of images in [0, 1] are stated in the grey levels of an 8-bit image."""

SSIM_WINDOW = 11
"""Side in pixels of the Gaussian window (sd 1.5 pixels) of the structural similarity."""

MEASURES = ("ssim", "ssim_other", "psnr_db", "rmse", "change_sd", "rmse_hu", "change_sd_hu", "clipped")
"""Columns of :func:`measure_cases` that hold a number a case."""

Image = NDArray[np.float64]

_mean_ssim: Callable[..., Any] = structural_similarity  # scikit-image has no types


def spread_cases(dataset: Dataset, count: int) -> list[str]:
    """Choose up to ``count`` test cases evenly spaced over the index, which is sorted by case: all patients count.

    Raises
    ------
    UserError
        If the data set has no test cases.
    """
    names = existing_tests(dataset)
    if len(names) <= count:
        return names
    return [names[place] for place in np.linspace(0, len(names) - 1, count).round().astype(int)]


def structural_similarity_index(image: Image, reference: Image) -> float:
    """Compute the mean structural similarity (SSIM) of two images.

    Wang, Bovik, Sheikh, Simoncelli (2004), "Image quality assessment: from error visibility to structural similarity",
    with its settings: an 11 x 11 Gaussian window of sd 1.5 pixels, K1 = 0.01, K2 = 0.03, population variances, data
    range 1, no subsampling, mean over the places where the window lies inside the image. The mean over the channels
    in a colour image.

    Parameters
    ----------
    image, reference
        float64 of shape (C, H, W) in [0, 1], H and W at least :data:`SSIM_WINDOW`.
    """
    return float(
        _mean_ssim(
            image, reference, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, K1=0.01, K2=0.03,
            data_range=1.0, channel_axis=0,
        )
    )  # fmt: skip


def peak_signal_to_noise_ratio(rmse: float) -> float:
    """Turn a root mean square error of images in [0, 1] into decibels below the full range; infinite for no error."""
    return -20 * math.log10(rmse) if rmse > 0 else math.inf


def compare_images(corrupted: Image, clean: Image) -> dict[str, float]:
    """Measure the difference of two images as a model sees them.

    Parameters
    ----------
    corrupted, clean
        float64 of shape (C, H, W) in [0, 1], after the data set's window.

    Returns
    -------
    dict
        ``ssim``; ``psnr_db``; ``rmse``, the root mean square error, and ``change_sd``, the standard deviation of
        the change (the error without its mean: the noise, where the change is noise), both in grey levels of 255;
        ``clipped``, the share of the values that are 0 or 1 in the corrupted image and were neither in the clean one.
    """
    change = corrupted - clean
    rmse = float(np.sqrt(np.mean(change**2)))
    lost = _at_an_end(corrupted) & ~_at_an_end(clean)
    return {
        "ssim": structural_similarity_index(corrupted, clean),
        "psnr_db": peak_signal_to_noise_ratio(rmse),
        "rmse": GREY_LEVELS * rmse,
        "change_sd": GREY_LEVELS * float(change.std()),
        "clipped": float(lost.mean()),
    }


def measure_cases(
    dataset: Dataset, specs: Iterable[CorruptionSpec], severities: Sequence[int], names: Sequence[str]
) -> pd.DataFrame:
    """Measure the corrupted against the clean image of every case, on its native grid.

    Parameters
    ----------
    dataset
        Where the cases come from.
    specs
        The corruptions.
    severities
        Those wanted; a corruption without some of them is measured at the others.
    names
        Ids of the cases.

    Returns
    -------
    DataFrame
        A row a case under each condition: ``corruption`` (``"clean"`` at severity 0), ``severity``, ``case``,
        ``group``, ``height`` and ``width`` in pixels, and :data:`MEASURES`. Those are the ones of
        :func:`compare_images`; ``rmse_hu`` and ``change_sd_hu``, before the window and in Hounsfield units, NaN where
        the images have no such scale; and ``ssim_other``, the SSIM of the corrupted image with the CLEAN image of
        another patient: what an image has in common with this one without showing the same patient. It is NaN
        where there is no other patient's image of the shape.

    Raises
    ------
    UserError
        If an image is smaller than the window of the structural similarity.
    """
    conditions = [(spec, severity) for spec in specs for severity in spec.chosen(severities)]
    partners = _partners(dataset, names)
    rows = []
    # SciPy's filters work outside the interpreter's lock; the results come back in order.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for cases in native_batches(dataset, names, BATCH):
            stored = torch.from_numpy(np.stack([case.image for case in cases]))
            ids = [case.id for case in cases]
            clean = _seen(stored, dataset)
            others = [_seen_alone(dataset, partners[name]) for name in ids]
            for spec, severity in [(None, 0), *conditions]:
                changed = stored if spec is None else corrupt(spec, stored, severity, ids, dataset.context)
                change = changed.double().numpy() - stored.double().numpy()
                condition = {"corruption": spec.name if spec else CLEAN, "severity": severity}
                measured = pool.map(_measure_case, _seen(changed, dataset), clean, others)
                for case, raw, measures in zip(cases, change, measured, strict=True):
                    named = condition | {"case": case.id, "group": case.group}
                    named |= {"height": raw.shape[1], "width": raw.shape[2]}
                    rows.append(named | measures | _hounsfield(raw, dataset))
    table = pd.DataFrame(rows)[["corruption", "severity", "case", "group", "height", "width", *MEASURES]]
    order = {CLEAN: -1} | {spec.name: place for place, (spec, _) in enumerate(conditions)}
    keys = [table["case"], table["severity"], table["corruption"].map(order)]
    return table.iloc[np.lexsort(keys)].reset_index(drop=True)


def _measure_case(corrupted: Image, clean: Image, other: Image | None) -> dict[str, float]:
    similarity = math.nan if other is None else structural_similarity_index(corrupted, other)
    return compare_images(corrupted, clean) | {"ssim_other": similarity}


def _partners(dataset: Dataset, names: Sequence[str]) -> dict[str, str | None]:
    """Give each case the next one, in a circle, that is of another patient and of the same shape."""
    kinds = []
    for name in names:
        case = dataset.load(name)
        _check_size(case)
        kinds.append((case.group, case.image.shape))
    partners: dict[str, str | None] = {}
    for place, (group, shape) in enumerate(kinds):
        following = [*range(place + 1, len(names)), *range(place)]
        fits = (names[i] for i in following if kinds[i][0] != group and kinds[i][1] == shape)
        partners[names[place]] = next(fits, None)
    return partners


def _check_size(case: Case) -> None:
    if min(case.image.shape[1:]) < SSIM_WINDOW:
        raise UserError(
            f"Case {case.id!r} has an image of {case.image.shape[2]} x {case.image.shape[1]} pixels: the structural "
            f"similarity needs at least {SSIM_WINDOW} a side."
        )


def _seen(images: torch.Tensor, dataset: Dataset) -> Image:
    return np.asarray(apply_window(images, dataset.context.window).double().numpy())


def _seen_alone(dataset: Dataset, name: str | None) -> Image | None:
    if name is None:
        return None
    return np.asarray(_seen(torch.from_numpy(dataset.load(name).image)[None], dataset)[0])


def _hounsfield(change: Image, dataset: Dataset) -> dict[str, float]:
    if dataset.context.hu_range is None:
        return {"rmse_hu": math.nan, "change_sd_hu": math.nan}
    low, high = dataset.context.hu_range
    change = change * (high - low)
    return {"rmse_hu": float(np.sqrt(np.mean(change**2))), "change_sd_hu": float(change.std())}


def _at_an_end(image: Image) -> NDArray[np.bool_]:
    return np.asarray((image <= 0) | (image >= 1))
