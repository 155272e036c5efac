"""A folder of predictions for a release: found, read and checked as a whole before anything is scored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from ..cells import CLEAN, DEFAULT_THRESHOLD, digest
from ..listed_files import files_in
from ..release.manifest import CLEAN_IMAGES, Manifest
from ..release.released import ReleasedDataset
from .findings import NAMED, Findings
from .prediction_files import SUFFIXES, Decoded, Kind, UnreadableFileError, decode_prediction
from .prediction_meaning import Meaning, What, meaning_of

Step = tuple[str, int]
"""Name of a condition and severity."""

_OF_TOOLS = frozenset({"dataset.json", "plans.json", "predict_from_raw_data_args.json"})
"""What nnU-Net writes into every folder of predictions."""


@dataclass(frozen=True)
class Predictions:
    """Checked predictions of whole conditions.

    Parameters
    ----------
    folder
        Where they lie.
    files
        For each condition and severity the file of each case.
    meanings
        What the numbers of each kind of storage mean.
    sha256
        Digest of all files with their names.
    """

    folder: Path
    files: Mapping[Step, Mapping[str, Path]]
    meanings: Mapping[Kind, Meaning]
    sha256: str

    @property
    def output(self) -> str:
        """What they are: ``"masks"``, ``"probabilities"`` or both."""
        return " and ".join(sorted({meaning.what for meaning in self.meanings.values()}))

    def read(
        self, step: Step, case: str, threshold: float = DEFAULT_THRESHOLD
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32] | None]:
        """Read what is predicted for a case.

        Parameters
        ----------
        step, case
            The condition and the case.
        threshold
            The probability above which a pixel is lesion, in (0, 1).

        Returns
        -------
        mask : array
            bool of shape (H, W).
        probability : array or None
            float32 of shape (H, W) in [0, 1]; None where the file holds a mask.
        """
        path = self.files[step][case]
        decoded = decode_prediction(path.read_bytes(), path.suffix.lower())
        meaning = self.meanings[decoded.kind]
        if meaning.what == "masks":
            return np.asarray(decoded.values > meaning.scale / 2), None
        mask = np.asarray(decoded.values > threshold * meaning.scale)
        return mask, (decoded.values / meaning.scale).astype(np.float32)


def read_predictions(
    folder: Path, release: ReleasedDataset, manifest: Manifest, stated: What | None = None
) -> Predictions:
    """Find and check the predictions for a release.

    Parameters
    ----------
    folder
        With the release's own folders: ``CONDITION/severity-N/FILE`` and ``clean/images/FILE`` (or ``clean/FILE``);
        FILE is the case's name in ``cases.csv`` with one of the endings of :data:`SUFFIXES`.
    release, manifest
        What they were made for.
    stated
        What their numbers are, where the user says so.

    Raises
    ------
    UserError
        If a condition is not whole, a file is there that belongs to no case, or one cannot be read, has another size
        than its image, or holds numbers that are no prediction. The message names the first files of each kind.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder of predictions {folder}: name the one that holds the conditions' folders.")
    findings = Findings()
    files = _find(folder, release, manifest, findings)
    _check_whole(files, release, manifest, findings)
    closing = (
        f"Every condition that is there needs each of the {len(release.stems)} cases at each of the release's "
        "severities once, as FILE.png, .tif, .npy or .npz on the pixels of its image, and nothing else may lie in the "
        "folder."
    )
    opening = f"The predictions in {folder} do not fit the release {release.folder}"
    findings.refuse(opening, closing)

    levels: dict[Kind, set[float]] = {}
    digests: list[tuple[str, str]] = []
    for step, by_case in files.items():
        for case, path in by_case.items():
            content = path.read_bytes()
            digests.append((f"{step[0]}/{step[1]}/{case}{path.suffix.lower()}", hashlib.sha256(content).hexdigest()))
            name = path.relative_to(folder).as_posix()
            try:
                decoded = decode_prediction(content, path.suffix.lower())
            except UnreadableFileError as error:
                findings.add("unreadable", name, str(error))
                continue
            if _check_values(decoded, release.shape(case), name, findings):
                levels.setdefault(decoded.kind, set()).update(_levels(decoded))
    findings.refuse(opening, closing)
    try:
        meanings = meaning_of(levels, stated)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    return Predictions(folder, files, meanings, digest(sorted(digests)))


def _find(
    folder: Path, release: ReleasedDataset, manifest: Manifest, findings: Findings
) -> dict[Step, dict[str, Path]]:
    places = _places(manifest)
    folders = {place: step for step, place in places.items()} | {CLEAN: (CLEAN, 0)}
    cases = {stem: case for case, stem in release.stems.items()}
    found: dict[Step, dict[str, Path]] = {}
    others = []
    for name in files_in(folder):
        place, _, file = name.rpartition("/")
        if file in _OF_TOOLS:
            continue
        suffix = Path(file).suffix
        case = cases.get(file.removesuffix(suffix))
        if place not in folders or case is None or suffix.lower() not in SUFFIXES:
            others.append(name)
        elif case in found.setdefault(folders[place], {}):
            findings.add("predicted twice", name)
        else:
            found[folders[place]][case] = folder / name
    if not found:
        raise UserError(
            f"The folder {folder} holds no prediction for the release {release.folder}: it should hold files such as "
            f"{' and '.join(f'{place}/{next(iter(cases))}.png' for place in [*places.values()][:2])}. "
            + (f"Found: {', '.join(others[:NAMED])}." if others else "It is empty.")
        )
    for name in others:
        place = name.rpartition("/")[0]
        hint = "" if place in folders or not place else suggest(place, [*folders]).partition(" Known")[0]
        findings.add("superfluous", name, hint if hint.startswith("Did you mean") else "")
    return {step: found[step] for step in manifest.steps if step in found}


def _check_whole(
    files: Mapping[Step, Mapping[str, Path]], release: ReleasedDataset, manifest: Manifest, findings: Findings
) -> None:
    there = {name for name, _ in files}
    for step, place in _places(manifest).items():
        missing = [stem for case, stem in release.stems.items() if case not in files.get(step, {})]
        if step[0] in there:
            for stem in missing:
                findings.add("missing", f"{place}/{stem}")


def _places(manifest: Manifest) -> dict[Step, str]:
    """Where the images of each condition and severity lie in the release, and their predictions likewise."""
    severities = {
        (condition.name, step.severity): f"{condition.folder}/severity-{step.severity}"
        for condition in manifest.conditions
        for step in condition.severities
    }
    return {(CLEAN, 0): CLEAN_IMAGES, **severities}


def _check_values(decoded: Decoded, shape: tuple[int, int], name: str, findings: Findings) -> bool:
    """Whether a file's numbers may be looked at further."""
    values = decoded.values
    if values.shape != shape:
        findings.add("of a wrong size", name, f"{_size(values.shape)}, not {_size(shape)}")
        return False
    if decoded.kind == "floating point":
        if not np.isfinite(values).all():
            findings.add("with NaN or infinity", name)
            return False
        if values.min() < 0 or values.max() > 1:
            findings.add("outside [0, 1]", name, f"{values.min():.4g} to {values.max():.4g}")
            return False
    elif decoded.kind == "whole numbers" and values.min() < 0:
        findings.add("with negative numbers", name)
        return False
    return True


def _levels(decoded: Decoded) -> set[float]:
    if decoded.kind == "floating point":
        inside = decoded.values[(decoded.values > 0) & (decoded.values < 1)]
        return {float(decoded.values.min()), float(decoded.values.max()), *map(float, inside[:1])}
    return {float(value) for value in np.unique(decoded.values)}


def _size(shape: Any) -> str:
    return " x ".join(map(str, shape))
