"""What a command tells before it starts to work."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from ...corruptions import CorruptionSpec, advice
from ..datasets import Dataset


def print_advice(corruptions: Sequence[CorruptionSpec], dataset: Dataset, console: Console) -> None:
    """Print what a user should know about these corruptions on this data set's kind of images."""
    for spec in corruptions:
        for paragraph in advice(spec, dataset.context.modality):
            console.print(f"[yellow]Note:[/yellow] {paragraph}", highlight=False)
