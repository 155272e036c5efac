"""What a command tells before it starts to work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from ...corruptions import CorruptionSpec, advice
from ..datasets import Dataset
from ..datasets.base import left_out_text


def print_advice(corruptions: Sequence[CorruptionSpec], dataset: Dataset, console: Console) -> None:
    """Print what a user should know about these corruptions on this data set's kind of images."""
    for spec in corruptions:
        for paragraph in advice(spec, dataset.context.modality):
            console.print(f"[yellow]Note:[/yellow] {paragraph}", highlight=False)


def print_defects(dataset: Dataset, console: Console) -> None:
    """Print how many cases ``--allow-issues`` left out, if any, and which warnings there are about the data."""
    look = f"'biclip-bench datasets check {dataset.name}'"
    if text := left_out_text(dataset):
        console.print(f"[yellow]Note:[/yellow] {text}. {look} lists them.", highlight=False)
    warnings = Counter(defect.kind for defect in getattr(dataset, "defects", ()) if defect.gravity == "warning")
    if warnings:
        kinds = ", ".join(f"{count} {kind}" for kind, count in warnings.items())
        console.print(f"[yellow]Note:[/yellow] Warnings about the data: {kinds}. {look} explains.", highlight=False)
