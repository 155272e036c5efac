"""The results store: one folder per finished cell, written under a temporary name and renamed when whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from .cells import EvaluationCell, TrainingCell

WEIGHTS = "weights.safetensors"
LOG = "log.csv"
SCORES = "scores.parquet"
MASKS = "masks.parquet"
DESCRIPTION = "cell.json"


class Store:
    """Finished cells in a folder that several processes, and several machines, may share.

    Parameters
    ----------
    root
        Folder of the store; made when the first cell is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def training_folder(self, cell: TrainingCell) -> Path:
        """Where a finished training cell lies."""
        return self.root / "training" / cell.key

    def evaluation_folder(self, cell: EvaluationCell) -> Path:
        """Where a finished evaluation cell lies."""
        return self.root / "evaluation" / cell.key

    def has(self, cell: TrainingCell | EvaluationCell) -> bool:
        """Whether a cell is finished: its folder only ever appears whole."""
        folder = self.training_folder(cell) if isinstance(cell, TrainingCell) else self.evaluation_folder(cell)
        return folder.is_dir()

    @contextmanager
    def training_in_progress(self, cell: TrainingCell) -> Iterator[Path | None]:
        """Give the one process that trains a cell its working folder, and keep the folder when the body succeeds.

        The folder survives a killed process, so that the next attempt resumes from the checkpoint in it. A second
        process waits here until the first is done, and then gets None: the cell is finished.
        """
        final = self.training_folder(cell)
        working = final.with_name(f"{cell.key}.partial")
        lock = final.with_name(f"{cell.key}.lock")
        final.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            if final.is_dir():
                yield None
            else:
                working.mkdir(exist_ok=True)
                yield working
                working.rename(final)
        lock.unlink(missing_ok=True)

    def write_evaluation(
        self, cell: EvaluationCell, scores: pd.DataFrame, masks: pd.DataFrame, description: Mapping[str, Any]
    ) -> None:
        """Keep an evaluation cell's table of scores and its predicted masks."""
        final = self.evaluation_folder(cell)
        working = final.with_name(f"{cell.key}.{os.getpid()}.partial")
        working.mkdir(parents=True, exist_ok=True)
        scores.to_parquet(working / SCORES, index=False)
        masks.to_parquet(working / MASKS, index=False)
        write_json(working / DESCRIPTION, description)
        try:
            working.rename(final)
        except OSError:
            # Another process finished the same cell first; its bits are the same.
            if not final.is_dir():
                raise
            shutil.rmtree(working)

    def read_scores(self, cells: Iterable[EvaluationCell]) -> pd.DataFrame:
        """Read the per-case scores of several cells as one frame."""
        frames = [pd.read_parquet(self.evaluation_folder(cell) / SCORES) for cell in cells]
        return pd.concat(frames, ignore_index=True)

    def read_masks(self, cell: EvaluationCell, cases: list[str]) -> dict[str, bytes]:
        """Read the predicted masks of some cases, as 1-bit PNG files."""
        frame = pd.read_parquet(self.evaluation_folder(cell) / MASKS, filters=[("case", "in", cases)])
        return dict(zip(frame["case"], frame["png"], strict=True))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
