"""The calibration's table: a row a level with its physical parameters, its measures and the judgement of its step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..details import CorruptionNote
from ..tables.markup import escape_markdown
from ..wording import NO_VALUE
from .calibration_details import CalibrationDetails

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Measure:
    """How a measure is printed: its heading, its digits, and the factor from the table of levels."""

    heading: str
    digits: int
    factor: float = 1.0


COLUMNS: Mapping[str, Measure] = {
    "ssim": Measure("SSIM", 3),
    "psnr_db": Measure("PSNR (dB)", 1),
    "rmse": Measure("RMSE (of 255)", 1),
    "change_sd": Measure("Change sd (of 255)", 1),
    "rmse_hu": Measure("RMSE (HU)", 1),
    "change_sd_hu": Measure("Change sd (HU)", 1),
    "clipped": Measure("Newly clipped (%)", 1, 100),
    "ssim_other": Measure("SSIM with another patient", 3),
    "step_ssim": Measure("SSIM falls by", 4),
    "step_rmse": Measure("RMSE rises by", 2),
}

IN_TERMINAL = {
    "ssim": "SSIM",
    "psnr_db": "PSNR dB",
    "rmse": "RMSE",
    "change_sd_hu": "sd HU",
    "clipped": "Clip %",
}
"""Short headings, so that a table is no wider than 80 columns."""


def calibration_markdown(levels: pd.DataFrame, details: CalibrationDetails) -> str:
    """Print the calibration as GitHub Markdown: the verdicts, a table a corruption, then how it was measured.

    Parameters
    ----------
    levels
        A row a corruption and level, clean (severity 0) first: ``corruption``, ``severity``, ``level`` (what it is
        physically, in a few words), ``mean``, ``low`` and ``high`` of every measure of :data:`COLUMNS`
        (``ssim_mean``), ``step`` (judgement of the step that leads to the level) and ``verdict`` (sentence about the
        corruption). The clean row has empty texts.
    details
        What else there is to say.
    """
    parts = [f"# Calibration on {escape_markdown(details.dataset)}", escape_markdown(details.sample)]
    verdicts = levels[levels["severity"] > 0].drop_duplicates("corruption")
    parts.append(
        "\n".join(
            f"- **{escape_markdown(name)}**: {escape_markdown(verdict)}"
            for name, verdict in zip(verdicts["corruption"], verdicts["verdict"], strict=True)
        )
    )
    shown = _with_values(levels, tuple(COLUMNS))
    for note in details.corruptions:
        varied = _varied(note)
        head = [
            "Severity",
            *(f"{name} ({note.units[name]})" if note.units[name] else name for name in varied),
            *(COLUMNS[key].heading for key in shown),
            "Step",
        ]
        lines = [_line([escape_markdown(text) for text in head]), _line(["---:"] * (len(head) - 1) + ["---"])]
        for row in _records(levels, note.name):
            values = [_level_value(note, name, row) for name in varied]
            lines.append(_line([_severity(row), *values, *(_with_interval(row, key) for key in shown), row["step"]]))
        parts += [f"## {escape_markdown(note.name)}", escape_markdown(note.summary)]
        parts += [escape_markdown(remark) for remark in note.remarks]
        parts.append("\n".join(lines))
    parts += ["## How it was measured", *map(escape_markdown, [details.intervals, *details.rules])]
    return "\n\n".join(parts) + "\n"


def calibration_table(levels: pd.DataFrame, corruption: str) -> Table:
    """Build one corruption's table for the terminal, its verdict below.

    Parameters
    ----------
    levels
        As for :func:`calibration_markdown`.
    corruption
        Its name.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [row for row in _records(levels, corruption) if row["severity"]]
    table = Table(
        title=Text(f"{corruption} (RMSE in grey levels of 255)"),
        caption=Text(rows[0]["verdict"]), box=box.SIMPLE_HEAD, pad_edge=False,
        padding=(0, 1, 0, 0), title_justify="left", caption_justify="left",
    )  # fmt: skip
    shown = _with_values(levels, tuple(IN_TERMINAL))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("Level", overflow="fold", min_width=8)
    for key in shown:
        table.add_column(IN_TERMINAL[key], justify="right", no_wrap=True)
        if key == "ssim":
            table.add_column("95% interval", no_wrap=True)
    table.add_column("Step", no_wrap=True)
    for row in rows:
        cells = [_number(row, f"{key}_mean", key) for key in shown]
        low, high = (_number(row, f"ssim_{part}", "ssim") for part in ("low", "high"))
        cells.insert(1, NO_VALUE if low == high == NO_VALUE else f"{low} to {high}")
        step = Text(row["step"], style="" if row["step"] == "real" else "bold yellow")
        table.add_row(_severity(row), Text(row["level"]), *map(Text, cells), step)
    return table


def _records(levels: pd.DataFrame, corruption: str) -> list[dict[str, Any]]:
    own = levels[levels["corruption"] == corruption]
    return [{str(name): value for name, value in row.items()} for row in own.to_dict("records")]


def _with_values(levels: pd.DataFrame, keys: tuple[str, ...]) -> list[str]:
    return [key for key in keys if levels[f"{key}_mean"].notna().any()]


def _varied(note: CorruptionNote) -> list[str]:
    names = list(note.units)
    varied = [name for name in names if len({level[name] for level in note.levels}) > 1]
    return varied or names


def _level_value(note: CorruptionNote, name: str, row: Mapping[str, Any]) -> str:
    if not row["severity"]:
        return NO_VALUE
    value = note.levels[int(row["severity"]) - 1][name]
    return escape_markdown(value) if isinstance(value, str) else f"{value:.6g}"


def _severity(row: Mapping[str, Any]) -> str:
    return str(row["severity"]) if row["severity"] else "clean"


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    low, high = (_number(row, f"{key}_{part}", key) for part in ("low", "high"))
    mean = _number(row, f"{key}_mean", key)
    exact = row[f"{key}_low"] == row[f"{key}_high"] == row[f"{key}_mean"]
    return mean if NO_VALUE in (low, high) or exact else f"{mean} ({low} to {high})"


def _number(row: Mapping[str, Any], column: str, key: str) -> str:
    value, measure = row[column], COLUMNS[key]
    if math.isinf(value):
        return "∞"
    return NO_VALUE if math.isnan(value) else f"{measure.factor * value:.{measure.digits}f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
