"""Which numbers of a table differ by a paired test, and the sentence that explains all marks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ..inference.comparisons import METHODS, TOO_FEW
from ..inference.resampling import MINIMUM_TRAININGS
from ..wording import labels_text
from .marks import records
from .result_table import TableCell, TableRow

STAR = "*"


@dataclass(frozen=True)
class PairedTests:
    """The paired tests behind the signs.

    Parameters
    ----------
    comparisons
        The analysis' comparisons; may be empty.
    reference
        Model that the others are compared with; None for the best model of each column.
    level
        Confidence level; one minus it is the level of the tests.
    """

    comparisons: pd.DataFrame
    reference: str | None = None
    level: float = 0.95

    @property
    def made(self) -> bool:
        """Whether any pair was tested."""
        return "p_holm" in self.comparisons.columns and bool(self.comparisons["p_holm"].notna().any())

    def signs(
        self, condition: str, values: Sequence[tuple[str, str, float]], blind: Sequence[str]
    ) -> dict[tuple[str, str], str]:
        """Give a star to each model that differs significantly from the best, or from the reference if there is one.

        A star is evidence of a difference; its absence is no evidence of a tie.

        Parameters
        ----------
        condition
            ``"clean"``, a corruption (its mean over the severities) or ``"all"``.
        values
            Model, label fraction as printed, and mean Dice.
        blind
            Models that never see the image: they are never the best.

        Returns
        -------
        dict
            ``"*"`` by model and label fraction, for the significant ones alone.
        """
        if not self.made:
            return {}
        rows = records(self.comparisons[self.comparisons["corruption"] == condition])
        signs: dict[tuple[str, str], str] = {}
        for labels in dict.fromkeys(labels for _, labels, _ in values):
            seeing = {m: v for m, share, v in values if share == labels and m not in blind and not math.isnan(v)}
            if not seeing:
                continue
            against = self.reference or max(sorted(seeing), key=lambda model: seeing[model])
            for row in rows:
                pair = {row["model_a"], row["model_b"]}
                if labels_text(row["labels"]) == labels and against in pair and bool(row["significant"]):
                    signs |= {(model, labels): STAR for model in pair - {against}}
        return signs


def with_signs(
    rows: Sequence[TableRow], column: int, condition: str, tests: PairedTests, blind: Sequence[str]
) -> tuple[TableRow, ...]:
    """Put the signs of one condition's tests on one column of mean Dice."""
    signs = tests.signs(condition, [(row.model, row.labels, row.cells[column].value) for row in rows], blind)
    return tuple(
        replace(row, cells=(*row.cells[:column], _signed(row, column, signs), *row.cells[column + 1 :])) for row in rows
    )


def _signed(row: TableRow, column: int, signs: Mapping[tuple[str, str], str]) -> TableCell:
    return replace(row.cells[column], significance=signs.get((row.model, row.labels), ""))


def marks_note(rows: Sequence[TableRow], tests: PairedTests | None, blind: Sequence[str]) -> str:
    """Explain bold, underline and star as far as the rows have them, and say where no test was made.

    Parameters
    ----------
    rows
        All rows of a table.
    tests
        The tests behind its signs; None for a table that has no tested column.
    blind
        Models that never see the image.
    """
    marks = {cell.mark for row in rows for cell in row.cells}
    sentences = []
    if "best" in marks:
        under = ", underlined the second" if "second" in marks else ""
        sentences.append(
            f"Bold is the best of a column{under}, at each label fraction; numbers that print alike share their place."
        )
        absent = [model for model in dict.fromkeys(row.model for row in rows) if model in blind]
        if absent:
            verb = "sees" if len(absent) == 1 else "see"
            sentences.append(f"No place is given to {' and '.join(absent)}, which never {verb} the image.")
    if tests is None or len({row.model for row in rows}) < 2:
        return " ".join(sentences)
    other = tests.reference or "the best model of its column"
    if not tests.made:
        too_few = not tests.comparisons.empty and (tests.comparisons["verdict"] == TOO_FEW).all()
        sentences.append(f"No difference between models was tested{': there are too few patients' if too_few else ''}.")
    elif any(cell.significance for row in rows for cell in row.cells):
        sentences.append(
            f"{STAR} marks a mean Dice that differs significantly from that of {other} (paired tests over "
            f"patients, Holm-adjusted p below {1 - tests.level:.2g} and an interval of the difference without zero). "
            "Without a star a difference was not shown or not tested: that is no evidence of a tie."
        )
        sentences.append(scope_note(tests.comparisons))
    else:
        sentences.append(
            f"No model's mean Dice was shown to differ from that of {other} (paired tests over patients, "
            "Holm-adjusted): that is no evidence of a tie."
        )
    return " ".join(sentences)


def scope_note(comparisons: pd.DataFrame) -> str:
    """Say whether the tests are about methods or about the models that happened to be trained."""
    scopes = set(comparisons["scope"])
    enough = f"{MINIMUM_TRAININGS} trainings or more of both models"
    if METHODS not in scopes:
        return f"The tests are about these trained models: a claim about methods needs {enough}."
    if scopes == {METHODS}:
        return f"The tests are about methods: there are {enough}."
    return f"With {enough} a test is about methods (so marked in comparisons), else about these trained models."
