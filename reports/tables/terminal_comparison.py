"""Two runs side by side, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..changes import Change
from ..inference.comparisons import METHODS
from ..inference.resampling import MINIMUM_TRAININGS
from ..wording import labels_text, percent, percent_interval

if TYPE_CHECKING:
    from rich.table import Table

VERDICTS = {
    "a": "A is better",
    "b": "B is better",
    "not settled": "not settled",
    "too few patients": "too few patients",
}


def changes_table(found: Sequence[Change]) -> Table:
    """List what differs between two reports besides their scores."""
    from rich.text import Text

    table = _table("What changed")
    for heading in ("", "A", "B"):
        table.add_column(heading, overflow="fold")
    for change in found:
        table.add_row(*(Text(text) for text in (change.what, change.before, change.after)))
    return table


def comparison_table(comparisons: pd.DataFrame, cases: int, level: float) -> Table:
    """Show each pair of models under each corruption, in percent: B minus A, its interval, p and the verdict.

    Parameters
    ----------
    comparisons
        ``table`` of :class:`~biclip_bench.reports.run_comparison.RunComparison`.
    cases
        How many test cases both runs have.
    level
        Confidence level.
    """
    from rich.text import Text

    table = _table(f"Dice, mean over cases (%), on {cases} test cases of both runs")
    for heading in ("Model", "Labels", "Corruption"):
        table.add_column(heading, overflow="fold")
    for heading in ("A", "B", "B - A", "p"):
        table.add_column(heading, justify="right", no_wrap=heading != "B - A")
    table.add_column("Verdict")
    for _, row in comparisons.iterrows():
        models = row["model_a"] if row["model_a"] == row["model_b"] else f"{row['model_a']} / {row['model_b']}"
        interval = percent_interval(-row["high"], -row["low"])
        difference = f"{-100 * row['difference']:+.1f}" + (f" ({interval})" if interval else "")
        p_value = f"{row['p_holm']:.3f}" if row["p_holm"] >= 0.001 else "<0.001"
        table.add_row(
            Text(models),
            labels_text(row["labels"]),
            Text("all corruptions" if row["corruption"] == "all" else row["corruption"]),
            percent(row["dice_a"]),
            percent(row["dice_b"]),
            difference,
            p_value if pd.notna(row["p_holm"]) else "",
            Text(VERDICTS[row["verdict"]], style="bold" if row["significant"] else ""),
        )
    trained = (comparisons["scope"] != METHODS).any()
    scope = (
        f"With fewer than {MINIMUM_TRAININGS} trainings, verdicts are on these trained models: another seed may differ."
        if trained
        else "Patients and trainings were resampled: verdicts are on the methods."
    )
    table.caption = (
        f"In brackets the {100 * level:g}% interval; p of paired Wilcoxon tests over patients, corrected by Holm's "
        f"method. {scope}"
    )
    return table


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    return Table(
        title=Text(title),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
    )
