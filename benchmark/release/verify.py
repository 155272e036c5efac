"""Checking that a release is whole: every file there, unchanged, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from biclip_bench.errors import UserError

from .folder import files_in
from .manifest import MANIFEST, Manifest, ReleasedFile, file_digest

_NAMED = 5


@dataclass(frozen=True)
class Verification:
    """What a check found; paths are below the release's folder.

    Parameters
    ----------
    whole
        Number of files that are as the manifest says.
    missing, changed
        Files of the manifest that are not there, or have other bytes.
    added
        Files that the manifest does not name. What file browsers leave (``.DS_Store`` and the like) does not count.
    """

    whole: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def findings(self) -> dict[str, tuple[str, ...]]:
        """What is wrong, by kind; empty for a whole release."""
        found = {"missing": self.missing, "changed": self.changed, "added": self.added}
        return {kind: paths for kind, paths in found.items() if paths}


def verify_files(folder: Path, manifest: Manifest, console: Console) -> Verification:
    """Compare every file of a release with its manifest."""
    missing, changed = compare_files(folder, manifest.files, console)
    named = {file.path for file in manifest.files} | {MANIFEST}
    added = [path for path in files_in(folder) if path not in named]
    whole = len(manifest.files) - len(missing) - len(changed)
    return Verification(whole, tuple(missing), tuple(changed), tuple(added))


def compare_files(folder: Path, listed: Sequence[ReleasedFile], console: Console) -> tuple[list[str], list[str]]:
    """Compare files with their entries of the manifest.

    Returns
    -------
    missing, changed : list of str
        Paths of those that are not there, or have other bytes.
    """
    missing, changed = [], []
    for file in track(listed, "Verifying", console=console, transient=True, disable=not console.is_terminal):
        path = folder / file.path
        if not path.is_file():
            missing.append(file.path)
        elif path.stat().st_size != file.bytes or file_digest(path) != file.sha256:
            changed.append(file.path)
    return missing, changed


def print_verification(folder: Path, manifest: Manifest, found: Verification, console: Console) -> None:
    """Print what a release is, and what was found.

    Raises
    ------
    UserError
        If it is not whole.
    """
    table = Table("Release", escape(str(folder)), show_edge=False)
    source, values = manifest.dataset, manifest.values
    table.add_row("Data set", f"{source.name}, {source.cases} {source.part} cases")
    table.add_row("Its fingerprint", source.fingerprint[:16])
    for condition in manifest.conditions:
        severities = ", ".join(str(step.severity) for step in condition.severities)
        table.add_row("Condition", escape(f"{condition.name}, severity {severities}"))
    table.add_row("Values", f"{values.kind}, 16 bits, {values.file_format.upper()}")
    table.add_row("Made by", f"biclip-bench {manifest.software.get('biclip-bench')}, suite {manifest.suite_version}")
    table.add_row("Files as listed", f"{found.whole} of {len(manifest.files)}")
    for kind, paths in found.findings.items():
        table.add_row(f"Files {kind}", str(len(paths)))
    console.print(table, highlight=False)
    digest = file_digest(folder / MANIFEST)
    console.print(f"SHA-256 of the manifest: {digest}", soft_wrap=True, highlight=False)
    for kind, paths in found.findings.items():
        for path in paths:
            console.print(f"{kind}: {path}", markup=False, highlight=False, soft_wrap=True)
    if found.findings:
        told = "; ".join(f"{len(paths)} {kind} ({_some(paths)})" for kind, paths in found.findings.items())
        raise UserError(
            f"The release {folder} is not whole: {told}. Copy or download it again, and move files that are not of it "
            "out of its folder."
        )


def _some(paths: tuple[str, ...]) -> str:
    more = ", ..." if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
