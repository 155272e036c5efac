"""Label regimes of a run: the training cases whose labels each model may use, and what selects its best epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from .cells import TrainingCell
from .presets import ValidationPolicy
from .splits import labelled_cases

LABELS_FILE = "labels.csv"
"""Name of the table of label sets in a run's folder."""


@dataclass(frozen=True)
class LabelSet:
    """The labels that one training may use.

    Parameters
    ----------
    labels
        Percentage of the training cases.
    seed
        Seed of the training.
    draw
        Number of the draw; None where the seed draws.
    cases
        Ids of the training cases, sorted.
    validation
        Ids of the validation cases that choose the best epoch; None for all.
    """

    labels: float
    seed: int
    draw: int | None
    cases: tuple[str, ...]
    validation: tuple[str, ...] | None = None


def draw_label_sets(
    index: pd.DataFrame,
    labels: Sequence[float],
    seeds: Sequence[int],
    draws: int | None,
    policy: ValidationPolicy,
) -> list[LabelSet]:
    """Draw the label sets of a grid.

    Parameters
    ----------
    index
        A data set's index.
    labels
        Percentages of the training cases.
    seeds
        Training seeds.
    draws
        How many sets to draw at each fraction below 100, each trained with every seed; None draws one set a seed.
    policy
        ``"full"``: every epoch is judged on the whole validation part. ``"scaled"``: on the same share of it, drawn in
        the same way, so that nothing of a scarce regime is plentiful.

    Returns
    -------
    list of LabelSet
        By fraction, then draw, then seed.
    """
    sets = []
    for fraction in labels:
        numbers: Sequence[int | None] = [None] if draws is None else range(draws if fraction < 100 else 1)
        for number in numbers:
            for seed in seeds:
                drawn_by = seed if number is None else number
                validation = None
                if policy == "scaled" and fraction < 100:
                    validation = labelled_cases(index, fraction, drawn_by, part="val")
                cases = labelled_cases(index, fraction, drawn_by)
                sets.append(LabelSet(fraction, seed, number, cases, validation))
    return sets


def write_label_table(cells: Iterable[TrainingCell], path: Path) -> None:
    """Write the label sets of trainings as CSV, a row a case; :func:`read_label_sets` reads them back.

    The columns are ``labels``, ``draw`` (empty where the seed draws), ``seed``, ``part`` (``train`` or ``val``) and
    ``case``.
    """
    sets = dict.fromkeys((cell.labels, cell.draw, cell.seed, cell.cases, cell.validation or ()) for cell in cells)
    rows = [
        (labels, draw, seed, part, case)
        for labels, draw, seed, *lists in sets
        for part, cases in zip(("train", "val"), lists, strict=True)
        for case in cases
    ]
    table = pd.DataFrame(rows, columns=["labels", "draw", "seed", "part", "case"])
    write_atomically(path, table.astype({"draw": "Int64"}).to_csv(index=False))


def read_label_sets(path: Path, index: pd.DataFrame, seeds: Sequence[int] | None) -> list[LabelSet]:
    """Read label sets from a table of them, or from a bare list of cases.

    Parameters
    ----------
    path
        A CSV file, such as :func:`write_label_table` makes, with the column ``case`` and, optionally, ``labels``,
        ``draw``, ``seed`` and ``part``. Without ``labels`` the percentage is computed; without ``seed`` the set serves
        every seed.
    index
        The data set's index.
    seeds
        Training seeds; None takes those of the file, or 0.

    Raises
    ------
    UserError
        Names the file and row: a case that is unknown, of another part or given twice; a wrong number; a seed that
        the file has no set for.
    """
    table = _read_table(path)
    parts = dict(zip(index["case"], index["part"], strict=True))
    for number, row in enumerate(table.itertuples(index=False), start=2):
        part = str(row.part)
        if part not in ("train", "val"):
            raise UserError(f"Row {number} of {path} has the part {part!r}: label sets hold train and val cases.")
        if parts.get(row.case) != part:
            found = f"is of the part {parts[row.case]}" if row.case in parts else "is none of the data set"
            raise UserError(f"Row {number} of {path}: the case {row.case!r} {found}, and should be one of {part}.")
    repeated = table.duplicated()
    if repeated.any():
        number = int(repeated.to_numpy().argmax()) + 2
        raise UserError(f"Row {number} of {path} repeats an earlier one: each case stands once in a set.")

    training = sum(part == "train" for part in parts.values())
    sets: list[LabelSet] = []
    for _, rows in table.groupby(["labels", "draw", "seed"], dropna=False, sort=False):
        labels, draw, seed = (float(rows[column].iloc[0]) for column in ("labels", "draw", "seed"))
        cases = tuple(sorted(rows.loc[rows["part"] == "train", "case"]))
        validation = tuple(sorted(rows.loc[rows["part"] == "val", "case"])) or None
        if not cases:
            raise UserError(f"{path} has a set without training cases: at least one is needed.")
        share = float(f"{100 * len(cases) / training:.6g}") if math.isnan(labels) else labels
        number_of_draw = None if math.isnan(draw) else int(draw)
        own = (list(seeds) if seeds else [0]) if math.isnan(seed) else [int(seed)]
        sets += [LabelSet(share, one, number_of_draw, cases, validation) for one in own]
    if seeds:
        missing = sorted(set(seeds) - {one.seed for one in sets})
        if missing:
            raise UserError(f"{path} has no label set for seed {missing[0]}: leave --seed out to train those it has.")
        sets = [one for one in sets if one.seed in seeds]
    return sets


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"case": str, "part": str}, keep_default_na=False, na_values=[""])
    except OSError as error:
        raise UserError(f"The labels file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"The labels file {path} is no CSV table ({error}): it needs a column case.") from error
    if "case" not in table.columns or table.empty or table["case"].isna().any():
        raise UserError(
            f"The labels file {path} needs a column case with an id in every row, such as a run's {LABELS_FILE}."
        )
    table["part"] = table["part"] if "part" in table.columns else "train"
    for column, lowest, highest in (("labels", 0.0, 100.0), ("draw", 0, None), ("seed", 0, None)):
        numbers = pd.to_numeric(table[column], errors="coerce") if column in table.columns else None
        if numbers is None:
            table[column] = float("nan")
            continue
        wrong = (numbers.isna() & table[column].notna()) | (numbers < lowest)
        if column == "labels":
            wrong |= (numbers <= lowest) | (numbers > highest)
        else:
            wrong |= numbers.notna() & (numbers != numbers.round())
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            found = table[column].astype(object).iloc[row]
            right = "a percentage above 0 and at most 100" if column == "labels" else "a whole number of 0 or more"
            raise UserError(f"Row {row + 2} of {path}: {column} is {found!r}, but must be {right}.")
        table[column] = numbers
    return table[["labels", "draw", "seed", "part", "case"]]
