"""The truth that predictions are scored against: a release's own masks, checked against its manifest."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from biclip_bench.errors import UserError

from ..cells import DEFAULT_THRESHOLD, EvaluationCell, OutsideModel, Threshold, digest
from ..listed_files import MANIFEST, compare_files
from ..release.manifest import CASES, Condition, Manifest, read_manifest
from ..release.released import ReleasedDataset
from .findings import Findings
from .prediction_folder import Step

BESIDE = "release"
"""Name of the folder beside the predictions in which a release is looked for where none is named."""


def release_folder(predictions: Path, named: Path | None) -> Path:
    """The release's folder: the one that is named, or ``release`` beside the predictions.

    Raises
    ------
    UserError
        If none is named and there is none beside the predictions.
    """
    beside = predictions.resolve().parent / BESIDE
    if named is None and not (beside / MANIFEST).is_file():
        raise UserError(
            f"--predictions {predictions}: name the corrupted set that they were made for with --release. There is no "
            f"release in {beside}."
        )
    return named or beside


def open_truth(folder: Path, console: Console) -> tuple[Manifest, ReleasedDataset]:
    """Open a release, and verify its masks and its table of cases.

    Raises
    ------
    UserError
        If it is no release, or one of these files is missing or changed.
    """
    manifest = read_manifest(folder)
    needed = [file for file in manifest.files if file.kind == "mask" or file.path == CASES]
    missing, changed = compare_files(folder, needed, console)
    findings = Findings()
    for what, paths in (("missing", missing), ("changed", changed)):
        for path in paths:
            findings.add(what, path)
    findings.refuse(
        f"The release {folder} is not as its {MANIFEST} says",
        "Nothing can be scored against it: copy or download it again.",
    )
    return manifest, ReleasedDataset(folder, manifest)


def images_are_whole(folder: Path, manifest: Manifest, cases: list[str], steps: list[Step], console: Console) -> bool:
    """Whether the images of some cases are there and unchanged, to be shown beside the predictions."""
    wanted = {(*step, case) for step in [*steps, ("clean", 0)] for case in cases}
    listed = [file for file in manifest.files if (file.condition, file.severity, file.case) in wanted]
    return len(listed) == len(wanted) and compare_files(folder, listed, console) == ([], [])


def released_cells(
    model: OutsideModel, manifest: Manifest, steps: list[Step], threshold: Threshold = DEFAULT_THRESHOLD
) -> list[EvaluationCell]:
    """The evaluation cells of predictions under the conditions of a release."""
    masks = sorted((file.path, file.sha256) for file in manifest.files if file.kind == "mask" or file.path == CASES)
    truth = {
        "fingerprint": manifest.dataset.fingerprint,
        "suite": manifest.suite_version,
        "truth": digest(masks),
        "pixel_size_mm": manifest.context.pixel_size_mm,
    }
    made = {
        (condition.name, step.severity): [part.model_dump(mode="json") for part in step.parts]
        for condition in manifest.conditions
        for step in condition.severities
    }
    return [
        EvaluationCell(model, name, severity, truth | {"parts": made.get((name, severity), [])}, threshold)
        for name, severity in steps
    ]


def conditions_of(manifest: Manifest, steps: list[Step]) -> list[Condition]:
    """The conditions of a release that some steps are of."""
    there = {name for name, _ in steps}
    return [condition for condition in manifest.conditions if condition.name in there]
