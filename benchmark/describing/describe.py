"""A data set described in tables: parts, images, lesions, overlap of the parts, texts, and what texts give away."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from ...reports.audits.description import Description, FactTable, plain_rows
from ..datasets.base import PARTS, Dataset, Part, left_out_text
from ..patient_split import patient_overlap
from .case_facts import CaseFacts, case_facts
from .given_away import given_away
from .pictures import picture_rows
from .text_statistics import TextStatistics, known_share, text_statistics

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_QUANTILE_NAMES = ("smallest", "5%", "25%", "median", "75%", "95%", "largest")
_PART_NAMES = {"train": "training", "val": "validation", "test": "test"}
_KINDS = {"ct": "CT", "mr": "MR", "radiograph": "radiograph", "other": "of no stated scale"}
_LONGEST_TEXT = 120


def describe_dataset(dataset: Dataset, split: str, *, pictures: bool = False) -> Description:
    """Describe a data set.

    Parameters
    ----------
    dataset
        The data set, in the split that is described.
    split
        How its parts came about, in words.
    pictures
        Whether to make the pictures for a page.
    """
    index, facts = dataset.index, case_facts(dataset)
    texts = {part: index.loc[index["part"] == part, "text"].tolist() for part in PARTS}
    everything = text_statistics(index["text"].tolist())
    away = given_away(index, facts)
    tables = [
        _parts(index),
        _sizes(facts),
        _burden(index),
        _overlap(index),
        *_texts(texts, everything),
        *away.tables,
    ]
    return Description(
        name=dataset.name,
        facts=_facts(dataset, split),
        findings=(*_findings(index, texts, everything), *away.findings),
        tables=tuple(tables),
        pictures=picture_rows(dataset, facts, everything) if pictures else (),
    )


def _facts(dataset: Dataset, split: str) -> dict[str, str]:
    context = dataset.context
    meaning = _KINDS.get(context.modality, context.modality)
    if context.hu_range is not None:
        meaning += f", stored from {context.hu_range[0]:g} to {context.hu_range[1]:g} HU"
    if context.window_hu is not None:
        meaning += f", seen from {context.window_hu[0]:.0f} to {context.window_hu[1]:.0f} HU"
    left_out = left_out_text(dataset)
    size = "not known" if context.pixel_size_mm is None else f"{context.pixel_size_mm:.3g} mm"
    return {
        "Images": meaning,
        "Pixel size": size,
        "Split": split,
        **({"Left out": left_out} if left_out else {}),
        "Fingerprint": dataset.fingerprint,
    }


def _parts(index: pd.DataFrame) -> FactTable:
    rows: list[tuple[object, ...]] = []
    for part in PARTS:
        own = index[index["part"] == part]
        empty = int((own["lesion_fraction"] == 0).sum())
        rows.append((part, len(own), own["group"].nunique(), empty, own["text"].nunique()))
    rows.append(
        (
            "all",
            len(index),
            index["group"].nunique(),
            int((index["lesion_fraction"] == 0).sum()),
            index["text"].nunique(),
        )
    )
    note = "" if index["group"].duplicated().any() else "No patient is known to have several cases: each counts as one."
    return FactTable(
        "Parts", ("Part", "Cases", "Patients or studies", "Without lesion", "Distinct texts"), plain_rows(rows), note
    )


def _sizes(facts: Sequence[CaseFacts]) -> FactTable:
    counts = Counter((own.width, own.height, own.channels) for own in facts)
    rows = [
        (f"{width} x {height}", "grey" if channels == 1 else "colour", count)
        for (width, height, channels), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    note = f"and {len(rows) - 10} more sizes" if len(rows) > 10 else ""
    return FactTable("Image sizes", ("Width x height (pixels)", "Channels", "Cases"), plain_rows(rows[:10]), note)


def _burden(index: pd.DataFrame) -> FactTable:
    rows = []
    for part in PARTS:
        burden = index.loc[index["part"] == part, "lesion_fraction"]
        if len(burden):
            rows.append((part, *(f"{100 * value:.2f}" for value in burden.quantile(QUANTILES))))
    note = "Percent of the image that is lesion; empty masks counted as 0."
    return FactTable("Lesion burden", ("Part", *_QUANTILE_NAMES), plain_rows(rows), note)


def _overlap(index: pd.DataFrame) -> FactTable:
    rows = []
    for part, other in (("test", "train"), ("val", "train"), ("test", "val")):
        # The overlap is counted of a test part in a training part: these two take their names.
        pair = index[index["part"].isin([part, other])]
        found = patient_overlap(pair.assign(part=pair["part"].map({part: "test", other: "train"})))
        rows.append(
            (
                f"{_PART_NAMES[part]} in {_PART_NAMES[other]}",
                f"{found.shared_cases} of {found.cases}",
                f"{found.shared_groups} of {found.groups}",
            )
        )
    known = patient_overlap(index).known
    note = "" if known else "Which cases share a patient is not known, so 0 says nothing."
    return FactTable("Patients in two parts", ("Parts", "Cases", "Patients or studies"), plain_rows(rows), note)


def _texts(texts: Mapping[Part, list[str]], everything: TextStatistics) -> list[FactTable]:
    if not everything.with_text:
        return []
    rows = [_text_row(part, text_statistics(own)) for part, own in texts.items()] + [_text_row("all", everything)]
    known = known_share(texts["test"], texts["train"])
    told = "" if math.isnan(known) else f"{100 * known:.1f}% of the test texts occur word for word in training."
    columns = ("Part", "With text", "Distinct", "Vocabulary (words)", "Words: fewest", "median", "most")
    frequent = [
        (shortened(text), count, f"{100 * count / everything.cases:.1f}") for text, count in everything.frequent
    ]
    return [
        FactTable("Texts", columns, plain_rows(rows), told),
        FactTable("Most frequent texts", ("Text", "Cases", "Percent"), plain_rows(frequent)),
    ]


def _text_row(part: str, found: TextStatistics) -> tuple[object, ...]:
    return (
        part, f"{found.with_text} of {found.cases}", found.distinct, found.vocabulary, found.shortest,
        f"{found.median:g}", found.longest,
    )  # fmt: skip


def _findings(index: pd.DataFrame, texts: Mapping[Part, list[str]], everything: TextStatistics) -> list[str]:
    counts = index["part"].value_counts()
    found = [
        f"{counts.get('train', 0)} training, {counts.get('val', 0)} validation and {counts.get('test', 0)} test cases; "
        f"the lesion covers {100 * float(index['lesion_fraction'].median()):.2f}% of the image in the median."
    ]
    overlap = patient_overlap(index)
    if overlap.known:
        found.append(
            f"{overlap.shared_cases} of {overlap.cases} test cases come from a patient or study that is also in "
            "training."
        )
    if not everything.with_text:
        return [*found, "There are no texts."]
    known = known_share(texts["test"], texts["train"])
    met = "" if math.isnan(known) else f"; {100 * known:.1f}% of the test texts occur word for word in training"
    return [
        *found,
        f"{everything.distinct} distinct texts of {everything.vocabulary} different words on {everything.with_text} "
        f"cases{met}.",
    ]


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Put a text on one line and cut it."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}\u2026"
