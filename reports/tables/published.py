"""Numbers that papers printed, each with its source and convention."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from biclip_bench.errors import UserError

from ..frame import CLEAN

PACKAGE = "biclip_bench.published"

NOT_STATED = "not stated"
CONVENTIONS = {"mean over cases": "m", "pooled over all pixels": "p", NOT_STATED: "n"}
"""How a paper averaged, and the letter that stands for it in a table."""

PUBLISHED_MEASURES = ("dice", "iou")


@dataclass(frozen=True)
class PublishedScore:
    """One number that a paper printed.

    Parameters
    ----------
    source
        The paper, as a reader would cite it.
    url
        Where it can be read; empty if that is not known.
    dataset
        Name of the data set, as in ``--dataset``; ``qata`` also stands for ``qata-lvit``.
    model
        The method as the paper calls it. It belongs to the model of a run whose name differs from it by no more than
        capitals, spaces and hyphens.
    labels
        Percent of the training labels; empty where the paper does not say.
    corruption
        ``"clean"``, or the degradation in the paper's words.
    severity
        The paper's own level; empty where there is none.
    measure
        ``"dice"`` or ``"iou"``.
    convention
        Key of ``CONVENTIONS``.
    value
        Percent, with the decimals that the paper prints.
    note
        What a reader must know about this number.
    """

    source: str
    url: str
    dataset: str
    model: str
    labels: str
    corruption: str
    severity: str
    measure: str
    convention: str
    value: str
    note: str

    @property
    def condition(self) -> str:
        """The condition in words."""
        return f"{self.corruption}, {self.severity}" if self.severity else self.corruption


COLUMNS = tuple(field.name for field in fields(PublishedScore))
REQUIRED = ("source", "dataset", "model", "corruption", "measure", "convention", "value")


def read_published(path: Path | Traversable) -> list[PublishedScore]:
    """Read a file of published numbers: CSV, UTF-8, with the columns ``COLUMNS``.

    Raises
    ------
    UserError
        If the file cannot be read, a column is missing or a row is not valid; it names the file and the row, counted
        as in a spreadsheet (the heading is row 1).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The published numbers {path.name} cannot be read as UTF-8 text: {error}.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise UserError(
            f"The published numbers {path.name} lack the column(s) {', '.join(missing)}. "
            f"Needed are: {', '.join(COLUMNS)}."
        )
    scores: list[PublishedScore] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(reader, start=2):
        score = _checked(row, f"Row {number} of the published numbers {path.name}")
        key = tuple(getattr(score, name) for name in COLUMNS if name not in ("convention", "value", "note", "url"))
        if key in seen:
            raise UserError(
                f"Row {number} of the published numbers {path.name} repeats row {seen[key]}: one number a source, data "
                "set, model, label fraction, condition and measure."
            )
        seen[key] = number
        scores.append(score)
    return scores


def _checked(row: dict[str, str], where: str) -> PublishedScore:
    values = {column: (row[column] or "").strip() for column in COLUMNS}
    if row.get(None) or None in row.values():  # type: ignore[call-overload]
        raise UserError(f"{where} has another number of cells than the heading: put quotes around text with commas.")
    for column in REQUIRED:
        if not values[column]:
            raise UserError(f"{where} has no {column}: every number needs one.")
    if values["measure"] not in PUBLISHED_MEASURES:
        raise UserError(f"{where} has the measure {values['measure']!r}: it is one of {', '.join(PUBLISHED_MEASURES)}.")
    if values["convention"] not in CONVENTIONS:
        raise UserError(f"{where} has the convention {values['convention']!r}: it is one of {', '.join(CONVENTIONS)}.")
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", values["value"]) or float(values["value"]) > 100:
        raise UserError(f"{where} has the value {values['value']!r}: it is a percentage between 0 and 100.")
    labels = values["labels"]
    if labels and not (re.fullmatch(r"\d{1,3}(\.\d+)?", labels) and 0 < float(labels) <= 100):
        raise UserError(
            f"{where} has the labels {labels!r}: it is a percentage above 0 and up to 100, or empty where it is not "
            "stated."
        )
    if values["url"] and not re.match(r"https?://\S+$", values["url"]):
        raise UserError(f"{where} has the url {values['url']!r}: it begins with https:// or is empty.")
    if values["corruption"] == CLEAN and values["severity"]:
        raise UserError(f"{where} has the severity {values['severity']!r}: clean images have none.")
    return PublishedScore(**values)


def published_scores(dataset: str, more: Sequence[Path] = ()) -> list[PublishedScore]:
    """Collect the published numbers of a data set.

    Parameters
    ----------
    dataset
        Its name, as in the frame's ``dataset`` column.
    more
        Files beside those that come with this package.

    Returns
    -------
    list[PublishedScore]
        In the order of the files' names and of their rows; empty where nothing is known.

    Raises
    ------
    UserError
        If a file is not valid.
    """
    own = sorted((item for item in files(PACKAGE).iterdir() if item.name.endswith(".csv")), key=lambda item: item.name)
    found = [score for path in (*own, *more) for score in read_published(path)]
    return [score for score in found if dataset == score.dataset or dataset.startswith(f"{score.dataset}-")]


def same_model(published: str, model: str) -> bool:
    """Say whether a paper's name of a method is that of a model, but for capitals, spaces and hyphens."""
    return _plain(published) == _plain(model)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def sources_of(scores: Sequence[PublishedScore]) -> dict[str, str]:
    """Number the sources in the order in which they appear: ``"1"``, ``"2"``."""
    return {source: str(place) for place, source in enumerate(dict.fromkeys(s.source for s in scores), start=1)}


def convention_text(convention: str) -> str:
    """Say how a paper averaged, or that it does not say."""
    return f"convention {convention}" if convention == NOT_STATED else convention


def published_note(scores: Sequence[PublishedScore]) -> str:
    """Name each source, each convention and what the numbers' notes say, and that settings may differ."""
    if not scores:
        return ""
    cited = [_citation(key, [s for s in scores if s.source == source]) for source, key in sources_of(scores).items()]
    used = {score.convention for score in scores}
    letters = "; ".join(f"({letter}) {convention_text(name)}" for name, letter in CONVENTIONS.items() if name in used)
    return " ".join(
        [
            f"Published numbers are as printed by their source, were not measured here and take no place: {letters}.",
            *cited,
            "Settings, splits and resolutions may differ from this run's.",
        ]
    )


def _citation(key: str, scores: Sequence[PublishedScore]) -> str:
    address = f", {scores[0].url}" if scores[0].url else ""
    remarks = [f"{remark.rstrip('.')}." for remark in dict.fromkeys(score.note for score in scores) if remark]
    return " ".join([f"[{key}] {scores[0].source}{address}.", *remarks])
