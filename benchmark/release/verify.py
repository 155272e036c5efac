"""Checking that a release is whole: every file there, unchanged, and no other."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..listed_files import MANIFEST, Verification, file_digest, print_findings
from .manifest import Manifest


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
    print_findings(folder, found, "release", console)
