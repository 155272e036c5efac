"""Reading back a training cell from the folder of its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from biclip_bench.errors import UserError

from .cells import TrainingCell, TrainingSettings
from .store import DESCRIPTION


def read_checkpoint(folder: Path) -> tuple[TrainingCell, dict[str, Any]]:
    """Read a checkpoint's description.

    Parameters
    ----------
    folder
        A folder that training wrote, with ``cell.json`` and ``weights.safetensors``.

    Returns
    -------
    cell : TrainingCell
        The cell that it is the result of.
    config : dict
        The configuration of the run that trained it.

    Raises
    ------
    UserError
        If the folder holds no description, or one that does not fit this version.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"{folder} is no checkpoint folder: there is no {DESCRIPTION} in it. Give the folder that 'train' printed."
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        content = dict(description["cell"])
        content.pop("kind")
        content.pop("schema")
        content["cases"] = tuple(content["cases"])
        if "validation" in content:
            content["validation"] = tuple(content["validation"])
        content["training"] = TrainingSettings(**content["training"])
        cell = TrainingCell(**content)
        config = dict(description["config"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The description {path} is damaged or of another version ({error!r}). Train again.") from error
    if cell.key != description["key"]:
        raise UserError(
            f"The description {path} does not fit its own key: it was edited, or is of another version. Train again."
        )
    return cell, config
