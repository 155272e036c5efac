"""A report's details as a JSON file, so that a report can be written again without the data and the models."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from biclip_bench.errors import UserError
from biclip_bench.files import write_atomically

from .details import CorruptionNote, ModelNote, ReportDetails, ScoringNote

SCHEMA = 1
"""Raised when a file of an earlier version can no longer be read."""

_LEVEL_FIELDS = ("levels", "families", "remarks", "severities")


def write_details(details: ReportDetails, path: Path) -> Path:
    """Write details as JSON."""
    content = {"schema": SCHEMA, **asdict(details)}
    return write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_details(path: Path) -> ReportDetails:
    """Read what :func:`write_details` wrote.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content.pop("schema")
        if schema != SCHEMA:
            raise UserError(f"{path} is of version {schema!r}, this software reads {SCHEMA}: write the report again.")
        return _details(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}): write the report of the run again.") from error


def _details(content: dict[str, Any]) -> ReportDetails:
    unknown = set(content) - {field.name for field in fields(ReportDetails)}
    if unknown:
        raise ValueError(f"it has the unknown key {min(unknown)!r}")
    return ReportDetails(
        **content
        | {
            "models": tuple(_model(note) for note in content["models"]),
            "corruptions": tuple(_corruption(note) for note in content["corruptions"]),
            "scoring": ScoringNote(**content["scoring"]),
            "methods": tuple(content["methods"]),
            "citations": tuple(content["citations"]),
        }
    )


def _model(note: dict[str, Any]) -> ModelNote:
    families = note["augmented_with"]
    return ModelNote(**note | {"augmented_with": None if families is None else tuple(families)})


def _corruption(note: dict[str, Any]) -> CorruptionNote:
    return CorruptionNote(**note | {name: tuple(note[name]) for name in _LEVEL_FIELDS})
